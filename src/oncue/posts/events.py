"""What happened to a post, in order. Each row is also the webhook outbox's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from oncue.lib import ids
from oncue.posts.models import Event

_table: Table = Event.__table__  # type: ignore[assignment]
_INSERT = insert(_table)  # built once: building a statement costs more than running it


def record(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add an event in the transaction that makes it true."""
    record_each(session, workspace_id, [post_id], type_, now, data)


def record_each(
    session: Session,
    workspace_id: UUID,
    post_ids: Sequence[UUID],
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
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
        }
        for post_id in post_ids
    ]
    if rows:
        session.execute(_INSERT, rows)


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
