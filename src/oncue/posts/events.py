"""What happened to a post, in order. Each row is also the webhook outbox's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.lib import ids
from oncue.posts.models import Event

_table: Table = Event.__table__  # type: ignore[assignment]
_INSERT = insert(_table)  # built once: building a statement costs more than running it


def record(
    session: Session,
    workspace_id: UUID,
    post_id: UUID | None,
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    dispatch_after: datetime | None = None,
) -> None:
    """Add an event in the transaction that makes it true; webhooks tell of it at once or later."""
    record_each(session, workspace_id, [post_id], type_, now, data, dispatch_after=dispatch_after)


def record_each(
    session: Session,
    workspace_id: UUID,
    post_ids: Sequence[UUID | None],
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    dispatch_after: datetime | None = None,
) -> None:
    """Add the same event to each of several posts."""
    rows = [
        {
            "id": ids.new_id(now),
            "workspace_id": workspace_id,
            "post_id": post_id,
            "type": type_,
            "data": dict(data or {}),
            "created_at": now,
            "dispatch_after": dispatch_after or now,
        }
        for post_id in post_ids
    ]
    if rows:
        session.execute(_INSERT, rows)
        announce(session, Topic.EVENT)


def forget_told(session: Session, workspace_id: UUID, post_id: UUID) -> None:
    """Delete the events of a post that is no more, but for those that webhooks have not told."""
    session.execute(
        delete(Event)
        .where(
            Event.workspace_id == workspace_id,
            Event.post_id == post_id,
            Event.dispatched_at.is_not(None),
        )
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
