"""Imports in the background: a duty that takes one job after the other and does its rows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import reach
from oncue.posts import csv_import
from oncue.posts.csv_import import Run
from oncue.posts.csv_reader import BadFile, ImportFile, Row, RowError
from oncue.posts.csv_rows import Create
from oncue.queue import service as queue

ROWS: Final = 25  # in a transaction: on SQLite every other write waits for it
MAX_RUNS: Final = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Does what `csv_import` describes. `lease` is how long a run may be silent."""

    db: Database
    now: Clock
    lease: timedelta

    async def act(self) -> datetime | None:
        """Do one job, where one is free; when to look again."""
        free_at = await self.db.read(csv_import.next_free)
        if free_at is None or free_at > self.now():
            return free_at
        run = await self.db.write(lambda session: csv_import.take(session, self.now(), self.lease))
        if run is not None:
            await self._do(run)
        return self.now()

    async def _do(self, run: Run) -> None:
        """Do a job to its end, or to where another run has it."""
        if run.fence > MAX_RUNS:
            await self._finish(run, f"the import was begun {MAX_RUNS} times and never ended")
            return
        try:
            # A large file takes a while, and this process has other things to do.
            rows = await asyncio.to_thread(_read, run.content)
        except BadFile as wrong:
            await self._finish(run, str(wrong))
            return
        if not await self.db.write(lambda session: csv_import.begin(session, run, len(rows))):
            return
        left = [row for row in rows if row.number > run.after]
        for start in range(0, len(left), ROWS):
            if not await self._import(run, left[start : start + ROWS]):
                return
        await self._finish(run)

    async def _import(self, run: Run, rows: Sequence[Row | RowError]) -> bool:
        def work(session: Session) -> bool:
            now = self.now()
            create = _creating(session, run.workspace_id, rows, now)
            is_ours = csv_import.import_rows(session, run, rows, create, now, self.lease)
            reach("rows_done")
            return is_ours

        is_ours = await self.db.write(work)
        reach("rows_kept")
        return is_ours

    async def _finish(self, run: Run, reason: str | None = None) -> None:
        await self.db.write(lambda session: csv_import.finish(session, run, self.now(), reason))
        log.info("import_ended", job=str(run.job_id), reason=reason)


def _creating(
    session: Session, workspace_id: UUID, rows: Sequence[Row | RowError], now: datetime
) -> Create:
    """What makes the rows' posts in this transaction; it looks through the queue once."""
    queued = sum(isinstance(row, Row) and row.post.queue for row in rows)
    free = queue.hold(session, workspace_id, queued, now) if queued else []
    return lambda session, new: queue.create_in(session, workspace_id, new, free, now)


def _read(content: bytes) -> list[Row | RowError]:
    return list(ImportFile(content))
