"""From bytes that come in to a file that is kept: received, looked into, stored once.

What comes in lies in the work folder until it is kept; nothing of it outlives a refusal.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import UUID, uuid4

import structlog

from oncue.db.database import Database
from oncue.errors import NotAccepted
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import MEDIA_KEPT, MEDIA_RESERVED, reach
from oncue.media import objects
from oncue.media.disk import written
from oncue.media.objects import NewObject
from oncue.media.probe import Probed
from oncue.media.storage import Storage, new_key

# Looking into a file takes up to half a gigabyte of memory for a moment.
PROBES_AT_ONCE: Final = 2
THUMBNAIL_TYPE: Final = "image/jpeg"


log = structlog.get_logger()


class Probe(Protocol):
    """What says what a file is: oncue.media.probe.probe. Raises NotAccepted."""

    def __call__(self, path: Path, *, thumbnail: Path | None = None) -> Awaitable[Probed]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file in the storage that no row of `media` tells of yet."""

    probed: Probed
    bytes: NewObject
    thumbnail: NewObject | None

    @property
    def objects(self) -> list[NewObject]:
        return [self.bytes] if self.thumbnail is None else [self.bytes, self.thumbnail]


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Where files come in. One for the whole process."""

    db: Database
    storage: Storage
    probe: Probe
    now: Clock
    _probing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PROBES_AT_ONCE))

    def new_file(self) -> Path:
        """A path in the work folder that nobody else has; raises Unavailable."""
        with written():
            self.storage.work.mkdir(parents=True, exist_ok=True)
        return self.storage.work / uuid4().hex

    async def receive(self, chunks: AsyncIterable[bytes], at_most: int) -> Path:
        """Write a file while it comes in; it survives a power cut when this returns.

        Raises NotAccepted (MEDIA_TOO_LARGE) as soon as it is longer than `at_most` bytes, and
        Unavailable where it cannot be written.
        """
        path = self.new_file()
        try:
            with written(), _create(path) as file:
                await _write(file, chunks, at_most)
        except BaseException:
            discard(path)
            raise
        return path

    async def keep(self, workspace_id: UUID, path: Path) -> Kept:
        """Look into the file at `path` and store it; raises NotAccepted, Unavailable.

        The file itself stays. What is stored is removed again unless it is taken into use.
        """
        picture = self.new_file()
        try:
            async with self._probing:
                probed = await self.probe(path, thumbnail=picture)
            thumbnail = await _as_object(picture) if probed.has_thumbnail else None
            kept = Kept(probed=probed, bytes=await _as_object(path), thumbnail=thumbnail)
            await self.reserve(workspace_id, kept.objects)
            reach(MEDIA_RESERVED)
            await self.store(workspace_id, path, kept.bytes, probed.content_type)
            if thumbnail is not None:
                await self.store(workspace_id, picture, thumbnail, THUMBNAIL_TYPE)
            reach(MEDIA_KEPT)
        finally:
            discard(picture)
        return kept

    async def store(
        self, workspace_id: UUID, path: Path, new: NewObject, content_type: str
    ) -> None:
        """Store a reserved file; also where the same bytes are kept, if they were lost there.

        Taken into use, they are what it is going to point at.
        """
        twin = await self.db.read(lambda session: objects.twin_of(session, workspace_id, new))
        if twin is not None and await self.storage.size_of(twin) is None:
            log.warning("media_restored", key=twin)
            await self.storage.keep(path, twin, content_type)
        await self.storage.keep(path, new.key, content_type)

    async def keep_raw(self, workspace_id: UUID, path: Path) -> NewObject:
        """Store a file that is looked into later."""
        raw = NewObject(key=new_key(), sha256=None, size_bytes=size_of(path))
        await self.reserve(workspace_id, [raw])
        await self.storage.keep(path, raw.key, "application/octet-stream")
        return raw

    async def drop(self, workspace_id: UUID, unused: Iterable[NewObject]) -> None:
        """Remove what will surely not be taken into use."""
        keys = [each.key for each in unused]
        gone = await self.db.write(lambda session: objects.abandon(session, workspace_id, keys))
        for key in gone:
            await self.storage.drop(key)
        await self.db.write(lambda session: objects.forget(session, gone))

    async def reserve(self, workspace_id: UUID, new: Iterable[NewObject]) -> None:
        """Make keys known before anything is stored under them."""
        now = self.now()
        await self.db.write(lambda session: objects.reserve(session, workspace_id, new, now))


def discard(path: Path) -> None:
    """Remove a file of the work folder."""
    path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    return path.stat().st_size


def too_large(at_most: int) -> NotAccepted:
    reason = f"a file may have {at_most} bytes here; this has more"
    return NotAccepted(code="MEDIA_TOO_LARGE", reason=reason, facts={"limit": at_most})


async def _write(file: BinaryIO, chunks: AsyncIterable[bytes], at_most: int) -> None:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > at_most:
            raise too_large(at_most)
        file.write(chunk)
    file.flush()
    await asyncio.to_thread(os.fsync, file.fileno())


async def _as_object(path: Path) -> NewObject:
    sha256 = await asyncio.to_thread(_digest, path)
    return NewObject(key=new_key(), sha256=sha256, size_bytes=size_of(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _create(path: Path) -> BinaryIO:
    return path.open("xb")
