"""What happened to a post, in order, and what of it webhooks have still to tell."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from oncue.lib.clock import iso
from oncue.outbox import Event, record, record_each
from oncue.posts.models import Post

__all__ = ["DEBOUNCE", "facts_of", "latest", "of_post", "outlive", "record", "record_each"]

# How long webhooks wait before they tell of a new post: saves that follow at once are part of
# it (V40).
DEBOUNCE: Final = timedelta(seconds=5)


def facts_of(post: Post) -> Mapping[str, Any]:
    """What webhooks tell of a post beside what an event says itself."""
    return {
        "content": post.content,
        "status": post.status,
        "scheduledFor": iso(post.scheduled_for) if post.scheduled_for else None,
    }


def outlive(session: Session, post: Post) -> None:
    """Delete the events of a post that is no more, but for those that are still to be told.

    These keep, as `post`, what has to be told of it.
    """
    mine = (Event.workspace_id == post.workspace_id, Event.post_id == post.id)
    waiting = session.execute(
        select(Event.seq, Event.data).where(*mine, Event.dispatched_at.is_(None)).with_for_update()
    )
    for seq, data in waiting.all():
        session.execute(
            update(Event)
            .where(Event.workspace_id == post.workspace_id, Event.seq == seq)
            .values(data={**data, "post": facts_of(post)})
            .execution_options(synchronize_session=False)
        )
    session.execute(
        delete(Event)
        .where(*mine, Event.dispatched_at.is_not(None))
        .execution_options(synchronize_session=False)
    )


def of_post(session: Session, workspace_id: UUID, post_id: UUID) -> Sequence[Event]:
    """The post's events, oldest first."""
    return session.scalars(
        select(Event)
        .where(Event.workspace_id == workspace_id, Event.post_id == post_id)
        .order_by(Event.seq)
    ).all()


def latest(session: Session, workspace_id: UUID, post_id: UUID) -> Event | None:
    return session.scalars(
        select(Event)
        .where(Event.workspace_id == workspace_id, Event.post_id == post_id)
        .order_by(Event.seq.desc())
        .limit(1)
    ).first()
