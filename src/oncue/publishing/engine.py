"""Who runs a job: a port, and PgQueuer behind it on PostgreSQL and in memory.

A job is a destination's id and its ticket. `commit` is how the core speaks to the engine: one
transaction whose jobs are queued with it, or not at all. Losing a job is harmless (the sweep
promotes its destination again) and so is running one twice (the ticket and the fence decide).
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final, Protocol, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, InMemoryDriver, InMemoryQueries, Queries
from pgqueuer import Job as QueuedJob
from pgqueuer.errors import FailingListenerError
from pgqueuer.ports import RepositoryPort
from pgqueuer.qm import QueueManager
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Session

from oncue.db.database import Database
from oncue.db.postgres import (
    GIVEN_UP,
    QUEUE_CONNECTIONS,
    TROUBLE,
    PostgresDatabase,
    in_session,
    worded,
)
from oncue.errors import Unavailable
from oncue.publishing.guarding import Guard
from oncue.publishing.promoter import Job

T = TypeVar("T")
Work: TypeAlias = Callable[[Session], tuple[T, Sequence[Job]]]
Handler: TypeAlias = Callable[[Job], Awaitable[None]]

ENTRYPOINT: Final = "publish"
QUEUE_LOCK: Final = 0x6F6E6375 + 4
DEQUEUE_TIMEOUT: Final = timedelta(seconds=1)  # notices get lost, with their connection
CONCURRENCY: Final = 100
FETCH: Final = 20
GRACE_SECONDS: Final = 20.0
TROUBLE_SECONDS: Final = 1.0


class Engine(Protocol):
    """Queues jobs and has them run, by this process or another."""

    async def commit(self, work: Work[T]) -> T:
        """Run `work` as one transaction and queue the jobs it returns along with it."""
        ...

    async def run(self, handle: Handler) -> None:
        """Run jobs until `stop`, whatever happens to the queue; at its end none is running here."""
        ...

    def stop(self) -> None:
        """Take no more jobs; what runs may finish, within GRACE_SECONDS."""
        ...

    async def live(self, jobs: Collection[Job]) -> Collection[Job]:
        """Those of `jobs` that are queued or running somewhere."""
        ...

    async def depth(self) -> int:
        """How many jobs wait for a worker."""
        ...

    async def unblock(self) -> None:
        """Take the locks from processes that stand still in the middle of a transaction."""
        ...

    async def tidy(self) -> None:
        """Throw away what the queue remembers of jobs long done."""
        ...


class _Worker(ABC):
    """What both backends share: a PgQueuer manager that hands jobs to our handler.

    A manager ends with the first connection that does (a restart of PostgreSQL ends them all):
    once what runs has ended too, another takes its place.
    """

    def __init__(self, heartbeat: timedelta) -> None:
        self._heartbeat = heartbeat
        self._stopped = asyncio.Event()

    @abstractmethod
    def _opened(self) -> AbstractAsyncContextManager[RepositoryPort]:
        """The queue, for one manager."""

    async def run(self, handle: Handler) -> None:
        running_jobs = Guard(what="running_jobs")

        async def manage() -> None:
            async with self._opened() as queries:
                running_jobs.is_well()
                await self._manage(queries, handle)

        while not self._stopped.is_set():
            if not await running_jobs.attempt(manage):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), TROUBLE_SECONDS)

    async def _manage(self, queries: RepositoryPort, handle: Handler) -> None:
        manager = QueueManager(queries)

        @manager.entrypoint(ENTRYPOINT, accepts_context=False)
        async def publish(queued: QueuedJob) -> None:
            await handle(_job_of(queued.payload or b""))

        running = asyncio.create_task(
            manager.run(
                dequeue_timeout=DEQUEUE_TIMEOUT,
                batch_size=FETCH,
                max_concurrent_tasks=CONCURRENCY,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=self._heartbeat,
                log_aggregation_interval=timedelta(0),  # the log is ours to trim: see tidy
            )
        )
        stopping = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        manager.shutdown.set()
        with suppress(asyncio.CancelledError):
            await self._finish(manager, running)

    async def _finish(self, manager: QueueManager, running: "asyncio.Task[None]") -> None:
        """Let what runs finish; after the grace, cancel it: its handler hands it back."""
        done, _ = await asyncio.wait({running}, timeout=GRACE_SECONDS)
        if not done:
            for context in list(manager.job_context.values()):
                context.cancellation.cancel()
            running.cancel()
        await running

    def stop(self) -> None:
        self._stopped.set()


class MemoryEngine(_Worker):
    """Jobs in this process only. They die with it, and the start-up sweep makes them anew."""

    def __init__(self, db: Database, heartbeat: timedelta) -> None:
        super().__init__(heartbeat)
        self._db = db
        self._queries = _ForgetfulQueries(InMemoryDriver())

    async def commit(self, work: Work[T]) -> T:
        result, jobs = await self._db.write(work)
        if jobs:
            await _enqueue(self._queries, jobs)
        return result

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[RepositoryPort]:
        yield self._queries

    async def live(self, jobs: Collection[Job]) -> Collection[Job]:
        return self._queries.live(jobs)

    async def depth(self) -> int:
        return sum(row.count for row in await self._queries.queue_size() if row.status == "queued")

    async def unblock(self) -> None:
        """Nobody else has locks here."""

    async def tidy(self) -> None:
        await self._queries.clear_queue_log()


class _ForgetfulQueries(InMemoryQueries):
    """PgQueuer's memory backend without its log, which would grow for as long as we run."""

    async def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().enqueue(*args, **kwargs)
        finally:
            await self.clear_queue_log()

    async def log_jobs(self, *args: Any, **kwargs: Any) -> None:
        await super().log_jobs(*args, **kwargs)
        await self.clear_queue_log()

    def live(self, jobs: Collection[Job]) -> Collection[Job]:
        return [job for job in jobs if _key(job) in self._dedupe_index]


class PostgresEngine(_Worker):
    """Jobs in the database: queued in the transaction that makes them, run by any process.

    A worker that dies stops its heartbeats, and any other takes its jobs after `heartbeat`.
    """

    def __init__(self, db: PostgresDatabase, heartbeat: timedelta) -> None:
        super().__init__(heartbeat)
        self._db = db

    async def commit(self, work: Work[T]) -> T:
        async def act(connection: AsyncConnection) -> T:
            result, jobs = await connection.run_sync(in_session, work)
            if jobs:
                await _enqueue(await _queries_on(connection), jobs)
            return result

        return await self._db.transact(act)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[RepositoryPort]:
        pool = asyncpg.create_pool(
            self._db.url, min_size=2, max_size=QUEUE_CONNECTIONS, server_settings=GIVEN_UP
        )
        try:
            async with pool:
                yield Queries(AsyncpgPoolDriver(pool))
        except FailingListenerError as error:
            raise Unavailable("PostgreSQL no longer tells of new jobs.") from error
        except TROUBLE as error:
            raise worded(error) from error

    async def live(self, jobs: Collection[Job]) -> Collection[Job]:
        by_key = {_key(job): job for job in jobs}
        statement = text("SELECT dedupe_key FROM pgqueuer WHERE dedupe_key = ANY(:keys)")

        def look(session: Session) -> list[str]:
            return list(session.scalars(statement, {"keys": list(by_key)}))

        return [by_key[key] for key in await self._db.read(look)]

    async def depth(self) -> int:
        statement = text("SELECT count(*) FROM pgqueuer WHERE status = 'queued'")
        return await self._db.read(lambda session: int(session.scalar(statement) or 0))

    async def unblock(self) -> None:
        await self._db.end_stalled()

    async def tidy(self) -> None:
        statement = text("DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'")

        def trim(session: Session) -> None:
            session.execute(statement)

        await self._db.write(trim)


async def install_queue(db: PostgresDatabase) -> None:
    """Make PgQueuer's tables, or bring them up to date; a second process waits for the first."""
    connection = await asyncpg.connect(db.url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", QUEUE_LOCK)
        queries = Queries(AsyncpgDriver(connection))
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
    finally:
        await connection.close()


async def _queries_on(connection: AsyncConnection) -> Queries:
    """PgQueuer inside a transaction of ours."""
    raw = await connection.get_raw_connection()
    return Queries(AsyncpgDriver(raw.driver_connection))


async def _enqueue(queries: RepositoryPort, jobs: Sequence[Job]) -> None:
    count = len(jobs)
    await queries.enqueue(
        [ENTRYPOINT] * count,
        [json.dumps([str(job.destination_id), job.ticket]).encode() for job in jobs],
        [0] * count,
        dedupe_key=[_key(job) for job in jobs],
        on_conflict="skip",
    )


def _key(job: Job) -> str:
    return f"{job.destination_id}:{job.ticket}"


def _job_of(payload: bytes) -> Job:
    destination_id, ticket = json.loads(payload)
    return Job(destination_id=UUID(destination_id), ticket=ticket)
