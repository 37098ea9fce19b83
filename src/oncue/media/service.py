"""The rows of files. Plain functions of a session; the edge owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from oncue import outbox
from oncue.db.database import Topic, announce
from oncue.errors import NotFound
from oncue.lib import ids
from oncue.media import copies, objects
from oncue.media.intake import Kept
from oncue.media.models import MediaFile, MediaStatus, MediaUse

FILENAME_CHARACTERS: Final = 255
SLACK: Final = timedelta(minutes=5)  # clocks differ, ours and the bucket's


def add(
    session: Session,
    workspace_id: UUID,
    kept: Kept,
    *,
    filename: str,
    alt_text: str,
    now: datetime,
) -> MediaFile:
    """Make a file known that is stored already, ready to be attached."""
    row = MediaFile(
        id=ids.new_id(now),
        workspace_id=workspace_id,
        filename=as_shown(filename),
        alt_text=alt_text,
        created_at=now,
        **ready(session, workspace_id, kept, now),
    )
    session.add(row)
    session.flush()
    tell(session, row, now)
    return row


def await_fetch(
    session: Session,
    workspace_id: UUID,
    url: str,
    filename: str,
    content_type: str,
    now: datetime,
) -> MediaFile:
    """Make a file known that is still to be fetched, in the background."""
    row = MediaFile(
        id=ids.new_id(now),
        workspace_id=workspace_id,
        filename=as_shown(filename),
        content_type=content_type,
        size_bytes=0,
        status=MediaStatus.PROCESSING,
        source_url=url,
        due_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    announce(session, Topic.ERRAND)
    return row


def ready(session: Session, workspace_id: UUID, kept: Kept, now: datetime) -> dict[str, Any]:
    """What a row says of a file that is stored; what it names is in use from here on."""
    probed = kept.probed
    thumbnail = kept.thumbnail and objects.take_into_use(session, workspace_id, kept.thumbnail, now)
    return {
        "status": MediaStatus.READY,
        "content_type": probed.content_type,
        "size_bytes": kept.bytes.size_bytes,
        "sha256": kept.bytes.sha256,
        "width": probed.width,
        "height": probed.height,
        "seconds": probed.seconds,
        "fps": probed.fps,
        "frames": probed.frames,
        "video_codec": probed.video_codec,
        "audio_codec": probed.audio_codec,
        "storage_key": objects.take_into_use(session, workspace_id, kept.bytes, now),
        "thumbnail": thumbnail,
        "settled_at": now,
        "unused_since": now,
    }


def tell(session: Session, row: MediaFile, now: datetime) -> None:
    """Record that a file is ready, in the transaction that makes it so."""
    data = {
        "id": ids.to_typeid("media", row.id),
        "filename": row.filename,
        "contentType": row.content_type,
        "sizeBytes": row.size_bytes,
        "status": row.status,
    }
    outbox.record(session, row.workspace_id, None, "media.uploaded", now, data)


def get(session: Session, workspace_id: UUID, media_id: UUID) -> MediaFile:
    """Raises NotFound."""
    row = session.scalar(
        select(MediaFile)
        .where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise not_found(media_id)
    return row


def get_by_link(session: Session, media_id: UUID) -> MediaFile:
    """A file by its id alone, for who has an address signed for it. Raises NotFound."""
    row = session.scalar(select(MediaFile).where(MediaFile.id == media_id))
    if row is None:
        raise not_found(media_id)
    return row


def list_page(
    session: Session,
    workspace_id: UUID,
    *,
    status: MediaStatus | None,
    limit: int,
    after: tuple[datetime, UUID] | None,
) -> Sequence[MediaFile]:
    """Up to `limit` files, newest first."""
    chosen = select(MediaFile).where(MediaFile.workspace_id == workspace_id)
    if status is not None:
        chosen = chosen.where(MediaFile.status == status)
    if after is not None:
        at, media_id = after
        chosen = chosen.where(
            (MediaFile.created_at < at) | ((MediaFile.created_at == at) & (MediaFile.id < media_id))
        )
    newest_first = chosen.order_by(MediaFile.created_at.desc(), MediaFile.id.desc())
    return session.scalars(newest_first.limit(limit)).all()


def change(
    session: Session, workspace_id: UUID, media_id: UUID, values: Mapping[str, Any]
) -> MediaFile:
    """Write the columns in `values`, if any; the file as it then is. Raises NotFound."""
    if values:
        session.execute(
            update(MediaFile)
            .where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    return get(session, workspace_id, media_id)


def hold(session: Session, workspace_id: UUID, media_id: UUID) -> bool:
    """Whether there is such a file; nobody begins to use it until this transaction ends."""
    held = session.scalar(
        select(MediaFile.id)
        .where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
        .with_for_update()
    )
    return held is not None


def remove(session: Session, workspace_id: UUID, media_id: UUID, now: datetime) -> None:
    """Delete a file that is held, whoever uses it; its bytes follow unless another has them."""
    session.execute(
        delete(MediaUse)
        .where(MediaUse.workspace_id == workspace_id, MediaUse.media_id == media_id)
        .execution_options(synchronize_session=False)
    )
    mended = copies.remove_of(session, workspace_id, media_id)
    gone = session.execute(
        delete(MediaFile)
        .where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
        .returning(
            MediaFile.storage_key,
            MediaFile.thumbnail,
            MediaFile.upload_key,
            MediaFile.upload_expires_at,
        )
        .execution_options(synchronize_session=False)
    ).one()
    objects.doom(session, workspace_id, [gone.storage_key, gone.thumbnail, *mended], now)
    objects.doom(session, workspace_id, [gone.upload_key], end_of(gone.upload_expires_at, now))


def end_of(upload_expires_at: datetime | None, now: datetime) -> datetime:
    """From when on nothing can arrive any more where an upload was expected."""
    return now if upload_expires_at is None else max(now, upload_expires_at + SLACK)


def as_shown(filename: str) -> str:
    """A name as it can be displayed and kept: PostgreSQL takes no NUL."""
    printable = "".join(character for character in filename if character.isprintable())
    return printable[:FILENAME_CHARACTERS] or "file"


def not_found(media_id: UUID) -> NotFound:
    return NotFound("media", ids.to_typeid("media", media_id))
