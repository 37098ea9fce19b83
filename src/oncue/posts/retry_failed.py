"""Failures by filter, over all posts, and putting them back into the queue (P20-P35).

One transaction takes at most BATCH of them, with one UPDATE. A destination whose outcome is
unknown is never among them (C57), nor is one of a post that nobody means to publish any more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, literal, select, update
from sqlalchemy.orm import Session

from oncue.db.base import later
from oncue.db.database import announce_due
from oncue.errors import AppError
from oncue.posts import events
from oncue.posts.lifecycle import Operation, State, Status, statuses_permitting
from oncue.posts.models import Destination, Post

BATCH: Final = 250  # so that others wait some hundredths of a second at most

# Each destination is retried for itself, so its post may still be publishing to others.
_ALIVE: Final = statuses_permitting(Operation.RETRY) | {Status.PUBLISHING}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFilter:
    """Which failures are meant; what is given must all hold. Times are inclusive."""

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
    """A retry of every failure there ever was (P27)."""

    code = "NO_FILTER"
    status = 400

    def __str__(self) -> str:
        return "Say which failures: at least one filter is needed"


@dataclass(frozen=True, slots=True, order=True)
class Requeued:
    """A destination on its way again."""

    destination_id: UUID
    post_id: UUID
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The failures of one workspace that a retry is about.

    What failed after `asked_at` is left out, so a retry ends however quickly things fail.
    """

    workspace_id: UUID
    chosen: FailureFilter
    asked_at: datetime


def preview(session: Session, failures: Failures, after: UUID | None) -> list[Requeued]:
    """The first BATCH failures behind `after`, in the order of their ids; nothing is changed."""
    return _as_requeued(session.execute(_found(failures, after)))


def requeue(
    session: Session, failures: Failures, after: UUID | None, now: datetime, *, patient: bool
) -> list[Requeued]:
    """Make up to BATCH failures behind `after` due at once, from their first attempt on.

    A post that another transaction holds is passed over, unless `patient`. What is found is
    asked again by the UPDATE, so whoever changed a destination in between has won.
    """
    within = _found(failures, after).with_for_update(of=Post, skip_locked=not patient)
    while found := _as_requeued(session.execute(within)):
        if rows := _as_requeued(session.execute(_from_the_start(failures, found, now))):
            _announce(session, failures.workspace_id, {row.post_id for row in rows}, now)
            return rows
    return []


def _found(failures: Failures, after: UUID | None) -> Select[UUID, UUID, str]:
    found = (
        select(Destination.id, Destination.post_id, Destination.platform)
        .join(Post, Post.id == Destination.post_id)
        .where(
            *_matching(failures),
            Post.workspace_id == failures.workspace_id,
            Post.status.in_(_ALIVE),
        )
        .order_by(Destination.id)
        .limit(BATCH)
    )
    return found if after is None else found.where(Destination.id > after)


def _from_the_start(failures: Failures, found: Sequence[Requeued], now: datetime) -> Any:
    wanted = [row.destination_id for row in found]
    return (
        update(Destination)
        .where(
            *_matching(failures),
            Destination.id.in_(wanted),
            Destination.id.between(wanted[0], wanted[-1]),  # whichever index is taken, it is short
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
        .returning(Destination.id, Destination.post_id, Destination.platform)
        .execution_options(synchronize_session=False)
    )


def _matching(failures: Failures) -> list[ColumnElement[bool]]:
    chosen = failures.chosen
    # Spelled out in the statement, or the partial index of failures could not be used.
    failed = literal(State.FAILED, Text(), literal_execute=True)
    matching = [
        Destination.workspace_id == failures.workspace_id,
        Destination.state == failed,
        Destination.needs_review.is_(False),
        Destination.settled_at <= failures.asked_at,
    ]
    if chosen.post_ids:
        matching.append(Destination.post_id.in_(chosen.post_ids))
    if chosen.account_id is not None:
        matching.append(Destination.account_id == chosen.account_id)
    if chosen.platform is not None:
        matching.append(Destination.platform == chosen.platform)
    if chosen.failed_after is not None:
        matching.append(Destination.settled_at >= chosen.failed_after)
    if chosen.failed_before is not None:
        matching.append(Destination.settled_at <= chosen.failed_before)
    if chosen.max_attempts is not None:
        matching.append(Destination.attempt_count < chosen.max_attempts)
    return matching


def _as_requeued(rows: Any) -> list[Requeued]:
    return sorted(Requeued(row.id, row.post_id, row.platform) for row in rows)


def _announce(
    session: Session, workspace_id: UUID, post_ids: Collection[UUID], now: datetime
) -> None:
    """Posts that were at rest are publishing again, and say so."""
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
