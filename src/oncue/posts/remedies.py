"""What helps a destination that failed: retry, fix, and a person's word on an unknown outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.connectors.registry import CONNECTORS
from oncue.db.base import later
from oncue.errors import Conflict, Invalid, Issue, NotFound, OperationNotPermitted
from oncue.lib import ids
from oncue.posts import approval, attachments, events, journal
from oncue.posts.drafts import draft_for, load_files, media_of
from oncue.posts.lifecycle import (
    SHOWN_AS,
    HeldReason,
    Operation,
    State,
    Status,
    roll_up,
    statuses_permitting,
)
from oncue.posts.models import Destination, Post
from oncue.posts.results import result
from oncue.posts.service import destinations_of, get, move, send_out
from oncue.posts.validation import check_networks

MAX_RETRIES: Final = 3
FIRST_DELAY: Final = timedelta(minutes=2)
OUTCOME_UNKNOWN: Final = "OUTCOME_UNKNOWN"
FIXABLE: Final = frozenset({"failed", "publishing", "pending"})
SENT_OUT: Final = frozenset({Status.PUBLISHING, Status.PARTIAL, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A destination on its way again, and when."""

    destination: Destination
    retry_count: int
    next_retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A destination that /retry leaves alone, and why."""

    destination: Destination
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOutcome:
    """What /retry did."""

    status: str
    retried: Sequence[Retried]
    skipped: Sequence[Skipped]


def delay_before(retry: int) -> timedelta:
    """How long the `retry`-th retry waits: 2, 4, 8 minutes (V158-V160)."""
    return FIRST_DELAY * (1 << (retry - 1))


def retry(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> RetryOutcome:
    """Queue every failed destination again with backoff; published ones are never touched.

    A retry the system has already planned is kept as planned: asking for it counts once.
    """
    move(session, workspace_id, post_id, Operation.RETRY, now)
    retried: list[Retried] = []
    skipped: list[Skipped] = []
    for row in destinations_of(session, workspace_id, post_id):
        if row.held_reason == HeldReason.ACCOUNT:
            skipped.append(Skipped(destination=row, reason="account_needs_reconnect"))
        if row.state != State.FAILED:
            continue
        if row.needs_review:
            skipped.append(Skipped(destination=row, reason="outcome_unknown"))
        elif row.next_retry_at is not None:
            retried.append(
                Retried(
                    destination=row, retry_count=row.retry_count, next_retry_at=row.next_retry_at
                )
            )
        elif row.retry_count >= MAX_RETRIES:
            skipped.append(Skipped(destination=row, reason="max_retries_exceeded"))
        else:
            count = row.retry_count + 1
            at = now + delay_before(count)
            retried.append(Retried(destination=row, retry_count=count, next_retry_at=at))
    for item in retried:
        send_out(session, workspace_id, post_id, [item.destination.id], at=item.next_retry_at)
        _count(session, item.destination, item.retry_count, item.next_retry_at)
    if retried:
        _set_status(session, workspace_id, post_id, Status.PUBLISHING)
        events.record(session, workspace_id, post_id, "post.publishing", now, {"reason": "retry"})
    status = get(session, workspace_id, post_id).status
    return RetryOutcome(status=status, retried=retried, skipped=skipped)


def require_fixable(
    session: Session, workspace_id: UUID, post_id: UUID, destination_id: UUID
) -> None:
    """Raise what `fix` would raise of the destination as it stands."""
    post = get(session, workspace_id, post_id)
    permitted = statuses_permitting(Operation.FIX)
    if post.status not in permitted:
        raise OperationNotPermitted(Operation.FIX, post.status, permitted)
    _fixable(session, workspace_id, post_id, destination_id)


def fix(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    destination_id: UUID,
    now: datetime,
    *,
    content: str | None = None,
    media_id: UUID | None = None,
    refresh_media: bool = False,
) -> None:
    """Send one destination again at once, with other content or one other file where given.

    An explicit order for one destination: it also sends again what ended unknown (C57). Other
    content is not what was approved, so it takes the approval away.
    Raises NotFound, OperationNotPermitted, Conflict, Invalid.
    """
    post = move(session, workspace_id, post_id, Operation.FIX, now)
    row = _fixable(session, workspace_id, post_id, destination_id)
    own: dict[str, Any] = {} if content is None else {"content": content}
    if media_id is not None:
        own["media_ids"] = [str(media_id)]
    if own:
        session.execute(
            update(Destination)
            .where(Destination.workspace_id == workspace_id, Destination.id == row.id)
            .values(**own)
            .execution_options(synchronize_session=False)
        )
        row = _destination(session, workspace_id, post_id, destination_id)
        if post.approval_requested_at is not None:
            post = approval.void(session, post, now)
    if media_id is not None:
        rows = destinations_of(session, workspace_id, post_id)
        attachments.note_anew(session, post, rows)
    files = load_files(session, workspace_id, media_of(post, [row]))
    if media_id is not None and draft_for(post, row, CONNECTORS[row.platform], files, now).thread:
        message = "the items of a thread have files of their own: PATCH the post's threadPosts"
        raise Invalid([Issue(field="mediaUrl", message=message)])
    check_networks(post, [row], files, now)
    again = refresh_media or media_id is not None
    if row.needs_review or again:
        journal.renew(session, row, keep_uploads=not again)
    send_out(session, workspace_id, post_id, [row.id], at=now)
    _count(session, row, 0, None)
    _set_status(session, workspace_id, post_id, Status.PUBLISHING)
    events.record(session, workspace_id, post_id, "post.publishing", now, {"reason": "fix"})


def resolve(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    destination_id: UUID,
    now: datetime,
    *,
    published: bool,
    url: str | None = None,
) -> None:
    """Record what a person saw on the network where the outcome was unknown (C57)."""
    session.execute(
        select(Post.id)
        .where(Post.workspace_id == workspace_id, Post.id == post_id)
        .with_for_update()
    )
    post = get(session, workspace_id, post_id)
    row = _destination(session, workspace_id, post_id, destination_id)
    if not row.needs_review:
        raise Conflict("Only a destination whose outcome is unknown can be resolved")
    if not published:
        journal.renew(session, row)
    values = {
        "needs_review": False,
        "fence": Destination.fence + 1,
        **(
            {
                "state": State.PUBLISHED,
                "error": None,
                "published_at": now,
                "platform_post_url": url,
            }
            if published
            else {"error": "A person found that it was not published"}
        ),
    }
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == workspace_id, Destination.id == row.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    rows = destinations_of(session, workspace_id, post_id)
    before = Status(post.status)
    status = roll_up(row.state for row in rows) if before in SENT_OUT else before
    changed: dict[str, Any] = {"updated_at": later(Post.updated_at, now)}
    if published and before in SENT_OUT:
        changed["published_at"] = now
    _set_status(session, workspace_id, post_id, status, **changed)
    data = {"platformId": ids.to_typeid("pp", row.id), "published": published, "status": status}
    events.record(session, workspace_id, post_id, "post.resolved", now, data)
    if status not in {before, Status.PUBLISHING}:
        said, to = result(status, now if published else None, rows), post.callback_url
        events.record(session, workspace_id, post_id, f"post.{status}", now, said, callback_url=to)


def _fixable(
    session: Session, workspace_id: UUID, post_id: UUID, destination_id: UUID
) -> Destination:
    row = _destination(session, workspace_id, post_id, destination_id)
    if SHOWN_AS[State(row.state)] not in FIXABLE:
        raise Conflict(
            f"Cannot fix a destination that is {row.state} (only {', '.join(sorted(FIXABLE))})",
            {"platformId": ids.to_typeid("pp", row.id), "status": SHOWN_AS[State(row.state)]},
        )
    return row


def _destination(
    session: Session, workspace_id: UUID, post_id: UUID, destination_id: UUID
) -> Destination:
    row = session.scalar(
        select(Destination)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.post_id == post_id,
            Destination.id == destination_id,
        )
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("platform", ids.to_typeid("pp", destination_id))
    return row


def _count(session: Session, row: Destination, count: int, next_at: datetime | None) -> None:
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == row.workspace_id, Destination.id == row.id)
        .values(retry_count=count, next_retry_at=next_at)
        .execution_options(synchronize_session=False)
    )


def _set_status(
    session: Session, workspace_id: UUID, post_id: UUID, status: Status, **changed: Any
) -> None:
    session.execute(
        update(Post)
        .where(Post.workspace_id == workspace_id, Post.id == post_id)
        .values(status=status, **changed)
        .execution_options(synchronize_session=False)
    )
