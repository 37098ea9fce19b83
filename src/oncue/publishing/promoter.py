"""Hands what is due to the workers, in one transaction with a fence.

`run_at` is the only truth about what happens when. Promoting a row takes its `run_at` away,
raises its fence and gives it a ticket: the job that carries the ticket may run it. One account
has at most one destination with the workers; the next goes as soon as that one has settled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, aliased

from oncue.db.base import later
from oncue.db.database import serialise
from oncue.posts import events
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post

PROMOTER_LOCK: Final = 0x6F6E6375 + 3
BATCH: Final = 200
WITH_WORKERS: Final = (State.QUEUED, State.PUBLISHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is handed: the destination, and the ticket that lets it run it."""

    destination_id: UUID
    ticket: int


def promote_due(session: Session, now: datetime) -> list[Job]:
    """Promote the first due destination of every account that has none with the workers."""
    serialise(session, PROMOTER_LOCK)
    jobs: list[Job] = []
    while batch := _candidates(session, now, _is_idle()):
        promoted = _promote(session, _first_of_each_account(batch), now)
        if not promoted:
            break
        jobs += promoted
    return jobs


def promote_next(session: Session, account_id: UUID, now: datetime) -> list[Job]:
    """Promote the account's next due destination; called as its present one settles."""
    candidates = _candidates(session, now, Destination.account_id == account_id, limit=1)
    return _promote(session, candidates, now)


def next_due(session: Session) -> datetime | None:
    """When the next destination is due; None where nothing waits.

    What is due but waits for its account's turn does not count: settling promotes it.
    """
    return session.scalar(
        select(Destination.run_at)
        .where(Destination.run_at.is_not(None), _is_idle())
        .order_by(Destination.run_at)
        .limit(1)
    )


def _is_idle() -> ColumnElement[bool]:
    """The row's account has nothing with the workers."""
    busy = aliased(Destination)
    return (
        ~select(busy.id)
        .where(busy.account_id == Destination.account_id, busy.state.in_(WITH_WORKERS))
        .exists()
    )


def _candidates(
    session: Session, now: datetime, condition: ColumnElement[bool], limit: int = BATCH
) -> Sequence[Destination]:
    """Due rows, longest due first, with their posts held: a post being edited is passed over."""
    return session.scalars(
        select(Destination)
        .join(Post, Post.id == Destination.post_id)
        .where(Destination.run_at <= now, condition)
        .order_by(Destination.run_at, Destination.id)
        .limit(limit)
        .with_for_update(of=Post, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _first_of_each_account(rows: Iterable[Destination]) -> list[Destination]:
    first: dict[UUID, Destination] = {}
    for row in rows:
        first.setdefault(row.account_id, row)
    return list(first.values())


def _promote(session: Session, rows: Sequence[Destination], now: datetime) -> list[Job]:
    if not rows:
        return []
    promoted = session.execute(
        update(Destination)
        .where(Destination.id.in_([row.id for row in rows]), Destination.run_at <= now)
        .values(
            state=State.QUEUED,
            due_at=Destination.run_at,
            run_at=None,
            next_retry_at=None,
            error=None,
            ticket=Destination.fence + 1,
            fence=Destination.fence + 1,
        )
        .returning(Destination.id, Destination.ticket)
        .execution_options(synchronize_session=False)
    ).all()
    _announce(session, {(row.workspace_id, row.post_id) for row in rows}, now)
    return [Job(destination_id=row_id, ticket=ticket or 0) for row_id, ticket in promoted]


def _announce(session: Session, posts: set[tuple[UUID, UUID]], now: datetime) -> None:
    """A post whose first destination goes out is publishing from now on."""
    started = session.execute(
        update(Post)
        .where(
            Post.id.in_([post_id for _workspace_id, post_id in posts]),
            Post.status != Status.PUBLISHING,
        )
        .values(status=Status.PUBLISHING, updated_at=later(Post.updated_at, now))
        .returning(Post.workspace_id, Post.id)
        .execution_options(synchronize_session=False)
    ).all()
    for workspace_id, post_id in started:
        events.record(session, workspace_id, post_id, "post.publishing", now)
