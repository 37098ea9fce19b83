"""The process that publishes: woken at once, stopped in order, and never ended by trouble."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from installation import START, DirectEngine, Installation
from oncue.connectors.base import Published
from oncue.errors import Unavailable
from oncue.publishing import engine as engines
from oncue.publishing import worker as workers
from oncue.publishing.metrics import Metrics
from oncue.publishing.promoter import Job, next_due
from oncue.publishing.publisher import Publisher
from oncue.publishing.settle import Settled
from oncue.publishing.worker import Worker
from oncue.runtime import open_engine
from publishing.around import surrounded
from publishing.due import begun, ended, promoted, row, scheduled, states

pytestmark = pytest.mark.anyio

PATIENCE = 20  # seconds; how long a test waits for what happens at once
HOUR = timedelta(hours=1)


class Told(Metrics):
    """Lets a test wait until this many destinations have settled."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        self._over = asyncio.Event()

    def settled(self, settled: Settled) -> None:
        super().settled(settled)
        self._left -= 1
        if self._left == 0:
            self._over.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._over.wait(), PATIENCE)


@asynccontextmanager
async def working(oncue: Installation, publisher: Publisher) -> AsyncIterator[Worker]:
    """A worker as a process has it, on the database's own engine."""
    engine = open_engine(oncue.db, timedelta(seconds=30))
    publisher = replace(publisher, engine=engine)
    worker = Worker(db=oncue.db, engine=engine, publisher=publisher, now=oncue.clock)
    await worker.start()
    yield worker
    await asyncio.wait_for(worker.stop(), PATIENCE)


async def test_a_worker_publishes_what_is_due_and_is_woken_by_what_becomes_due(
    installation: Installation,
) -> None:
    told = Told(2)
    due = await scheduled(installation, "MASTODON")

    async with working(installation, replace(installation.publisher, count=told)) as worker:
        later = await scheduled(installation, "TELEGRAM")
        await told.wait()
        was_running = worker.is_running

    assert (was_running, worker.is_running) == (True, False)
    assert await states(installation, due.destination_id, later.destination_id) == [
        "published",
        "published",
    ]


async def test_a_worker_begins_with_what_an_earlier_process_left(
    installation: Installation,
) -> None:
    told = Told(1)
    run = await begun(installation, "MASTODON")  # and its process died

    async with working(installation, replace(installation.publisher, count=told)):
        await told.wait()

    assert await states(installation, run.claim.destination_id) == ["published"]
    assert len(installation.posts("MASTODON")) == 1


async def test_a_worker_that_stops_hands_back_what_does_not_end_in_time(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "GRACE_SECONDS", 0.05)
    sent, never = asyncio.Event(), asyncio.Event()
    post = await scheduled(installation, "MASTODON")

    async def hang() -> None:
        sent.set()
        await never.wait()

    publisher, _ = surrounded(installation, after=hang)
    async with working(installation, publisher):
        await asyncio.wait_for(sent.wait(), PATIENCE)

    handed_back = await row(installation, post.destination_id)
    await installation.run_due()
    assert (handed_back.state, handed_back.run_at, handed_back.ticket) == ("parked", START, None)
    assert await states(installation, post.destination_id) == ["published"]
    assert len(installation.posts("MASTODON")) == 1


async def test_trouble_while_promoting_is_got_over(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "TROUBLE_SECONDS", 0.01)
    told, troubles = Told(1), [KeyError("a bug"), Unavailable("The database is busy.")]
    read = installation.db.read

    async def troubled(work: object) -> object:
        if work is next_due and troubles:
            raise troubles.pop()
        return await read(work)  # type: ignore[arg-type]

    monkeypatch.setattr(installation.db, "read", troubled)
    await scheduled(installation, "MASTODON")

    async with working(installation, replace(installation.publisher, count=told)):
        await told.wait()

    assert troubles == []
    assert len(installation.posts("MASTODON")) == 1


async def test_an_engine_that_ends_by_itself_is_noticed(installation: Installation) -> None:
    worker = installation.worker  # its engine ends when it has nothing to do
    await worker.start()

    await asyncio.wait_for(worker.failed(), PATIENCE)

    assert not worker.is_running
    await worker.stop()


async def test_the_next_due_time_is_known_once_what_is_due_is_promoted(
    installation: Installation,
) -> None:
    assert await installation.worker.promote() is None
    await scheduled(installation, "MASTODON", at=START + HOUR)
    await scheduled(installation, "TELEGRAM", at=START)

    assert await installation.worker.promote() == START + HOUR
    assert len(installation.engine.jobs) == 1


async def test_the_sweep_finds_every_orphan_and_only_those(installation: Installation) -> None:
    posts = [await scheduled(installation, name) for name in ("MASTODON", "TELEGRAM", "TWITTER")]
    jobs = await promoted(installation)
    installation.engine.jobs = [
        job for job in jobs if job.destination_id == posts[0].destination_id
    ]

    found = await installation.worker.sweep()

    assert found == 2
    assert await states(installation, *(post.destination_id for post in posts)) == [
        "queued",
        "parked",
        "parked",
    ]
    assert await installation.worker.sweep() == 0


async def test_what_settles_while_the_sweep_looks_is_left_alone(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")

    class Slow(DirectEngine):
        """While it is asked about a job, the run that had it settles."""

        async def live(self, jobs: object) -> list[Job]:
            await ended(installation, run, Published(id="7", url=None))
            return []

    worker = replace(installation.worker, engine=Slow(installation.db))

    assert await worker.sweep() == 0
    assert await states(installation, run.claim.destination_id) == ["published"]
