"""Uploaded files: what we know of them. The bytes lie in the media folder, under their id."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class MediaFile(Base):
    """One file, ready to be attached to posts."""

    __tablename__ = "media"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    filename: Mapped[str]  # as its owner calls it: for display, never a path
    content_type: Mapped[str]  # what the bytes are, whatever the name says
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    alt_text: Mapped[str] = mapped_column(default="")
    width: Mapped[int | None]
    height: Mapped[int | None]
    status: Mapped[str] = mapped_column(default="ready")
    created_at: Mapped[datetime]
