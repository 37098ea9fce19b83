"""The rows of mended files: found again for every post and network that takes the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oncue.errors import NotFound
from oncue.lib import ids
from oncue.media import objects
from oncue.media.models import MediaCopy, MediaFile
from oncue.media.objects import NewObject
from oncue.media.render import Rendered

KEPT: Final = timedelta(days=7)  # after it was last asked for; then it would be made anew


def use(
    session: Session, workspace_id: UUID, media_id: UUID, recipe: str, now: datetime
) -> MediaCopy | None:
    """The copy that `recipe` made of the file, kept for another while; None: there is none."""
    return session.scalar(
        update(MediaCopy)
        .where(
            MediaCopy.workspace_id == workspace_id,
            MediaCopy.media_id == media_id,
            MediaCopy.recipe == recipe,
        )
        .values(used_at=now)
        .returning(MediaCopy)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def add(
    session: Session,
    workspace_id: UUID,
    media_id: UUID,
    recipe: str,
    rendered: Rendered,
    stored: NewObject,
    now: datetime,
) -> MediaCopy:
    """Take a stored copy into use, or another's that was made meanwhile.

    Raises NotFound where the file itself is gone.
    """
    held = session.scalar(
        select(MediaFile.id)
        .where(MediaFile.workspace_id == workspace_id, MediaFile.id == media_id)
        .with_for_update(read=True, key_share=True)
    )
    if held is None:
        raise NotFound("media", ids.to_typeid("media", media_id))
    key = objects.take_into_use(session, workspace_id, stored, now)
    values = {
        "media_id": media_id,
        "recipe": recipe,
        "workspace_id": workspace_id,
        "storage_key": key,
        "content_type": rendered.content_type,
        "size_bytes": rendered.size_bytes,
        "sha256": rendered.sha256,
        "width": rendered.width,
        "height": rendered.height,
        "seconds": rendered.seconds,
        "used_at": now,
    }
    try:
        with session.begin_nested():
            session.execute(insert(MediaCopy), values)
    except IntegrityError:  # another process has made it too
        objects.doom(session, workspace_id, [key], now)
    copy = use(session, workspace_id, media_id, recipe, now)
    assert copy is not None  # it was just written, and its file is held
    return copy


def type_of(session: Session, row: MediaFile, key: str) -> str | None:
    """What kind of bytes a file has under this key, its own or a copy's; None: none."""
    if row.storage_key == key:
        return row.content_type
    return session.scalar(
        select(MediaCopy.content_type).where(
            MediaCopy.workspace_id == row.workspace_id,
            MediaCopy.media_id == row.id,
            MediaCopy.storage_key == key,
        )
    )


def remove_of(session: Session, workspace_id: UUID, media_id: UUID) -> Sequence[str]:
    """Delete every copy of a file; the keys of their bytes, which are still to be doomed."""
    return session.scalars(
        delete(MediaCopy)
        .where(MediaCopy.workspace_id == workspace_id, MediaCopy.media_id == media_id)
        .returning(MediaCopy.storage_key)
        .execution_options(synchronize_session=False)
    ).all()


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` copies that nobody asked for in a while; how many."""
    names = tuple_(MediaCopy.media_id, MediaCopy.recipe)
    old = session.execute(
        select(MediaCopy.media_id, MediaCopy.recipe)
        .where(MediaCopy.used_at < now - KEPT)
        .order_by(MediaCopy.used_at)
        .limit(limit)
    ).all()
    if not old:
        return 0
    gone = session.execute(
        delete(MediaCopy)
        .where(names.in_([tuple(row) for row in old]), MediaCopy.used_at < now - KEPT)
        .returning(MediaCopy.workspace_id, MediaCopy.storage_key)
        .execution_options(synchronize_session=False)
    ).all()
    for workspace_id, key in gone:
        objects.doom(session, workspace_id, [key], now)
    return len(old)
