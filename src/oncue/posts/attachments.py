"""Which posts use which files: what a post names is noted, and is not removed under its feet."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from oncue.errors import AppError
from oncue.lib import ids
from oncue.media import service as media
from oncue.media.models import MediaFile, MediaUse
from oncue.posts.drafts import media_of
from oncue.posts.lifecycle import Status
from oncue.posts.models import Destination, Post

DONE: Final = (Status.PUBLISHED, Status.UNPUBLISHED)
SHOWN_POSTS: Final = 20


@dataclass(eq=False)
class MediaInUse(AppError):
    """Posts still need the file."""

    post_ids: list[UUID]
    code = "MEDIA_IN_USE"
    status = 409

    def __str__(self) -> str:
        return f"Posts that are not done yet need this file: {len(self.post_ids)}"

    @property
    def details(self) -> Any:
        shown = [ids.to_typeid("post", post_id) for post_id in self.post_ids[:SHOWN_POSTS]]
        return {"linkedPostCount": len(self.post_ids), "postIds": shown}


def note(session: Session, workspace_id: UUID, post_id: UUID, named: Iterable[UUID]) -> None:
    """Write down that a new post uses these files, those of them that there are.

    Whoever removes one of them waits for this transaction, and then finds it in use.
    """
    wanted = list(named)
    if not wanted:
        return
    mine = (MediaFile.workspace_id == workspace_id, MediaFile.id.in_(wanted))
    held = session.execute(
        select(MediaFile.id, MediaFile.unused_since)
        .where(*mine)
        .with_for_update(read=True, key_share=True)
    ).all()
    if any(row.unused_since is not None for row in held):
        session.execute(
            update(MediaFile)
            .where(*mine)
            .values(unused_since=None)
            .execution_options(synchronize_session=False)
        )
    uses = [{"workspace_id": workspace_id, "post_id": post_id, "media_id": row.id} for row in held]
    if uses:
        session.execute(insert(MediaUse), uses)


def note_anew(session: Session, post: Post, destinations: Iterable[Destination]) -> None:
    """The same for a post that used others before."""
    session.execute(
        delete(MediaUse)
        .where(MediaUse.workspace_id == post.workspace_id, MediaUse.post_id == post.id)
        .execution_options(synchronize_session=False)
    )
    note(session, post.workspace_id, post.id, media_of(post, destinations))


def remove(session: Session, workspace_id: UUID, media_id: UUID, now: datetime) -> None:
    """Remove a file that every post has done with; raises NotFound, MediaInUse."""
    if not media.hold(session, workspace_id, media_id):
        raise media.not_found(media_id)
    needing = session.scalars(
        select(Post.id)
        .join(MediaUse, MediaUse.post_id == Post.id)
        .where(Post.workspace_id == workspace_id, MediaUse.media_id == media_id, ~_is_done())
        .order_by(Post.created_at, Post.id)
    ).all()
    if needing:
        raise MediaInUse(list(needing))
    media.remove(session, workspace_id, media_id, now)


def _is_done() -> ColumnElement[bool]:
    """A post that will never be sent again, nor by its rule.

    One that was put away can come back to what it was.
    """
    status = or_(
        Post.status.in_(DONE),
        and_(Post.status == Status.ARCHIVED, Post.archived_from.in_(DONE)),
    )
    return and_(status, Post.is_recurring.is_not(True))
