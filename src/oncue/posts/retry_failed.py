"""Retrying failed destinations across posts, by filter: set by set, each in its transaction.

Nothing is loaded but what the answer names. A destination whose outcome is unknown is never
touched (C57).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from oncue.db.base import later
from oncue.db.database import announce_due
from oncue.errors import AppError
from oncue.posts import events
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post

BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFilter:
    """Which failures are meant; what is given must all hold."""

    post_ids: Sequence[UUID] = ()
    account_id: UUID | None = None
    platform: str | None = None
    failed_after: datetime | None = None
    failed_before: datetime | None = None
    max_attempts: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows it: retrying everything there ever was is refused."""
        return all(not _is_given(getattr(self, field.name)) for field in fields(self))


@dataclass(eq=False)
class NoFilter(AppError):
    """A retry of every failure there ever was."""

    code = "NO_FILTER"
    status = 400

    def __str__(self) -> str:
        return "Say which failures: at least one filter is needed"


@dataclass(frozen=True, slots=True)
class Requeued:
    """A destination on its way again."""

    destination_id: UUID
    post_id: UUID
    platform: str


def requeue_some(
    session: Session, workspace_id: UUID, chosen: FailureFilter, now: datetime, asked_at: datetime
) -> list[Requeued]:
    """Queue up to BATCH matching failures at once, from their first attempt on (P32-P34).

    Call it until it returns none: what failed after `asked_at` is left out, so it ends.
    Raises NoFilter.
    """
    if chosen.is_empty:
        raise NoFilter
    found = _matching(workspace_id, chosen, asked_at).limit(BATCH)
    rows = session.execute(
        found.join(Post, Post.id == Destination.post_id).with_for_update(of=Post)
    ).all()
    if not rows:
        return []
    session.execute(
        update(Destination)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.id.in_([row.id for row in rows]),
        )
        .values(
            state=State.WAITING,
            run_at=now,
            ticket=None,
            fence=Destination.fence + 1,
            runs=0,
            error=None,
            retry_count=0,
            attempt_count=0,
            next_retry_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    _announce(session, workspace_id, list({row.post_id for row in rows}), now)
    return [Requeued(row.id, row.post_id, row.platform) for row in rows]


def preview(
    session: Session, workspace_id: UUID, chosen: FailureFilter, now: datetime
) -> list[Requeued]:
    """What a retry would queue; raises NoFilter."""
    if chosen.is_empty:
        raise NoFilter
    rows = session.execute(_matching(workspace_id, chosen, now))
    return [Requeued(row.id, row.post_id, row.platform) for row in rows]


def _matching(
    workspace_id: UUID, chosen: FailureFilter, asked_at: datetime
) -> Select[UUID, UUID, str]:
    found = (
        select(Destination.id, Destination.post_id, Destination.platform)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.state == State.FAILED,
            Destination.needs_review.is_(False),
            Destination.settled_at <= asked_at,
        )
        .order_by(Destination.id)
    )
    if chosen.post_ids:
        found = found.where(Destination.post_id.in_(chosen.post_ids))
    if chosen.account_id is not None:
        found = found.where(Destination.account_id == chosen.account_id)
    if chosen.platform is not None:
        found = found.where(Destination.platform == chosen.platform)
    if chosen.failed_after is not None:
        found = found.where(Destination.settled_at >= chosen.failed_after)
    if chosen.failed_before is not None:
        found = found.where(Destination.settled_at <= chosen.failed_before)
    if chosen.max_attempts is not None:
        found = found.where(Destination.attempt_count < chosen.max_attempts)
    return found


def _announce(
    session: Session, workspace_id: UUID, post_ids: Sequence[UUID], now: datetime
) -> None:
    started = session.scalars(
        update(Post)
        .where(
            Post.workspace_id == workspace_id,
            Post.id.in_(post_ids),
            Post.status != Status.PUBLISHING,
        )
        .values(status=Status.PUBLISHING, updated_at=later(Post.updated_at, now))
        .returning(Post.id)
        .execution_options(synchronize_session=False)
    ).all()
    reason = {"reason": "retry"}
    events.record_each(session, workspace_id, started, "post.publishing", now, reason)
    announce_due(session)


def _is_given(value: object) -> bool:
    return value is not None and value != ()
