"""A whole Oncue in the test's own process: real database, real sandbox, an obedient clock.

Nothing runs by itself. `await oncue.run_due()` promotes and runs what is due at the clock's
time, until nothing is; a test moves the clock to go on.
"""

import asyncio
import base64
import os
import socket
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar, cast
from uuid import UUID

import asyncpg
import httpx2 as httpx
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from sqlalchemy import Table, insert, select, text
from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.vault import Vault, parse_keys
from oncue.accounts.vault_check import verify_vault
from oncue.api.app import create_app
from oncue.api.edge import Edge
from oncue.api.services import Services
from oncue.connectors.base import Identity
from oncue.db.base import Base
from oncue.db.database import Database
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.addresses import NOTHING
from oncue.lib.http import HttpClient
from oncue.lib.outbound import GuardedClient
from oncue.media.intake import Probe
from oncue.media.mending import Render
from oncue.publishing.engine import Work
from oncue.publishing.promoter import Job
from oncue.publishing.publisher import Publisher
from oncue.publishing.worker import Worker
from oncue.runtime import assemble, upgrade_schema
from oncue.sandbox.app import create_app as create_sandbox
from oncue.sandbox.identities import USERS
from oncue.sandbox.ledger import Entry, Ledger
from oncue.settings import Settings
from oncue.workspaces import keys
from oncue.workspaces import service as workspaces
from oncue.workspaces.keys import ALL_SCOPES, Dialect
from sniffing import copied, sniffed

T = TypeVar("T")

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MASTER_KEY = "test:" + base64.b64encode(b"k" * 32).decode()


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    async def sleep(self, seconds: float) -> None:
        """What the program takes for waiting: the clock moves, and nobody waits."""
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class DirectEngine:
    """An Engine that keeps jobs in a list until the test has them run."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.jobs: list[Job] = []

    async def commit(self, work: Work[T]) -> T:
        result, jobs = await self._db.write(work)
        self.jobs += jobs
        return result

    async def run(self, handle: Callable[[Job], Awaitable[None]]) -> None:
        while self.jobs:
            await handle(self.jobs.pop(0))

    def stop(self) -> None:
        pass

    async def live(self, jobs: Collection[Job]) -> Collection[Job]:
        return [job for job in jobs if job in self.jobs]

    async def depth(self) -> int:
        return len(self.jobs)

    async def unblock(self) -> None:
        pass

    async def tidy(self) -> None:
        pass


@dataclass
class Installation:
    """One workspace with a key and an account on every network, published by hand."""

    db: Database
    services: Services
    engine: DirectEngine
    publisher: Publisher
    worker: Worker
    clock: Clock
    ledger: Ledger
    sandbox_url: str
    workspace_id: UUID
    key: str = field(repr=False)
    accounts: dict[str, Account]
    app: Edge
    api: httpx.AsyncClient
    _http: ClientSession

    def account(self, platform: str) -> str:
        """The id of the account on a platform, as the native dialect writes it."""
        return ids.to_typeid("acc", self.accounts[platform].id)

    async def run_due(self) -> None:
        """Promote and run everything that is due at the clock's time."""
        for _ in range(1_000):
            await self.worker.promote()
            if not self.engine.jobs:
                return
            await self.engine.run(self.publisher.publish)
        raise AssertionError("there is always something due")

    async def errands(self) -> None:
        """Let the worker do all its other duties, until nothing of them is due."""
        for _ in range(1_000):
            waiting = [await duty.act() for duty in self.worker.duties]
            if not any(due is not None and due <= self.clock() for due in waiting):
                return
        raise AssertionError("there is always something to do")

    async def create(self, *platforms: str, **fields: Any) -> dict[str, Any]:
        """POST /v1/posts to the accounts of these platforms; the post as answered."""
        body = {"content": "Hello", "accountIds": [self.account(p) for p in platforms]} | fields
        answer = await self.api.post("/v1/posts", json=body)
        assert answer.status_code == 201, answer.text
        post: dict[str, Any] = answer.json()
        return post

    async def publish(self, *platforms: str, **fields: Any) -> dict[str, Any]:
        """Create a post, publish it, run what is due; the post as it then is."""
        post = await self.create(*platforms, **fields)
        answer = await self.api.post(f"/v1/posts/{post['id']}/publish")
        assert answer.status_code == 200, answer.text
        await self.run_due()
        return await self.get(post["id"])

    async def get(self, post_id: str) -> dict[str, Any]:
        answer = await self.api.get(f"/v1/posts/{post_id}")
        assert answer.status_code == 200, answer.text
        post: dict[str, Any] = answer.json()
        return post

    async def fault(self, **order: object) -> None:
        """Order a fault from the sandbox."""
        async with self._http.post(f"{self.sandbox_url}/_sandbox/faults", json=order) as answer:
            assert answer.status == 201, await answer.text()

    async def forgive(self) -> None:
        """Take back every fault that is still to come."""
        async with self._http.delete(f"{self.sandbox_url}/_sandbox/faults") as answer:
            assert answer.ok, await answer.text()

    async def withdraw(self, platform: str) -> None:
        """Have everybody take back what they allowed on a platform."""
        url = f"{self.sandbox_url}/_sandbox/grants"
        async with self._http.delete(url, params={"platform": platform}) as answer:
            assert answer.ok, await answer.text()

    def posts(self, platform: str) -> Sequence[Entry]:
        """What a network accepted as posts, in order."""
        return self.ledger.entries(platform=platform, kind="post")

    async def new_key(self, *scopes: str, workspace_id: UUID | None = None) -> str:
        """A key with these scopes, of this workspace or another."""
        made = await self.db.write(
            lambda session: keys.create(
                session,
                workspace_id or self.workspace_id,
                dialect=Dialect.NATIVE,
                scopes=scopes or ALL_SCOPES,
                now=self.clock(),
            )
        )
        return made.key

    async def new_workspace(self, name: str = "Another") -> UUID:
        made = await self.db.write(lambda session: workspaces.create(session, name, self.clock()))
        return made.id

    async def new_account(
        self, platform: str, name: str, workspace_id: UUID | None = None
    ) -> Account:
        """One more sandbox account."""
        owner = workspace_id or self.workspace_id
        vault = self.services.vault
        return await self.db.write(
            lambda session: connect(session, vault, owner, platform, name, self.clock())
        )


@asynccontextmanager
async def install(
    settings: Settings,
    db: Database,
    clock: Clock,
    outbound: HttpClient | None = None,
    guarded: GuardedClient | None = None,
    probe: Probe = sniffed,
    render: Render = copied,
) -> AsyncIterator[Installation]:
    """Set up an installation on an empty database, beside a sandbox of its own.

    A platform that the settings give an address is reached there and not in the sandbox. Where
    they give the installation a public address, the sandbox reaches it there. Files are looked
    into by `probe` and mended by `render`, which here cost no process of their own.
    """
    ledger, public = Ledger(), list[httpx.AsyncClient]()

    async def fetch(url: str) -> bytes:
        if not url.startswith(f"{settings.public_url or 'http://oncue.test'}/"):
            raise OSError(f"{url} is nobody's")
        answer = await public[0].get(url, headers={"authorization": ""})
        return bytes(answer.content)

    sandbox = TestServer(create_sandbox(ledger, now=clock, fetch=fetch))
    await sandbox.start_server()
    sandbox_url = str(sandbox.make_url("")).rstrip("/")
    vault = parse_keys(MASTER_KEY)
    workspace_id, key, rows = await db.write(lambda session: _begin(session, vault, clock()))
    http, outbound = ClientSession(), outbound or HttpClient(timeout=2)
    engine = DirectEngine(db)
    made = assemble(
        replace(settings, sandbox_url=sandbox_url),
        db,
        vault,
        outbound,
        engine,
        guarded or GuardedClient(NOTHING, resolver=no_names),
        probe=probe,
        render=render,
        now=clock,
        sleep=clock.sleep,
    )
    app = _served(made.services)
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://oncue.test", headers=headers
    ) as api:
        public.append(api)
        yield Installation(
            db=db,
            services=made.services,
            engine=engine,
            publisher=made.worker.publisher,
            worker=made.worker,
            clock=clock,
            ledger=ledger,
            sandbox_url=sandbox_url,
            workspace_id=workspace_id,
            key=key,
            accounts={row.platform: row for row in rows},
            app=app,
            api=api,
            _http=http,
        )
    await outbound.close()
    await http.close()
    await sandbox.close()


_application: list[Edge] = []


def _served(services: Services) -> Edge:
    """The application on these services: one for all tests of a process.

    FastAPI's routers keep every application that includes them, and building one takes longer
    than most tests.
    """
    if not _application:
        _application.append(create_app(services))
    [edge] = _application
    cast("FastAPI", edge._app).state.services = services
    return edge


def connect(
    session: Session, vault: Vault, owner: UUID, platform: str, name: str, now: datetime
) -> Account:
    """Connect a sandbox user, as `oncue init --sandbox` does."""
    user = USERS[platform](name)
    new = NewAccount(platform=platform, credentials=user.credentials, server=user.server)
    identity = Identity(
        native_id=user.native_id, username=user.username, display_name=f"{name} on {platform}"
    )
    return accounts.connect(session, vault, owner, new, identity, now)


async def no_names(_name: str) -> Sequence[str]:
    """A resolver that knows nobody."""
    return ()


Populated: TypeAlias = tuple[UUID, str, list[Account]]

_begun: Final[dict[datetime, tuple[Populated, Mapping[Table, Sequence[dict[str, Any]]]]]] = {}


def _begin(session: Session, vault: Vault, now: datetime) -> Populated:
    """An emptied database with a workspace in it, the same for all tests of a process.

    What making it leaves in the tables is kept, and simply put back for the next test.
    """
    _empty(session)
    if now not in _begun:
        populated = _populate(session, vault, now)
        session.flush()
        _begun[now] = populated, _contents(session)
        return populated
    (owner, key, _), contents = _begun[now]
    for table, rows in contents.items():
        session.execute(insert(table), rows)
    return owner, key, list(session.scalars(select(Account).order_by(Account.number)))


def _populate(session: Session, vault: Vault, now: datetime) -> Populated:
    verify_vault(session, vault)
    owner = workspaces.create(session, "Test", now).id
    made = keys.create(session, owner, dialect=Dialect.NATIVE, scopes=ALL_SCOPES, now=now)
    rows = [connect(session, vault, owner, platform, "oncue", now) for platform in USERS]
    return owner, made.key, rows


def _contents(session: Session) -> Mapping[Table, Sequence[dict[str, Any]]]:
    """The rows of every table that has any, as they can be inserted, in this order.

    A number that the database counts is left to it.
    """
    found = {}
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if column.autoincrement is not True]
        found[table] = session.execute(select(*columns)).mappings().all()
    return {table: [dict(row) for row in rows] for table, rows in found.items() if rows}


def _empty(session: Session) -> None:
    statements = [f"DELETE FROM {table}" for table in reversed(Base.metadata.sorted_tables)]
    if session.get_bind().dialect.name == "postgresql":  # in one round trip
        statements = [f"DO $$ BEGIN {'; '.join(statements)}; END $$"]
    for statement in statements:
        session.execute(text(statement))


def migrated(settings: Settings) -> None:
    """Bring the database the settings name to the present schema."""

    async def run() -> None:
        db = open_database(settings)
        await upgrade_schema(settings, db)
        await db.close()

    asyncio.run(run())


def pg_url(database: str) -> str:
    """An address on the PostgreSQL that tests may use."""
    server = os.environ.get("ONCUE_TEST_PG", "postgresql://postgres@127.0.0.1:5432")
    return f"{server}/{database}"


def pg_reachable() -> bool:
    host, _, port = pg_url("").rsplit("@", 1)[-1].rstrip("/").partition(":")
    try:
        socket.create_connection((host, int(port or 5432)), timeout=2).close()
    except OSError:
        return False
    return True


@contextmanager
def pg_database(name: str) -> Iterator[str]:
    """A database of this name for as long as the block lasts, new and empty."""

    async def run(*statements: str) -> None:
        connection = await asyncpg.connect(pg_url("postgres"))
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"))
    yield pg_url(name)
    asyncio.run(run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def hang_up(url: str) -> None:
    """End every connection to the database, as a restart does."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()
