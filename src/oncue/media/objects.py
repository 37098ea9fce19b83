"""The rows behind the storage: bytes are reserved, taken into use, doomed, and removed.

Of the same bytes in one workspace there is one object, however many files have them. The row is
held by an UPDATE while a file is pointed at it, so it is never doomed under the file's feet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.errors import Unavailable
from oncue.lib.clock import EPOCH
from oncue.media.models import MediaCopy, MediaFile, MediaObject

# From the reservation of an object to its use at most. After that nobody is still writing it.
RESERVED: Final = timedelta(days=1)
BEYOND_RECALL: Final = EPOCH
TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """Bytes that are, or are about to be, in the storage under a key of their own."""

    key: str
    sha256: str | None
    size_bytes: int


def reserve(
    session: Session, workspace_id: UUID, objects: Iterable[NewObject], now: datetime
) -> None:
    """Make keys known before anything is written under them."""
    rows = [
        {
            "key": each.key,
            "workspace_id": workspace_id,
            "sha256": each.sha256,
            "size_bytes": each.size_bytes,
            "created_at": now,
            "doomed_at": now + RESERVED,
        }
        for each in objects
    ]
    session.execute(insert(MediaObject), rows)


def take_into_use(session: Session, workspace_id: UUID, new: NewObject, now: datetime) -> str:
    """The key to use: of the same bytes where they are kept already, else of what was reserved.

    Raises Unavailable where the reservation has lapsed.
    """
    for _ in range(TRIES):
        twin = _hold_twin(session, workspace_id, new)
        if twin is not None:
            if twin != new.key:
                doom(session, workspace_id, [new.key], now)
            return twin
        try:
            with session.begin_nested():
                taken = session.scalar(
                    update(MediaObject)
                    .where(
                        MediaObject.workspace_id == workspace_id,
                        MediaObject.key == new.key,
                        MediaObject.doomed_at > now,
                    )
                    .values(doomed_at=None)
                    .returning(MediaObject.key)
                    .execution_options(synchronize_session=False)
                )
        except IntegrityError:  # somebody has just brought the same bytes
            continue
        if taken is not None:
            return taken
        break
    raise Unavailable("The file took too long to be kept; please send it again.")


def twin_of(session: Session, workspace_id: UUID, new: NewObject) -> str | None:
    """The key of the object in use that has the same bytes."""
    return session.scalar(select(MediaObject.key).where(*_is_twin(workspace_id, new)))


def _is_twin(workspace_id: UUID, new: NewObject) -> Sequence[ColumnElement[bool]]:
    return (
        MediaObject.workspace_id == workspace_id,
        MediaObject.sha256 == new.sha256,
        MediaObject.doomed_at.is_(None),
    )


def _hold_twin(session: Session, workspace_id: UUID, new: NewObject) -> str | None:
    """The object in use that has the same bytes; it stays in use until this transaction ends."""
    if new.sha256 is None:
        return None
    return session.scalar(
        update(MediaObject)
        .where(*_is_twin(workspace_id, new))
        .values(size_bytes=new.size_bytes)
        .returning(MediaObject.key)
        .execution_options(synchronize_session=False)
    )


def doom(session: Session, workspace_id: UUID, keys: Iterable[str | None], at: datetime) -> None:
    """Have what no file or copy refers to any more removed at `at`, if not earlier.

    The first UPDATE waits for whoever holds the row; only then does the second one look who
    refers to it.
    """
    chosen = [key for key in keys if key is not None]
    if not chosen:
        return
    mine = (MediaObject.workspace_id == workspace_id, MediaObject.key.in_(chosen))
    named_by_a_file = (
        select(MediaFile.id)
        .where(
            MediaFile.workspace_id == workspace_id,
            or_(
                MediaFile.storage_key == MediaObject.key,
                MediaFile.thumbnail == MediaObject.key,
                MediaFile.upload_key == MediaObject.key,
            ),
        )
        .exists()
    )
    named_by_a_copy = (
        select(MediaCopy.media_id)
        .where(MediaCopy.workspace_id == workspace_id, MediaCopy.storage_key == MediaObject.key)
        .exists()
    )
    is_named = or_(named_by_a_file, named_by_a_copy)
    not_sooner = or_(MediaObject.doomed_at.is_(None), MediaObject.doomed_at > at)
    for statement in (
        update(MediaObject).where(*mine, not_sooner).values(doomed_at=at),
        update(MediaObject).where(*mine, is_named).values(doomed_at=None),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
    announce(session, Topic.ERRAND)


def abandon(session: Session, workspace_id: UUID, keys: Sequence[str]) -> Sequence[str]:
    """Condemn those of `keys` that no file refers to; which they are."""
    doom(session, workspace_id, keys, BEYOND_RECALL)
    return session.scalars(
        select(MediaObject.key).where(
            MediaObject.workspace_id == workspace_id,
            MediaObject.key.in_(keys),
            MediaObject.doomed_at == BEYOND_RECALL,
        )
    ).all()


def next_doomed(session: Session) -> datetime | None:
    """When the next object may be removed, be it in the past; None: none ever."""
    return session.scalar(
        select(func.min(MediaObject.doomed_at)).where(MediaObject.doomed_at.is_not(None))
    )


def condemn(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Take up to `limit` objects whose time has come; nobody takes them into use any more."""
    chosen = (
        select(MediaObject.key)
        .where(MediaObject.doomed_at <= now)
        .order_by(MediaObject.doomed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalars(
        update(MediaObject)
        .where(MediaObject.key.in_(chosen), MediaObject.doomed_at <= now)
        .values(doomed_at=BEYOND_RECALL)
        .returning(MediaObject.key)
        .execution_options(synchronize_session=False)
    ).all()


def forget(session: Session, keys: Sequence[str]) -> None:
    """Delete the rows of what is gone from the storage."""
    session.execute(
        delete(MediaObject)
        .where(MediaObject.key.in_(keys), MediaObject.doomed_at == BEYOND_RECALL)
        .execution_options(synchronize_session=False)
    )


def known(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that have a row."""
    return set(session.scalars(select(MediaObject.key).where(MediaObject.key.in_(keys))))
