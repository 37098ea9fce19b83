"""PgQueuer behind our port: the same stories on PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from installation import START, hang_up
from oncue.db.database import Database
from oncue.db.open import open_database
from oncue.db.postgres import PostgresDatabase
from oncue.errors import Unavailable
from oncue.publishing import engine as engines
from oncue.publishing.engine import Engine
from oncue.publishing.promoter import Job
from oncue.runtime import open_engine
from oncue.settings import Settings
from oncue.workspaces import service as workspaces
from oncue.workspaces.models import Workspace

pytestmark = pytest.mark.anyio

PATIENCE = 20  # seconds; how long a test waits for what happens at once


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    opened = open_database(settings)
    yield opened
    await opened.close()


@pytest.fixture
def engine(db: Database) -> Engine:
    return open_engine(db, timedelta(seconds=30))


def jobs(count: int) -> list[Job]:
    return [Job(destination_id=uuid4(), ticket=number) for number in range(count)]


async def queue(engine: Engine, queued: Sequence[Job]) -> None:
    await engine.commit(lambda _session: (None, queued))


async def run_until(
    engine: Engine, handle: Callable[[Job], Awaitable[None]], over: asyncio.Event
) -> None:
    """Run the engine until a test says that it has seen enough."""
    running = asyncio.create_task(engine.run(handle))
    await asyncio.wait_for(over.wait(), PATIENCE)
    engine.stop()
    await asyncio.wait_for(running, PATIENCE)


async def test_every_job_is_run_once(engine: Engine) -> None:
    queued, seen, over = jobs(50), list[Job](), asyncio.Event()

    async def handle(job: Job) -> None:
        seen.append(job)
        if len(seen) == len(queued):
            over.set()

    await queue(engine, queued)
    await run_until(engine, handle, over)

    assert sorted(seen, key=lambda job: job.ticket) == queued


async def test_a_job_queued_while_the_engine_runs_is_run_without_delay(engine: Engine) -> None:
    [job], over = jobs(1), asyncio.Event()

    async def handle(_job: Job) -> None:
        over.set()

    running = asyncio.create_task(run_until(engine, handle, over))
    await asyncio.sleep(0)
    await queue(engine, [job])

    await running


async def test_a_transaction_that_fails_queues_nothing(engine: Engine, db: Database) -> None:
    def broken(session: Session) -> tuple[None, list[Job]]:
        workspaces.create(session, "Never", START)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await engine.commit(broken)

    counted = await db.read(
        lambda session: session.scalar(
            select(func.count()).select_from(Workspace).where(Workspace.name == "Never")
        )
    )
    assert (counted, await engine.depth()) == (0, 0)


async def test_the_same_job_is_queued_once(engine: Engine) -> None:
    [job] = jobs(1)

    await queue(engine, [job])
    await queue(engine, [job])

    assert await engine.depth() == 1
    await drain(engine)


async def test_live_tells_which_jobs_are_still_there(engine: Engine) -> None:
    queued, gone = jobs(2), jobs(1)
    await queue(engine, queued)

    live = await engine.live([*queued, *gone])

    assert set(live) == set(queued)
    await drain(engine)
    assert list(await engine.live(queued)) == []


async def test_stopping_lets_what_runs_finish(engine: Engine) -> None:
    started, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(_job: Job) -> None:
        started.set()
        await may_end.wait()
        ended.set()

    await queue(engine, jobs(1))
    running = asyncio.create_task(engine.run(handle))
    await asyncio.wait_for(started.wait(), PATIENCE)
    engine.stop()
    may_end.set()
    await asyncio.wait_for(running, PATIENCE)

    assert ended.is_set()


async def test_a_handler_that_breaks_ends_neither_the_engine_nor_its_neighbours(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    queued, seen, over = jobs(3), list[Job](), asyncio.Event()

    async def handle(job: Job) -> None:
        seen.append(job)
        if len(seen) == len(queued):
            over.set()
        if job.ticket == 0:
            raise RuntimeError("a bug")

    await queue(engine, queued)
    await run_until(engine, handle, over)

    assert len(seen) == len(queued)


async def test_what_does_not_end_in_time_is_cancelled(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "GRACE_SECONDS", 0.05)
    started, never, cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(_job: Job) -> None:
        started.set()
        try:
            await never.wait()
        finally:
            cancelled.set()

    await queue(engine, jobs(1))
    await run_until(engine, handle, started)

    assert cancelled.is_set()


async def test_a_job_that_runs_is_live_and_no_longer_waits(engine: Engine) -> None:
    queued, over = jobs(1), asyncio.Event()
    seen: list[tuple[list[Job], int]] = []

    async def handle(_job: Job) -> None:
        seen.append((list(await engine.live(queued)), await engine.depth()))
        over.set()

    await queue(engine, queued)
    await run_until(engine, handle, over)

    assert seen == [(queued, 0)]


async def test_an_engine_goes_on_when_its_connections_are_ended(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TROUBLE_SECONDS", 0.01)
    db = PostgresDatabase(postgres_url)
    engine, queued = open_engine(db, timedelta(seconds=30)), jobs(3)
    seen, over = set[Job](), asyncio.Event()

    async def handle(job: Job) -> None:
        """Each job meets a restart of PostgreSQL; the next is queued after it."""
        seen.add(job)
        await hang_up(postgres_url)
        if len(seen) == len(queued):
            over.set()
        else:
            await queue(engine, [queued[len(seen)]])

    await queue(engine, queued[:1])
    await run_until(engine, handle, over)

    assert seen == set(queued)
    await db.close()


async def test_an_engine_that_begins_before_its_database_is_there_waits_for_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TROUBLE_SECONDS", 0.01)
    nowhere = PostgresDatabase("postgresql://postgres@127.0.0.1:1/none")
    db, over = PostgresDatabase(postgres_url), asyncio.Event()
    engine, [job] = open_engine(nowhere, timedelta(seconds=30)), jobs(1)
    await queue(open_engine(db, timedelta(seconds=30)), [job])

    async def handle(_job: Job) -> None:
        over.set()

    running = asyncio.create_task(run_until(engine, handle, over))
    await asyncio.sleep(0.1)  # some tries
    nowhere.url = postgres_url
    await running

    assert over.is_set()
    await db.close()


async def test_a_transaction_whose_connection_ends_queues_nothing_and_says_not_now(
    postgres_url: str,
) -> None:
    db = PostgresDatabase(postgres_url)
    engine, [job] = open_engine(db, timedelta(seconds=30)), jobs(1)

    def work(session: Session) -> tuple[None, list[Job]]:
        workspaces.create(session, "Never", START)
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return None, [job]

    with pytest.raises(Unavailable):
        await engine.commit(work)

    assert await engine.depth() == 0
    await db.close()


async def test_the_loser_of_a_deadlock_is_committed_with_its_jobs_in_the_end(
    postgres_url: str,
) -> None:
    db = PostgresDatabase(postgres_url)
    engine, [job] = open_engine(db, timedelta(seconds=30)), jobs(1)
    runs: list[int] = []

    def work(session: Session) -> tuple[str, list[Job]]:
        runs.append(1)
        if len(runs) < 3:
            lost = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$"
            session.execute(text(lost))
        return "done", [job]

    assert await engine.commit(work) == "done"

    assert (len(runs), await engine.depth()) == (3, 1)
    await drain(engine)
    await db.close()


async def drain(engine: Engine) -> None:
    """Run whatever is queued, so that the next test finds nothing."""
    over = asyncio.Event()

    async def handle(_job: Job) -> None:
        if await engine.depth() == 0:
            over.set()

    await run_until(engine, handle, over)
