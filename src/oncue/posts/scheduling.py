"""Giving a post its time, or taking it away: its row and its destinations together."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from oncue.posts.lifecycle import Status
from oncue.posts.models import Destination, Post
from oncue.posts.service import (
    destinations_of,
    may_be_sent,
    record_scheduled,
    send_out,
    stand_down,
)


def schedule(session: Session, post: Post, at: datetime, now: datetime) -> None:
    """Have the post go out at `at`, to every destination it is not published at yet (C33)."""
    write(session, post, status=Status.SCHEDULED)
    set_time(session, post, at)
    stand_down(session, post.workspace_id, post.id)
    waiting = [row.id for row in still_to_send(session, post)]
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == post.workspace_id, Destination.id.in_(waiting))
        .values(retry_count=0)
        .execution_options(synchronize_session=False)
    )
    send_out(session, post.workspace_id, post.id, waiting, at=at)
    record_scheduled(session, post.workspace_id, post.id, at, now)


def set_time(session: Session, post: Post, at: datetime | None) -> None:
    """Give the post another time, which gives its slot back to the queue; or the one it has."""
    write(session, post, scheduled_for=at, slot=at if at == post.slot else None)


def still_to_send(session: Session, post: Post) -> list[Destination]:
    """The destinations that are neither published nor perhaps published (C57)."""
    rows = destinations_of(session, post.workspace_id, post.id)
    return [row for row in rows if may_be_sent(row)]


def make_draft(session: Session, post: Post) -> None:
    """Make the post a draft, which has no time (C31); nothing of it is due any more."""
    write(session, post, status=Status.DRAFT, scheduled_for=None, slot=None)
    stand_down(session, post.workspace_id, post.id)


def write(session: Session, post: Post, **values: Any) -> None:
    """Write columns of a post that this transaction has taken."""
    session.execute(
        update(Post)
        .where(Post.workspace_id == post.workspace_id, Post.id == post.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
