"""What can be done to a post. Plain functions of a session; the edge owns the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.db.base import later
from oncue.db.database import announce_due
from oncue.errors import Conflict, Invalid, Issue, NotFound, OperationNotPermitted
from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.posts import attachments, events, quota
from oncue.posts.drafts import load_files, media_of
from oncue.posts.lifecycle import Operation, State, Status, Transition, statuses_permitting
from oncue.posts.models import Destination, Post
from oncue.posts.personas import persona_issues
from oncue.posts.rows import (
    as_destination,
    as_post,
    becoming,
    destination_rows,
    files_named,
    post_row,
    units_of,
)
from oncue.posts.validation import (
    check_metadata,
    check_networks,
    media_issues,
    option_issues,
    thread_issues,
    time_issues,
)
from oncue.posts.values import NewPost

_posts: Table = Post.__table__  # type: ignore[assignment]
_destinations: Table = Destination.__table__  # type: ignore[assignment]

# Every post runs these, so they are built once: building one costs more than running it.
_INSERT_POST = insert(_posts)
_INSERT_DESTINATIONS = insert(_destinations)
_ACCOUNTS = select(Account).where(
    Account.workspace_id == bindparam("workspace"),
    Account.id.in_(bindparam("accounts", expanding=True)),
)
_GET = (
    select(Post)
    .where(Post.id == bindparam("post"), Post.workspace_id == bindparam("workspace"))
    .execution_options(populate_existing=True)
)

OFF_DUTY: Mapping[str, Any] = dict.fromkeys(("run_at", "ticket", "next_retry_at", "held_reason"))
"""A destination that waits for nothing; goes with a raised fence."""


def create(session: Session, workspace_id: UUID, new: NewPost, now: datetime) -> UUID:
    """Keep a new post. Raises Invalid, InvalidMetadata, LimitExceeded."""
    accounts = require_accounts(session, workspace_id, new.account_ids)
    platforms = [account.platform for account in accounts]
    issues = time_issues(new.scheduled_for, now)
    issues += thread_issues(new.content_type, new.thread, platforms)
    issues += persona_issues(session, workspace_id, new.persona_id)
    issues += media_issues(session, workspace_id, new.media_ids)
    issues += media_issues(session, workspace_id, files_named((), new.thread), "threadPosts")
    issues += option_issues(new.platform_metadata)
    if issues:
        raise Invalid(issues)
    quota.charge(session, workspace_id, platforms, units_of(new.thread), now)
    scheduled_for = None if new.save_as_draft else new.scheduled_for
    post = post_row(workspace_id, new, scheduled_for, now)
    destinations = destination_rows(workspace_id, post["id"], accounts, scheduled_for, now)
    if scheduled_for is not None:
        files = load_files(session, workspace_id, files_named(new.media_ids, new.thread))
        check_networks(as_post(post), map(as_destination, destinations), files, now)
    check_metadata(new.metadata)  # a 422, and so after everything that is a 400 (C4)
    session.execute(_INSERT_POST, post)
    session.execute(_INSERT_DESTINATIONS, destinations)
    attachments.note(session, workspace_id, post["id"], files_named(new.media_ids, new.thread))
    tell_at = now if new.is_manual_save else now + events.DEBOUNCE
    events.record(session, workspace_id, post["id"], "post.created", now, dispatch_after=tell_at)
    if scheduled_for is not None:
        record_scheduled(session, workspace_id, post["id"], scheduled_for, now, tell_at)
        announce_due(session)
    post_id: UUID = post["id"]
    return post_id


def get(session: Session, workspace_id: UUID, post_id: UUID) -> Post:
    """The post as it stands in the database; raises NotFound."""
    post = session.scalar(_GET, {"post": post_id, "workspace": workspace_id})
    if post is None:
        raise NotFound("post", ids.to_typeid("post", post_id))
    return post


def destinations_of(session: Session, workspace_id: UUID, post_id: UUID) -> Sequence[Destination]:
    """The post's destinations, in the order they were asked for."""
    return session.scalars(
        select(Destination)
        .where(Destination.workspace_id == workspace_id, Destination.post_id == post_id)
        .order_by(Destination.position)
        .execution_options(populate_existing=True)
    ).all()


def publish(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    now: datetime,
    *,
    callback_url: str | None = None,
) -> None:
    """Send a post out at once, to every destination it is not published at yet.

    `callback_url` is told whenever publishing has ended, until the next publish (V151).
    """
    to, also = Status.PUBLISHING, {"callback_url": callback_url}
    post = move(session, workspace_id, post_id, Operation.PUBLISH, now, to=to, also=also)
    waiting = [row for row in destinations_of(session, workspace_id, post_id) if may_be_sent(row)]
    if not waiting:
        raise Conflict("Every destination is published already, or waits for a person's word")
    files = load_files(session, workspace_id, media_of(post, waiting))
    check_networks(post, waiting, files, now)
    send_out(session, workspace_id, post_id, (row.id for row in waiting), at=now)
    events.record(session, workspace_id, post_id, "post.publishing", now)


def cancel(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Withdraw a post before it is published.

    The promoter may reach for the same post at the same instant: whoever changes its row
    first wins, and the other finds it changed.
    """
    move(session, workspace_id, post_id, Operation.CANCEL, now, to=Status.CANCELLED)
    stand_down(session, workspace_id, post_id)
    events.record(session, workspace_id, post_id, "post.cancelled", now)


def move(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    operation: Operation | Transition,
    now: datetime,
    *,
    to: Status | None = None,
    version: datetime | None = None,
    also: Mapping[str, Any] | None = None,
) -> Post:
    """Take the post for `operation` with one conditional UPDATE; the row decides who won.

    `also` has further columns to write. Raises NotFound, OperationNotPermitted, or Conflict
    where `version` is not the post's.
    """
    taken = (
        update(Post)
        .where(Post.id == post_id, Post.workspace_id == workspace_id)
        .where(Post.status.in_(statuses_permitting(operation)))
        .values(updated_at=later(Post.updated_at, now), **becoming(to))
        .values(also or {})
        .returning(Post.id)
        .execution_options(synchronize_session=False)
    )
    if version is not None:
        taken = taken.where(Post.updated_at == version)
    if session.scalar(taken) is None:
        raise _refusal(session, workspace_id, post_id, operation, version)
    return get(session, workspace_id, post_id)


def _refusal(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    operation: Operation | Transition,
    version: datetime | None,
) -> Conflict:
    """Why the row was not taken; raises NotFound where there is none."""
    post = get(session, workspace_id, post_id)
    permitted = statuses_permitting(operation)
    if post.status not in permitted:
        return OperationNotPermitted(operation, post.status, permitted)
    return Conflict(
        "The post has been changed since this version",
        {"version": iso(version) if version else None, "updatedAt": iso(post.updated_at)},
    )


def send_out(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    destination_ids: Iterable[UUID],
    *,
    at: datetime,
) -> None:
    """Make destinations due at `at`, as new attempts. The fence ends whatever had them."""
    session.execute(
        update(Destination)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.post_id == post_id,
            Destination.id.in_(list(destination_ids)),
        )
        .values(
            state=State.WAITING,
            run_at=at,
            ticket=None,
            fence=Destination.fence + 1,
            runs=0,
            error=None,
            needs_review=False,
            held_reason=None,
        )
        .execution_options(synchronize_session=False)
    )
    announce_due(session)


def may_be_sent(row: Destination) -> bool:
    """Whether the destination is open: neither published, nor perhaps published (C57)."""
    return row.state != State.PUBLISHED and not row.needs_review


def stand_down(session: Session, workspace_id: UUID, post_id: UUID) -> None:
    """Let nothing of the post be due any more; what is published stays so."""
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == workspace_id, Destination.post_id == post_id)
        .where(Destination.state != State.PUBLISHED, Destination.needs_review.is_(False))
        .values(state=State.IDLE, fence=Destination.fence + 1, **OFF_DUTY)
        .execution_options(synchronize_session=False)
    )


def require_accounts(session: Session, workspace_id: UUID, wanted: Sequence[UUID]) -> list[Account]:
    """The workspace's accounts in the order asked for; raises Invalid naming what is wrong."""
    if not wanted:
        raise Invalid([Issue(field="accountIds", message="at least one account is needed")])
    rows = session.scalars(_ACCOUNTS, {"workspace": workspace_id, "accounts": wanted})
    found = {account.id: account for account in rows}
    issues = [
        Issue(
            field=f"accountIds[{index}]",
            code="ACCOUNT_NOT_FOUND",
            message=f"No account with id {ids.to_typeid('acc', account_id)}",
        )
        for index, account_id in enumerate(wanted)
        if account_id not in found
    ]
    issues += [
        Issue(
            field=f"accountIds[{index}]",
            message=f"{ids.to_typeid('acc', account_id)} is named twice",
        )
        for index, account_id in enumerate(wanted)
        if account_id in wanted[:index]
    ]
    if issues:
        raise Invalid(issues)
    return [found[account_id] for account_id in wanted]


def record_scheduled(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    at: datetime,
    now: datetime,
    tell_at: datetime | None = None,
) -> None:
    when = {"scheduledFor": iso(at)}
    events.record(
        session, workspace_id, post_id, "post.scheduled", now, when, dispatch_after=tell_at
    )
