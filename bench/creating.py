"""Creating posts: the core function alone, and POST /v1/posts over real HTTP.

The bare programs write the same rows, with the driver alone (sqlite3, asyncpg); over HTTP from
a bare ASGI application, under Granian like ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final
from uuid import UUID

import aiohttp
from bench.bare_inserts import BATCH, BarePostgres, BareSqlite
from bench.figures import Database, Extent, Figure, Pace, Profile, Results, each, paced
from bench.places import Place, place
from bench.processes import ONCUE, PYTHON, Process, running
from bench.sampling import sampled

from oncue.db.open import open_database, sqlite_file
from oncue.lib.clock import utc_now
from oncue.posts import service as posts
from oncue.posts.values import NewPost

CONCURRENCY: Final = 32
WARM_UP: Final = 50
ACCOUNTS: Final = 20
REQUESTS_PER_KEY: Final = 500  # a key may send 1,000 a minute
CONTENT: Final = "Something to say about number {number}, of the usual length of such things."


def core(database: Database, extent: Extent, command: str) -> Results:
    """`posts.create` through `db.write`."""
    with place(database, account_count=ACCOUNTS) as at:
        ours = asyncio.run(_ours(at, extent))
        with sampled() as sampler:
            asyncio.run(_ours(at, extent.part))
        beside = {
            beside: asyncio.run(_bare(at, extent, batch))
            for beside, batch in _ways(database).items()
        }
    return Results(
        figures=[
            Figure(
                what="posts.create",
                database=database,
                ours=ours,
                bare=bare,
                beside=words,
                command=command,
            )
            for words, bare in beside.items()
        ],
        profiles=[Profile(what="posts.create", database=database, shares=sampler.shares)],
    )


def over_http(database: Database, extent: Extent, command: str) -> Results:
    """POST /v1/posts to `oncue serve`, beside a bare application on the same server."""
    key_count = (extent.items + WARM_UP) // REQUESTS_PER_KEY + 1
    with place(database, account_count=ACCOUNTS, key_count=key_count) as at:
        ours = _served(at, extent, _oncue(at))
        bare = _served(at, extent, _bare_server(at))
    figure = Figure(
        what="POST /v1/posts",
        database=database,
        ours=ours,
        bare=bare,
        beside="bare ASGI",
        command=command,
    )
    return Results(figures=[figure])


def _ways(database: Database) -> dict[str, int]:
    """How a bare program may write the rows, and how many posts share a commit then."""
    if database is Database.SQLITE:
        return {"a commit each": 1, f"{BATCH} a commit": BATCH}
    return {"a commit each": 1}


async def _ours(at: Place, extent: Extent) -> Pace:
    db = open_database(at.settings)

    async def create(number: int) -> None:
        new = NewPost(content=CONTENT.format(number=number), account_ids=at.two_accounts(number))
        await db.write(lambda session: posts.create(session, at.workspace_id, new, utc_now()))

    try:
        return await _pace(extent, create)
    finally:
        await db.close()


async def _bare(at: Place, extent: Extent, batch: int) -> Pace:
    db: BareSqlite | BarePostgres
    if at.settings.is_sqlite:
        db = BareSqlite(sqlite_file(at.settings), batch)
    else:
        db = await BarePostgres.open(at.settings.database_url)

    async def create(number: int) -> None:
        content = CONTENT.format(number=number)
        await db.create(at.two_accounts(number), content)

    try:
        return await _pace(extent, create)
    finally:
        await db.close()


async def _pace(
    extent: Extent, create: Callable[[int], Awaitable[None]], pid: int | None = None
) -> Pace:
    await each(replace(extent, items=WARM_UP), CONCURRENCY, create)
    return await paced(lambda: each(extent, CONCURRENCY, create), pid)


def _oncue(at: Place) -> AbstractContextManager[Process]:
    return running(ONCUE, "serve", "--port", "{port}", environment=at.environment)


def _bare_server(at: Place) -> AbstractContextManager[Process]:
    database = at.settings.database_url or str(sqlite_file(at.settings))
    return running(PYTHON, "-m", "bench.bare_server", "{port}", database)


def _served(at: Place, extent: Extent, starting: AbstractContextManager[Process]) -> Pace:
    with starting as process:
        return asyncio.run(_post_all(at, extent, process))


async def _post_all(at: Place, extent: Extent, process: Process) -> Pace:
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as http:

        async def create(number: int) -> None:
            key = at.keys[number % len(at.keys)]
            async with http.post(
                f"{process.url}/v1/posts",
                json={
                    "content": CONTENT.format(number=number),
                    "accountIds": _named(at.two_accounts(number)),
                },
                headers={"authorization": f"Bearer {key}"},
            ) as answer:
                if answer.status != 201:
                    raise RuntimeError(f"{answer.status}: {await answer.text()}")
                await answer.read()

        return await _pace(extent, create, process.pid)


def _named(account_ids: Sequence[UUID]) -> list[str]:
    return [str(each) for each in account_ids]
