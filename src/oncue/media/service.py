"""Keeping uploaded files: bytes in the media folder, facts in the database.

A file's kind is what its first bytes say. This is the minimal form; probing, rendering and
other storage come with the media issue.
"""

import hashlib
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.media.models import MediaFile

MAX_BYTES: Final = 20 * 1024 * 1024
HEAD_BYTES: Final = 64
FILENAME_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file on the disk, under the id it will have."""

    id: UUID
    path: Path
    content_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None


async def store(folder: Path, chunks: AsyncIterator[bytes], now: datetime) -> Stored:
    """Write a file while it comes in; raises Invalid, and leaves nothing behind then."""
    media_id = ids.new_id(now)
    path = folder / str(media_id)
    unfinished = path.with_suffix(".part")
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with _create(unfinished) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _invalid(f"a file may have {MAX_BYTES} bytes; this has more")
                head = (head + chunk)[:HEAD_BYTES] if len(head) < HEAD_BYTES else head
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        content_type = sniff(head)
        if content_type is None:
            raise _invalid("the file is no JPEG, PNG, GIF or WebP image")
        _keep(unfinished, path)
    except BaseException:
        _discard(unfinished)
        raise
    width, height = dimensions(head, content_type)
    return Stored(
        id=media_id,
        path=path,
        content_type=content_type,
        size_bytes=size,
        sha256=digest.hexdigest(),
        width=width,
        height=height,
    )


def discard(stored: Stored) -> None:
    """Remove a file that no row tells of."""
    _discard(stored.path)


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _keep(unfinished: Path, path: Path) -> None:
    unfinished.rename(path)


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)


def add(
    session: Session,
    workspace_id: UUID,
    stored: Stored,
    *,
    filename: str,
    alt_text: str,
    now: datetime,
) -> MediaFile:
    """Make a stored file known, ready to be attached."""
    row = MediaFile(
        id=stored.id,
        workspace_id=workspace_id,
        filename=as_shown(filename),
        content_type=stored.content_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        alt_text=alt_text,
        width=stored.width,
        height=stored.height,
        status="ready",
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def as_shown(filename: str) -> str:
    """A name as it can be displayed and kept: PostgreSQL takes no NUL."""
    printable = "".join(character for character in filename if character.isprintable())
    return printable[:FILENAME_CHARACTERS] or "file"


def get(session: Session, workspace_id: UUID, media_id: UUID) -> MediaFile:
    row = session.scalar(
        select(MediaFile).where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
    )
    if row is None:
        raise NotFound("media", ids.to_typeid("media", media_id))
    return row


def sniff(head: bytes) -> str | None:
    """The kind of image that begins like this."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def dimensions(head: bytes, content_type: str) -> tuple[int | None, int | None]:
    """Width and height in pixels, for the kinds that say so in their first bytes."""
    try:
        if content_type == "image/png":
            width, height = struct.unpack(">II", head[16:24])
            return width, height
        if content_type == "image/gif":
            width, height = struct.unpack("<HH", head[6:10])
            return width, height
    except struct.error:
        return None, None
    return None, None


def _invalid(message: str) -> Invalid:
    return Invalid([Issue(field="file", message=message, facts={"maxBytes": MAX_BYTES})])
