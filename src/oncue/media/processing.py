"""What becomes of files in the background: uploads are noticed, fetched, looked into and kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from oncue.db.database import Database
from oncue.errors import Invalid, NotAccepted, NotFound, Unavailable
from oncue.lib import ids
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import MEDIA_SETTLED, MEDIA_TAKEN, reach
from oncue.lib.outbound import GuardedClient
from oncue.media import tickets, turns
from oncue.media.fetching import fetch
from oncue.media.intake import Intake, Kept
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.storage import Missing, WrongSize
from oncue.media.tickets import NotAwaited
from oncue.media.turns import Run

FETCH_TIME: Final = timedelta(minutes=10)
FETCHES_AT_ONCE: Final = 2
MAX_RUNS: Final = 5  # starts that led nowhere: then it is the file, not the worker

# While the storage or the disk does not let us, we ask again: soon, and then less often.
SOON: Final = timedelta(seconds=30)
SELDOM: Final = timedelta(minutes=5)

log = structlog.get_logger()


class Failed(Exception):
    """The file is none that can be used, and trying again would not help."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.failure = [{"code": code, "message": message, **facts}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """Does what is due about files. `lease` is how long a run may be silent."""

    db: Database
    intake: Intake
    outbound: GuardedClient
    now: Clock
    lease: timedelta

    async def act(self, *, by_url: bool = False) -> datetime | None:
        """Do what is due about one upload, or one file `by_url`; when to look again."""
        due = await self.db.read(lambda session: turns.next_due(session, by_url=by_url))
        if due is None or due > self.now():
            return due
        run = await self.db.write(
            lambda session: turns.take(session, self.now(), self.lease, by_url=by_url)
        )
        if run is not None:
            await self.do(run)
        return self.now()

    async def do(self, run: Run) -> None:
        """See a turn to its end; cut short, it leaves the file to the next one."""
        reach(MEDIA_TAKEN)
        try:
            async with self._holding(run):
                await self._do(run)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_off(run, self.now(), uncounted=True))
            raise

    async def notice(self, row: MediaFile) -> MediaFile:
        """Look whether an upload has arrived in the bucket; the file as it then is."""
        if row.status != MediaStatus.PENDING or row.upload_key is None:
            return row
        if await self.intake.storage.size_of(row.upload_key) is None:
            return row
        with suppress(NotAwaited):
            return await self.db.write(lambda session: tickets.arrived(session, row, self.now()))
        return row

    async def _do(self, run: Run) -> None:
        if run.row.status == MediaStatus.PENDING:
            await self._look(run)
            return
        if run.runs > MAX_RUNS:
            words = f"Looking into the file was begun {MAX_RUNS} times and never ended"
            await self._fail(run, Failed("PROCESSING_FAILED", words))
            return
        try:
            kept = await self._keep(run)
        except Failed as failed:
            await self._fail(run, failed)
        except NotAccepted as refused:
            await self._fail(run, Failed(refused.code, str(refused), **refused.details))
        except Unavailable as trouble:
            await self._wait(run, trouble)
        else:
            await self._succeed(run, kept)

    async def _look(self, run: Run) -> None:
        """Has the upload arrived? A turn that only looks is none that led nowhere."""
        now = self.now()
        try:
            if (await self.notice(run.row)).status != MediaStatus.PENDING:
                return
        except NotFound:
            return
        except Unavailable as trouble:
            await self._wait(run, trouble)
            return
        if tickets.is_over(run.row, now):
            words = "Nothing was uploaded while the ticket was good"
            await self._fail(run, Failed("UPLOAD_EXPIRED", words))
        else:
            await self._put_off(run, tickets.next_look(run.row, now), uncounted=True)

    async def _keep(self, run: Run) -> Kept:
        """Get hold of the file's bytes, look into them and store them."""
        row = run.row
        if row.source_url is None:
            return await self.intake.keep(run.workspace_id, await self._uploaded(row))
        try:
            return await fetch(
                self.outbound,
                self.intake,
                run.workspace_id,
                row.source_url,
                FETCH_TIME,
                field="url",
            )
        except Invalid as refused:
            [issue] = refused.issues
            raise Failed(issue.code or refused.code, issue.message, **issue.facts) from None

    async def _uploaded(self, row: MediaFile) -> Path:
        storage = self.intake.storage
        try:
            return await storage.path_of(row.upload_key or "", row.size_bytes)
        except Missing:
            raise Failed("UPLOAD_LOST", "What was uploaded is not there any more") from None
        except WrongSize as wrong:
            words = f"{row.size_bytes} bytes were announced, and {wrong.size_bytes} uploaded"
            facts = {"limit": row.size_bytes, "actual": wrong.size_bytes}
            raise Failed("UPLOAD_SIZE_MISMATCH", words, **facts) from None

    async def _succeed(self, run: Run, kept: Kept) -> None:
        now = self.now()
        is_ours = await self.db.write(lambda session: turns.succeed(session, run, kept, now))
        reach(MEDIA_SETTLED)
        if not is_ours:
            await self.intake.drop(run.workspace_id, kept.objects)
            return
        log.info("media_ready", media=_name(run), type=kept.probed.content_type)

    async def _fail(self, run: Run, failed: Failed) -> None:
        now = self.now()
        await self.db.write(lambda session: turns.fail(session, run, failed.failure, now))
        log.info("media_failed", media=_name(run), code=failed.failure[0]["code"])

    async def _wait(self, run: Run, trouble: Unavailable) -> None:
        """Try again when it may be over, however often: the file has no part in it."""
        log.warning("media_put_off", media=_name(run), reason=str(trouble))
        now = self.now()
        waited = (now - run.row.created_at) / tickets.PATIENCE
        await self._put_off(run, now + min(max(waited, SOON), SELDOM), uncounted=True)

    async def _put_off(self, run: Run, until: datetime, *, uncounted: bool = False) -> None:
        await self.db.write(lambda session: turns.put_off(session, run, until, uncounted=uncounted))

    @asynccontextmanager
    async def _holding(self, run: Run) -> AsyncIterator[None]:
        """Keep the file from being taken by others for as long as this process lives."""
        holding = asyncio.create_task(self._hold(run))
        try:
            yield
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)  # its end is no end of ours

    async def _hold(self, run: Run) -> None:
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 3)
            with suppress(Unavailable):
                await self._put_off(run, self.now() + self.lease)


def _name(run: Run) -> str:
    return ids.to_typeid("media", run.row.id)
