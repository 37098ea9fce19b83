"""Files: what their owners call them, where their bytes lie, and which posts use them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class MediaStatus(StrEnum):
    """How far a file has come. Only a ready one can be attached to posts."""

    PENDING = "pending"  # announced, and not here yet
    PROCESSING = "processing"  # to be fetched, or to be looked into
    READY = "ready"
    FAILED = "failed"


def _due(name: str, column: str) -> Index:
    """An index of the rows that wait for something."""
    condition = text(f"{column} IS NOT NULL")
    return Index(name, column, postgresql_where=condition, sqlite_where=condition)


class MediaFile(Base):
    """One file. `content_type` and `size_bytes` are its owner's word until it is ready.

    `due_at` is when a worker has something to do about it; while one has the row, when it is
    taken from it if it is not heard of again. `fence` names the run that may write.
    """

    __tablename__ = "media"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "created_at", "id"),
        _due("ix_media_due", "due_at"),
        *(
            ForeignKeyConstraint(
                ["workspace_id", column], ["media_object.workspace_id", "media_object.key"]
            )
            for column in ("storage_key", "thumbnail", "upload_key")
        ),
        Index(None, "storage_key"),
        Index(None, "thumbnail"),
        Index(None, "upload_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    filename: Mapped[str]  # as its owner calls it: for display, never a path
    content_type: Mapped[str]  # what the bytes are, whatever the name says
    size_bytes: Mapped[int]
    sha256: Mapped[str | None]
    alt_text: Mapped[str] = mapped_column(default="")
    width: Mapped[int | None]
    height: Mapped[int | None]
    seconds: Mapped[float | None]
    fps: Mapped[float | None]
    frames: Mapped[int | None]
    video_codec: Mapped[str | None]
    audio_codec: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=MediaStatus.READY)
    failure: Mapped[list[Any] | None]  # [{"code", "message", ...}] of one that failed
    storage_key: Mapped[str | None]  # where its bytes are kept
    thumbnail: Mapped[str | None]  # where its small picture is
    upload_key: Mapped[str | None]  # where an upload arrives, until it is looked into
    upload_expires_at: Mapped[datetime | None]
    source_url: Mapped[str | None]  # where it is to be fetched from
    due_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    runs: Mapped[int] = mapped_column(default=0)  # starts that led nowhere
    settled_at: Mapped[datetime | None]  # when it was ready, or failed
    unused_since: Mapped[datetime | None]  # None: a post uses it, or did when last looked
    created_at: Mapped[datetime]


class MediaObject(Base):
    """Bytes in the storage; every key that ever had some has a row until they are gone.

    A row is written before the bytes are, with a `doomed_at` that its transaction takes away:
    what a crash leaves behind is removed when that time has come.
    """

    __tablename__ = "media_object"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key"),
        # The same bytes are kept once, whoever brings them at the same instant.
        Index(
            "ux_media_object_bytes",
            "workspace_id",
            "sha256",
            unique=True,
            postgresql_where=text("doomed_at IS NULL AND sha256 IS NOT NULL"),
            sqlite_where=text("doomed_at IS NULL AND sha256 IS NOT NULL"),
        ),
        _due("ix_media_object_doomed", "doomed_at"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    sha256: Mapped[str | None]  # None: nobody else's bytes are put here
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]
    doomed_at: Mapped[datetime | None]  # when it may be removed; None: it is in use


class MediaUse(Base):
    """A post that names a file: as long as it does, the file can not go by itself."""

    __tablename__ = "media_use"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "post_id"], ["post.workspace_id", "post.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["workspace_id", "media_id"], ["media.workspace_id", "media.id"]),
        Index(None, "media_id"),
    )

    post_id: Mapped[UUID] = mapped_column(primary_key=True)
    media_id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]


class MediaCopy(Base):
    """A file as one recipe made it: what a network is sent in its place."""

    __tablename__ = "media_copy"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "media_id"], ["media.workspace_id", "media.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "storage_key"], ["media_object.workspace_id", "media_object.key"]
        ),
        Index(None, "storage_key"),
        Index(None, "used_at"),
    )

    media_id: Mapped[UUID] = mapped_column(primary_key=True)
    recipe: Mapped[str] = mapped_column(primary_key=True)  # the recipe's key
    workspace_id: Mapped[UUID]
    storage_key: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    seconds: Mapped[float | None]
    used_at: Mapped[datetime]  # when it was last asked for; it goes when that is long ago
