"""The process that publishes: promoter, sweep and engine, from start to graceful stop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.db.database import Database, Topic, announce_due
from oncue.lib.clock import Clock
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination
from oncue.publishing.duties import Duty, attend
from oncue.publishing.engine import Engine
from oncue.publishing.guarding import Guard
from oncue.publishing.promoter import WITH_WORKERS, Job, next_due, promote_due
from oncue.publishing.publisher import Publisher

LOOK_SECONDS: Final = 1.0  # at least this often the promoter looks: clocks jump, notices get lost
SWEEP_SECONDS: Final = 10.0
TIDY_SWEEPS: Final = 360
TROUBLE_SECONDS: Final = 1.0

log = structlog.get_logger()


@dataclass(kw_only=True)
class Worker:
    """Publishes until stopped. What a crash leaves behind, the next start or a sweep picks up."""

    db: Database
    engine: Engine
    publisher: Publisher
    now: Clock
    duties: Sequence[Duty] = ()
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _next_due: datetime | None = None
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _running: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Begin; what an earlier process left half-done is due again when this returns."""
        self.db.on(Topic.DUE, self._woken.set)
        await self.sweep()
        self._running = asyncio.create_task(self.engine.run(self.publisher.publish))
        self._tasks = [
            asyncio.create_task(self._promote_forever()),
            asyncio.create_task(self._sweep_forever()),
            *(asyncio.create_task(attend(duty, self.db, self.now)) for duty in self.duties),
        ]

    async def stop(self) -> None:
        """Promote no more, and let what runs finish or hand it back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.engine.stop()
        if self._running is not None:
            await self._running

    @property
    def is_running(self) -> bool:
        return self._running is not None and not self._running.done()

    async def failed(self) -> None:
        """Return when the engine has ended by itself, which it should not."""
        if self._running is not None:
            await asyncio.wait({self._running})

    async def promote(self) -> datetime | None:
        """Hand what is due to the workers; when the next is due."""
        due = await self.db.read(next_due)
        if due is None or due > self.now():
            return due
        await self.engine.commit(lambda session: (None, promote_due(session, self.now())))
        return await self.db.read(next_due)

    async def sweep(self) -> int:
        """Make due again what its worker left and no job will come back to; how many."""
        held = await self.db.read(_with_workers)
        live = set(await self.engine.live(held)) if held else set()
        lost = [job for job in held if job not in live]
        if not lost:
            return 0
        found = await self.db.write(lambda session: _recover(session, lost, self.now()))
        if found:
            log.warning("orphans_recovered", count=found)
        return found

    async def _promote_forever(self) -> None:
        promoting = Guard(what="promoting")
        while True:
            self._woken.clear()
            if not await promoting.attempt(self._promote):
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            due = self._next_due
            wait = LOOK_SECONDS if due is None else _seconds(due - self.now())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(wait, LOOK_SECONDS))

    async def _promote(self) -> None:
        self._next_due = await self.promote()

    async def _sweep_forever(self) -> None:
        unblocking, sweeping, tidying = (
            Guard(what=what) for what in ("unblocking", "sweeping", "tidying")
        )
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            sweeps += 1
            await unblocking.attempt(self.engine.unblock)
            await sweeping.attempt(self.sweep)
            if sweeps % TIDY_SWEEPS == 0:
                await tidying.attempt(self.engine.tidy)


def _seconds(duration: timedelta) -> float:
    return max(duration.total_seconds(), 0.001)


def _with_workers(session: Session) -> list[Job]:
    rows = session.execute(
        select(Destination.id, Destination.ticket).where(Destination.state.in_(WITH_WORKERS))
    )
    return [Job(destination_id=row_id, ticket=ticket or 0) for row_id, ticket in rows]


def _recover(session: Session, lost: list[Job], now: datetime) -> int:
    """Only a row that still has the lost job's ticket; a settled one has another or none."""
    found = 0
    for job in lost:
        recovered = session.execute(
            update(Destination)
            .where(
                Destination.id == job.destination_id,
                Destination.ticket == job.ticket,
                Destination.state.in_(WITH_WORKERS),
            )
            .values(state=State.PARKED, run_at=now, ticket=None, fence=Destination.fence + 1)
            .returning(Destination.id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        found += recovered is not None
    if found:
        announce_due(session)
    return found
