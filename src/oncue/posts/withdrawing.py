"""Taking posts back, away, or out of Oncue: the record. publishing.unpublish asks the networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.errors import OperationNotPermitted
from oncue.posts import events
from oncue.posts.lifecycle import Operation, State, Status, Transition, statuses_permitting
from oncue.posts.models import Destination, Post
from oncue.posts.service import get, move, refusal, stand_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A publication that is to be taken off its network."""

    platform: str
    account_id: UUID
    native_id: str
    server: str
    username: str
    post_id: str


def targets(session: Session, workspace_id: UUID, post_id: UUID) -> Sequence[Target]:
    """What is public of the post; raises NotFound, or OperationNotPermitted (V291)."""
    post = get(session, workspace_id, post_id)
    permitted = statuses_permitting(Transition.UNPUBLISH)
    if post.status not in permitted:
        raise OperationNotPermitted(Transition.UNPUBLISH, post.status, permitted)
    rows = session.execute(
        select(Destination, Account)
        .join(Account, Account.id == Destination.account_id)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.post_id == post_id,
            Destination.state == State.PUBLISHED,
            Destination.platform_post_id.is_not(None),
        )
        .order_by(Destination.position)
    )
    return [
        Target(
            platform=row.platform,
            account_id=account.id,
            native_id=account.native_id,
            server=account.server,
            username=account.username,
            post_id=row.platform_post_id or "",
        )
        for row, account in rows
    ]


def mark_unpublished(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """The post counts as unpublished, whatever each network said (V296)."""
    move(session, workspace_id, post_id, Transition.UNPUBLISH, now, to=Status.UNPUBLISHED)
    stand_down(session, workspace_id, post_id)
    events.record(session, workspace_id, post_id, "post.unpublished", now)


def archive(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Put a post away: it is hidden from lists and nothing of it is due any more (C62)."""
    session.execute(
        update(Post)
        .where(Post.workspace_id == workspace_id, Post.id == post_id)
        .values(archived_from=Post.status)
        .execution_options(synchronize_session=False)
    )
    move(session, workspace_id, post_id, Transition.ARCHIVE, now, to=Status.ARCHIVED)
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == workspace_id, Destination.post_id == post_id)
        .values(run_at=None, next_retry_at=None, ticket=None, fence=Destination.fence + 1)
        .execution_options(synchronize_session=False)
    )
    events.record(session, workspace_id, post_id, "post.archived", now)


def unarchive(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Bring a post back to the status it was archived from."""
    before = get(session, workspace_id, post_id).archived_from
    to = Status(before) if before else Status.DRAFT
    move(session, workspace_id, post_id, Transition.UNARCHIVE, now, to=to)
    events.record(session, workspace_id, post_id, "post.unarchived", now, {"status": to})


def remove(session: Session, workspace_id: UUID, post_id: UUID) -> None:
    """Delete a post from Oncue. What is on a network stays there (V146).

    What webhooks have still to tell of it stays until it is told.
    """
    permitted = statuses_permitting(Operation.DELETE)
    gone = session.scalar(
        delete(Post)
        .where(Post.id == post_id, Post.workspace_id == workspace_id, Post.status.in_(permitted))
        .returning(Post)
        .execution_options(synchronize_session=False)
    )
    if gone is None:
        raise refusal(session, workspace_id, post_id, Operation.DELETE, None)
    events.outlive(session, gone)
