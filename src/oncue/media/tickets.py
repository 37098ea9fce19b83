"""Uploads that are announced first: a ticket says where the bytes go, and for how long.

With a bucket they go there and we look whether they have arrived. Otherwise they come to us,
and whoever took them in says so. Either way the file is looked into afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.errors import Conflict
from oncue.lib import ids
from oncue.media import objects
from oncue.media.links import UPLOAD_TIME
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.objects import NewObject
from oncue.media.service import as_shown, get

# How long after the end of a ticket a file is still waited for: until then it can be renewed,
# and what a bucket took at the last moment is found.
GRACE: Final = timedelta(hours=1)

# A bucket tells nobody that something has arrived. We look soon, and then less and less often.
FIRST_LOOK: Final = timedelta(seconds=1)
SLOWEST_LOOK: Final = timedelta(seconds=30)
PATIENCE: Final = 4  # a look comes after a quarter of the time that has passed so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A file that somebody is going to upload, as far as they say."""

    filename: str
    content_type: str
    size_bytes: int


class NotAwaited(Conflict):
    """The file's bytes have come already, or will not be waited for any more."""

    def __init__(self, media_id: UUID, status: str) -> None:
        name = ids.to_typeid("media", media_id)
        super().__init__(
            f"No upload is awaited for {name}, which is {status}", {"status": str(status)}
        )


def issue(
    session: Session,
    workspace_id: UUID,
    media_id: UUID,
    announced: Announced,
    upload_key: str | None,
    now: datetime,
) -> MediaFile:
    """Expect an upload: under `upload_key` in a bucket, or (None) by way of us."""
    if upload_key is not None:
        expected = NewObject(key=upload_key, sha256=None, size_bytes=announced.size_bytes)
        objects.reserve(session, workspace_id, [expected], now)
        objects.take_into_use(session, workspace_id, expected, now)
    expires_at = now + UPLOAD_TIME
    row = MediaFile(
        id=media_id,
        workspace_id=workspace_id,
        filename=as_shown(announced.filename),
        content_type=announced.content_type,
        size_bytes=announced.size_bytes,
        status=MediaStatus.PENDING,
        upload_key=upload_key,
        upload_expires_at=expires_at,
        due_at=_first_due(upload_key, expires_at, now),
        created_at=now,
    )
    session.add(row)
    session.flush()
    announce(session, Topic.ERRAND)
    return row


def renew(session: Session, workspace_id: UUID, media_id: UUID, now: datetime) -> MediaFile:
    """Wait for the upload for another quarter of an hour; raises NotFound, NotAwaited."""
    expires_at = now + UPLOAD_TIME
    row = get(session, workspace_id, media_id)
    due_at = _first_due(row.upload_key, expires_at, now)
    return _while_pending(session, row, {"upload_expires_at": expires_at, "due_at": due_at})


def arrived(
    session: Session, row: MediaFile, now: datetime, raw: NewObject | None = None
) -> MediaFile:
    """Have an upload looked into, which is stored as `raw` where it came by way of us.

    Of two that arrive at the same instant one is taken; the other raises NotAwaited.
    """
    values: dict[str, object] = {"status": MediaStatus.PROCESSING, "due_at": now, "runs": 0}
    if raw is not None:
        values["upload_key"] = objects.take_into_use(session, row.workspace_id, raw, now)
        values["upload_expires_at"] = None  # nothing else can arrive there
    announce(session, Topic.ERRAND)
    return _while_pending(session, row, values)


def next_look(row: MediaFile, now: datetime) -> datetime:
    """When to look again whether an upload has arrived in the bucket."""
    asked_at = (row.upload_expires_at or now) - UPLOAD_TIME
    return now + min(max((now - asked_at) / PATIENCE, FIRST_LOOK), SLOWEST_LOOK)


def is_over(row: MediaFile, now: datetime) -> bool:
    """Whether an upload is not waited for any longer."""
    return row.upload_expires_at is not None and row.upload_expires_at + GRACE <= now


def _first_due(upload_key: str | None, expires_at: datetime, now: datetime) -> datetime:
    """What comes by way of us says so itself: of that only the end is looked after."""
    return expires_at + GRACE if upload_key is None else now + FIRST_LOOK


def _while_pending(session: Session, row: MediaFile, values: Mapping[str, object]) -> MediaFile:
    changed = session.scalar(
        update(MediaFile)
        .where(
            MediaFile.workspace_id == row.workspace_id,
            MediaFile.id == row.id,
            MediaFile.status == MediaStatus.PENDING,
        )
        .values(**values, fence=MediaFile.fence + 1)
        .returning(MediaFile.id)
        .execution_options(synchronize_session=False)
    )
    now_is = get(session, row.workspace_id, row.id)
    if changed is None:
        raise NotAwaited(row.id, now_is.status)
    return now_is
