"""Hands what is due to the workers, in one transaction with a fence.

`run_at` is the only truth about what happens when. Promoting a row takes its `run_at` away,
raises its fence and gives it a ticket: the job that carries the ticket may run it. One account
has at most one destination with the workers; the next goes as soon as that one has settled.
A post whose turn comes too late for its policy is put off instead.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, bindparam, select, update
from sqlalchemy.orm import Session, aliased

from oncue.db.base import NOW, later
from oncue.db.database import serialise
from oncue.posts import events, lateness
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post

PROMOTER_LOCK: Final = 0x6F6E6375 + 3
BATCH: Final = 200
WITH_WORKERS: Final = (State.QUEUED, State.PUBLISHING)


_destinations: Table = Destination.__table__  # type: ignore[assignment]
_posts: Table = Post.__table__  # type: ignore[assignment]


def _is_idle() -> ColumnElement[bool]:
    """The row's account has nothing with the workers."""
    busy = aliased(Destination)
    return (
        ~select(busy.id)
        .where(busy.account_id == Destination.account_id, busy.state.in_(WITH_WORKERS))
        .exists()
    )


def _due(condition: ColumnElement[bool], limit: int) -> Select[Destination]:
    """Due rows, longest due first, with their posts held: a post being edited is passed over."""
    return (
        select(Destination)
        .join(Post, Post.id == Destination.post_id)
        .where(Destination.run_at <= NOW, condition)
        .order_by(Destination.run_at, Destination.id)
        .limit(limit)
        .with_for_update(of=Post, skip_locked=True)
        .execution_options(populate_existing=True)
    )


# Every publication runs these, so they are built once: building one costs more than running it.
_DUE_AND_IDLE = _due(_is_idle(), BATCH)
_DUE_NEXT = _due(Destination.account_id == bindparam("account"), 1)
_NEXT_DUE = (
    select(Destination.run_at)
    .where(Destination.run_at.is_not(None), _is_idle())
    .order_by(Destination.run_at)
    .limit(1)
)
_PROMOTE = (
    update(_destinations)
    .where(
        _destinations.c.id.in_(bindparam("destinations", expanding=True)),
        _destinations.c.run_at <= NOW,
    )
    .values(
        state=State.QUEUED,
        due_at=_destinations.c.run_at,
        run_at=None,
        next_retry_at=None,
        error=None,
        ticket=_destinations.c.fence + 1,
        fence=_destinations.c.fence + 1,
    )
    .returning(_destinations.c.id, _destinations.c.ticket, _destinations.c.post_id)
)
_BEGIN_PUBLISHING = (
    update(_posts)
    .where(
        _posts.c.id.in_(bindparam("posts", expanding=True)),
        _posts.c.status != Status.PUBLISHING,
    )
    .values(status=Status.PUBLISHING, updated_at=later(Post.updated_at, NOW))
    .returning(_posts.c.workspace_id, _posts.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is handed: the destination, and the ticket that lets it run it."""

    destination_id: UUID
    ticket: int


def promote_due(session: Session, now: datetime) -> list[Job]:
    """Promote the first due destination of every account that has none with the workers."""
    serialise(session, PROMOTER_LOCK)
    jobs: list[Job] = []
    while batch := session.scalars(_DUE_AND_IDLE, {"now": now}).all():
        if lateness.put_off(session, batch, now):
            continue
        promoted = _promote(session, _first_of_each_account(batch), now)
        if not promoted:
            break
        jobs += promoted
    return jobs


def promote_next(session: Session, account_id: UUID, now: datetime) -> list[Job]:
    """Promote the account's next due destination; called as its present one settles."""
    while waiting := session.scalars(_DUE_NEXT, {"account": account_id, "now": now}).all():
        if not lateness.put_off(session, waiting, now):
            return _promote(session, waiting, now)
    return []


def next_due(session: Session) -> datetime | None:
    """When the next destination is due; None where nothing waits.

    What is due but waits for its account's turn does not count: settling promotes it.
    """
    return session.scalar(_NEXT_DUE)


def _first_of_each_account(rows: Iterable[Destination]) -> list[Destination]:
    first: dict[UUID, Destination] = {}
    for row in rows:
        first.setdefault(row.account_id, row)
    return list(first.values())


def _promote(session: Session, rows: Sequence[Destination], now: datetime) -> list[Job]:
    if not rows:
        return []
    promoted = session.execute(
        _PROMOTE, {"destinations": [row.id for row in rows], "now": now}
    ).all()
    _announce(session, {row.post_id for row in promoted}, now)  # others were edited meanwhile
    return [Job(destination_id=row.id, ticket=row.ticket) for row in promoted]


def _announce(session: Session, post_ids: Collection[UUID], now: datetime) -> None:
    """A post whose first destination goes out is publishing from now on."""
    started = session.execute(_BEGIN_PUBLISHING, {"posts": list(post_ids), "now": now}).all()
    for workspace_id, post_id in started:
        events.record(session, workspace_id, post_id, "post.publishing", now)
