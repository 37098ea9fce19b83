"""What goes by itself: files nobody uses, uploads that failed, and bytes nothing refers to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.media import objects, service
from oncue.media.leftovers import sweep
from oncue.media.models import MediaFile, MediaStatus, MediaUse
from oncue.media.storage import BucketStorage, FolderStorage, Storage

EVERY: Final = timedelta(hours=1)
BATCH: Final = 100
FAILED_KEPT: Final = timedelta(days=7)  # so that whoever waits for one learns why

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remover:
    """Removes bytes whose time has come. Any number of processes may; each key goes once."""

    db: Database
    storage: Storage
    now: Clock

    async def act(self) -> datetime | None:
        """Remove one batch; when there is more to remove."""
        due = await self.db.read(objects.next_doomed)
        if due is None or due > self.now():
            return due
        keys = await self.db.write(lambda session: objects.condemn(session, self.now(), BATCH))
        for key in keys:
            await self.storage.drop(key)
        await self.db.write(lambda session: objects.forget(session, keys))
        return self.now()


@dataclass(kw_only=True)
class Collector:
    """Collects files that no post has used for `retention` (None: never), and what is left over."""

    db: Database
    storage: Storage
    now: Clock
    retention: timedelta | None
    _next: datetime | None = None

    async def act(self) -> datetime:
        """Do one round; when the next one is."""
        now = self.now()
        if self._next is not None and now < self._next <= now + EVERY:
            return self._next
        await self.db.write(lambda session: mark_unused(session, now))
        while await self.db.write(lambda session: collect_failed(session, now)):
            pass
        if (retention := self.retention) is not None:
            while gone := await self.db.write(
                lambda session: collect_unused(session, now - retention, now)
            ):
                log.info("media_collected", count=gone)
        await self._tidy_folders(now)
        self._next = now + EVERY
        return self._next

    async def _tidy_folders(self, now: datetime) -> None:
        seconds = now.timestamp()
        if isinstance(self.storage, BucketStorage):
            await asyncio.to_thread(self.storage.cache.tidy, seconds)
        folder = self.storage.folder if isinstance(self.storage, FolderStorage) else None
        await sweep(self.db, self.storage.work, folder, seconds)


def mark_unused(session: Session, now: datetime) -> None:
    """Note of files that posts have used until now, and use no longer, since when.

    And take it back of those that a post began to use while this was looked at.
    """
    was_used = MediaFile.unused_since.is_(None)
    is_ready = MediaFile.status == MediaStatus.READY
    for statement in (
        update(MediaFile).where(was_used, is_ready, ~is_used()).values(unused_since=now),
        update(MediaFile).where(~was_used, is_used()).values(unused_since=None),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def collect_unused(session: Session, before: datetime, now: datetime) -> int:
    """Remove some files that have been unused since `before`; how many."""
    return _collect(session, [MediaFile.unused_since < before], now)


def collect_failed(session: Session, now: datetime) -> int:
    """Remove some uploads that failed a while ago; how many."""
    is_old = MediaFile.settled_at < now - FAILED_KEPT
    return _collect(session, [MediaFile.status == MediaStatus.FAILED, is_old], now)


def _collect(session: Session, conditions: Sequence[ColumnElement[bool]], now: datetime) -> int:
    """The rows are held first; only then is looked whether a post has begun to use one."""
    held = session.execute(
        select(MediaFile.workspace_id, MediaFile.id)
        .where(*conditions, ~is_used())
        .order_by(MediaFile.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    used = _used(session, [row.id for row in held])
    unused = [row for row in held if row.id not in used]
    for row in unused:
        service.remove(session, row.workspace_id, row.id, now)
    return len(unused)


def _used(session: Session, media_ids: Sequence[UUID]) -> set[UUID]:
    chosen = select(MediaUse.media_id).where(MediaUse.media_id.in_(media_ids))
    return set(session.scalars(chosen))


def is_used() -> ColumnElement[bool]:
    """Whether any post names the file, be it a draft or published long ago."""
    return select(MediaUse.post_id).where(MediaUse.media_id == MediaFile.id).exists()
