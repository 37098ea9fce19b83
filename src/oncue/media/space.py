"""How much room files take, and how much of it is used by posts."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from oncue.media.models import MediaFile, MediaObject
from oncue.media.retention import is_used


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Of all workspaces. The same bytes under two names count once; thumbnails count."""

    files: int
    size_bytes: int
    unused_files: int
    unused_bytes: int


def measure(session: Session) -> Space:
    kept = MediaFile.storage_key.is_not(None)
    in_use = MediaObject.doomed_at.is_(None)
    needed = (
        select(MediaFile.id)
        .where(
            or_(
                MediaFile.storage_key == MediaObject.key,
                MediaFile.thumbnail == MediaObject.key,
            ),
            is_used(),
        )
        .exists()
    )
    size = func.coalesce(func.sum(MediaObject.size_bytes), 0)
    files = func.count(MediaFile.id)
    return Space(
        files=session.scalar(select(files).where(kept)) or 0,
        size_bytes=session.scalar(select(size).where(in_use)) or 0,
        unused_files=session.scalar(select(files).where(kept, ~is_used())) or 0,
        unused_bytes=session.scalar(select(size).where(in_use, ~needed)) or 0,
    )
