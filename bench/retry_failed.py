"""Retry very many failures in one request, on both databases, while others go on asking.

python bench/retry_failed.py                                     100,000 failures on each
python bench/retry_failed.py --rows 10000 --database sqlite      fewer, on one

A post is created and read all the while. Their latency is measured before the retry and during
it; memory is the server's, sampled from its start to the last byte of the answer.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs as a script too

from bench.figures import Database
from bench.places import Place, place, sandbox_user, why_missing
from bench.processes import ONCUE, Process, running

from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.clock import iso, utc_now
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post

ROWS: Final = 100_000
ACCOUNTS: Final = 20
WRITTEN_AT_ONCE: Final = 2_000
EVERY_SECONDS: Final = 0.05  # between two looks at memory, and between two requests of others
CALM_REQUESTS: Final = 60
MEBIBYTE: Final = 1024 * 1024

progress = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """What others waited for an answer, in milliseconds."""

    count: int
    median: float
    worst_of_hundred: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One retry, and what others noticed of it."""

    database: Database
    rows: int
    seconds: float
    answer_bytes: int
    memory_growth_mebibytes: float
    calm: Latencies
    meanwhile: Latencies
    command: str


@dataclass(slots=True)
class Others:
    """Somebody who creates a post and reads it, again and again."""

    at: Place
    url: str
    http: aiohttp.ClientSession
    waited: list[float] = field(default_factory=list)
    asked: int = 0

    async def ask(self) -> None:
        key = self.at.keys[1 + self.asked % (len(self.at.keys) - 1)]
        headers = {"authorization": f"Bearer {key}"}
        body = {"content": "Meanwhile", "accountIds": [str(self.at.accounts[0])]}
        self.asked += 1
        post = await self._timed("POST", "/v1/posts", headers, json=body)
        await self._timed("GET", f"/v1/posts/{post['id']}", headers)
        await asyncio.sleep(EVERY_SECONDS)

    async def _timed(
        self, method: str, path: str, headers: Mapping[str, str], **more: Any
    ) -> Mapping[str, Any]:
        start = time.perf_counter()
        async with self.http.request(method, self.url + path, headers=headers, **more) as answer:
            body: Mapping[str, Any] = await answer.json()
            if not answer.ok:
                raise RuntimeError(f"{answer.status}: {body}")
        self.waited.append((time.perf_counter() - start) * 1000)
        return body

    def latencies(self) -> Latencies:
        waited = sorted(self.waited)
        self.waited = []
        return Latencies(
            count=len(waited),
            median=waited[len(waited) // 2],
            worst_of_hundred=waited[len(waited) * 99 // 100],
            worst=waited[-1],
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure; a table, or JSON."""
    parser = argparse.ArgumentParser(
        prog="bench/retry_failed.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many failures")
    parser.add_argument("--database", choices=list(Database), help="one database")
    asked = parser.parse_args(arguments)
    found: list[Measured] = []
    skipped: list[str] = []
    for database in [Database(asked.database)] if asked.database else list(Database):
        if missing := why_missing(database):
            skipped.append(missing)
            progress.print(missing)
            continue
        progress.print(f"{asked.rows:,} failures on {database} ...")
        found.append(measure(database, asked.rows))
    if asked.json:
        print(json.dumps({"measured": [asdict(each) for each in found], "skipped": skipped}))
    else:
        _show(found)


def measure(database: Database, rows: int) -> Measured:
    """Fail `rows` destinations, and retry them in one request."""
    with place(database, account_count=ACCOUNTS, key_count=8) as at:
        asyncio.run(_fail(at, rows))
        serve = running(
            ONCUE, "serve", "--no-worker", "--port", "{port}", environment=at.environment
        )
        with serve as process:
            return asyncio.run(_retry(at, database, rows, process))


async def _retry(at: Place, database: Database, rows: int, process: Process) -> Measured:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as http:
        others = Others(at, process.url, http)
        for _ in range(CALM_REQUESTS):
            await others.ask()
        calm = others.latencies()
        before = resident_mebibytes(process.pid)
        async with _meanwhile(others), _watched(process.pid) as peak:
            start = time.perf_counter()
            count, size = await _ask_for_all(at, process.url, http)
            seconds = time.perf_counter() - start
    if count != rows:
        raise RuntimeError(f"{count} of {rows} were retried")
    return Measured(
        database=database,
        rows=rows,
        seconds=seconds,
        answer_bytes=size,
        memory_growth_mebibytes=max(peak, default=before) - before,
        calm=calm,
        meanwhile=others.latencies(),
        command=f"python bench/retry_failed.py --rows {rows} --database {database}",
    )


async def _ask_for_all(at: Place, url: str, http: aiohttp.ClientSession) -> tuple[int, int]:
    """How many were retried, and the size of the answer."""
    async with http.post(
        f"{url}/api/v1/posts/retry-failed",
        json={"failed_after": iso(utc_now() - timedelta(days=1))},
        headers={"authorization": f"Bearer {at.keys[0]}"},
    ) as answer:
        body = await answer.read()
        if not answer.ok:
            raise RuntimeError(f"{answer.status}: {body[:500]!r}")
    told = json.loads(body)
    if told["destinations"] != told["data"]["destinations"]:
        raise RuntimeError("the answer contradicts itself")
    return len(told["destinations"]), len(body)


@asynccontextmanager
async def _meanwhile(others: Others) -> AsyncIterator[None]:
    async def ask_on() -> None:
        while True:
            await others.ask()

    async with _beside(ask_on()):
        yield
    if not others.waited:
        await others.ask()


@asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[list[float]]:
    """What the process holds in memory, looked at again and again."""
    seen: list[float] = []

    async def look_on() -> None:
        while True:
            seen.append(resident_mebibytes(pid))
            await asyncio.sleep(EVERY_SECONDS)

    async with _beside(look_on()):
        yield seen


@asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def resident_mebibytes(pid: int) -> float:
    """What a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _fail(at: Place, rows: int) -> None:
    """Posts of two destinations each, all of them failed."""
    db = open_database(at.settings)
    try:
        for posts, destinations in _batches(at, rows):
            await db.write(partial(_write, posts=posts, destinations=destinations))
    finally:
        await db.close()


def _batches(
    at: Place, rows: int
) -> Iterator[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    for start in range(0, rows, WRITTEN_AT_ONCE):
        posts: list[Mapping[str, Any]] = []
        destinations: list[Mapping[str, Any]] = []
        for number in range(start, min(start + WRITTEN_AT_ONCE, rows)):
            if number % 2 == 0:
                posts.append(_post(at))
            destinations.append(_destination(at, posts[-1]["id"], number))
        yield posts, destinations


def _write(
    session: Session,
    *,
    posts: Sequence[Mapping[str, Any]],
    destinations: Sequence[Mapping[str, Any]],
) -> None:
    session.execute(insert(Post), posts)
    session.execute(insert(Destination), destinations)


def _post(at: Place) -> Mapping[str, Any]:
    now = utc_now()
    return {
        "id": ids.new_id(now),
        "workspace_id": at.workspace_id,
        "status": Status.FAILED,
        "content": "Something to say, of the usual length of such things.",
        "tags": [],
        "platform_overrides": {},
        "platform_metadata": {},
        "media_ids": [],
        "thread": [],
        "created_at": now,
        "updated_at": now,
    }


def _destination(at: Place, post_id: UUID, number: int) -> Mapping[str, Any]:
    now = utc_now()
    return {
        "id": ids.new_id(now),
        "workspace_id": at.workspace_id,
        "post_id": post_id,
        "account_id": at.accounts[number % ACCOUNTS],
        "platform": sandbox_user(number % ACCOUNTS)[0],
        "position": number % 2,
        "state": State.FAILED,
        "attempt": 1,
        "attempt_count": 1,
        "settled_at": now - timedelta(minutes=1),
        "error": "The network was not there",
    }


def _show(found: Sequence[Measured]) -> None:
    table = Table("on", box=SIMPLE_HEAD)
    for heading in ("failures", "seconds", "answer, MiB", "memory, MiB"):
        table.add_column(heading, justify="right")
    for heading in ("others, before, ms", "others, meanwhile, ms"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            each.database,
            f"{each.rows:,}",
            f"{each.seconds:.1f}",
            f"{each.answer_bytes / MEBIBYTE:.1f}",
            f"+{each.memory_growth_mebibytes:.1f}",
            _in_words(each.calm),
            _in_words(each.meanwhile),
        )
    console = Console(width=max(Console().width, 110))
    console.print(table)
    console.print("Latencies are the median, the 99th of a hundred, and the worst.\n")
    for each in found:
        console.print(each.command, highlight=False)


def _in_words(latencies: Latencies) -> str:
    return (
        f"{latencies.median:.0f} / {latencies.worst_of_hundred:.0f} / {latencies.worst:.0f}"
        f" of {latencies.count}"
    )


if __name__ == "__main__":
    main()
