"""First comments as rows: written down as a post settles, retried, taken back (V36-V39, V57)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from oncue.connectors.base import Comments
from oncue.connectors.registry import CONNECTORS
from oncue.db.database import Topic, announce
from oncue.errors import AppError, Conflict, NotFound, OperationNotPermitted
from oncue.lib import ids
from oncue.posts import events
from oncue.posts.lifecycle import SHOWN_AS, State, Transition, statuses_permitting
from oncue.posts.models import Comment, Destination, Post
from oncue.posts.remedies import OUTCOME_UNKNOWN
from oncue.posts.service import destinations_of, get


class CommentState(StrEnum):
    """A comment's state. The first two wait for something; the others have ended."""

    WAITING = "waiting"  # for its time, or in the middle of its steps
    SENDING = "sending"  # a worker has it
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"  # its post was taken back first


COMMENT_SHOWN_AS: Final[Mapping[CommentState, str]] = {
    CommentState.WAITING: "pending",
    CommentState.SENDING: "publishing",
    CommentState.PUBLISHED: "published",
    CommentState.FAILED: "failed",
    CommentState.CANCELLED: "cancelled",
}
OPEN: Final = (CommentState.WAITING, CommentState.SENDING)


def plan(session: Session, post: Post, row: Destination, now: datetime) -> None:
    """Make the first comment of a destination due that has just been published.

    Where the network has no comments nothing is written: it is skipped silently (V37).
    """
    if not (post.first_comment or "").strip():
        return
    if not isinstance(CONNECTORS[row.platform], Comments):
        return
    session.execute(
        insert(Comment).values(
            destination_id=row.id,
            workspace_id=row.workspace_id,
            text=post.first_comment,
            state=CommentState.WAITING,
            due_at=now + timedelta(seconds=post.first_comment_delay),
            created_at=now,
        )
    )
    announce(session, Topic.ERRAND)


def retry(
    session: Session, workspace_id: UUID, post_id: UUID, destination_id: UUID, now: datetime
) -> None:
    """Send a comment that failed for good once more, at once; its post stays as it is.

    Never one that may be out. Raises NotFound, OperationNotPermitted, Conflict.
    """
    # Held, so that nobody takes the post back meanwhile.
    held = select(Post.id).where(Post.workspace_id == workspace_id, Post.id == post_id)
    session.execute(held.with_for_update(key_share=True))
    post = get(session, workspace_id, post_id)
    permitted = statuses_permitting(Transition.RETRY_COMMENT)
    if post.status not in permitted:
        raise OperationNotPermitted(Transition.RETRY_COMMENT, post.status, permitted)
    row = _published(session, workspace_id, post_id, destination_id)
    again = session.scalar(
        update(Comment)
        .where(
            Comment.workspace_id == workspace_id,
            Comment.destination_id == destination_id,
            Comment.state == CommentState.FAILED,
            ~Comment.error.startswith(OUTCOME_UNKNOWN),
        )
        .values(
            state=CommentState.WAITING,
            due_at=now,
            fence=Comment.fence + 1,
            runs=0,
            retry_count=0,
            error=None,
            settled_at=None,
        )
        .returning(Comment.destination_id)
        .execution_options(synchronize_session=False)
    )
    if again is None:
        raise _refusal(session, workspace_id, destination_id)
    data = {
        "postPlatformId": ids.to_typeid("pp", destination_id),
        "accountId": ids.to_typeid("acc", row.account_id),
        "platform": row.platform.lower(),
    }
    events.record(session, workspace_id, post_id, "post.comment.retried", now, data)
    announce(session, Topic.ERRAND)


def _published(
    session: Session, workspace_id: UUID, post_id: UUID, destination_id: UUID
) -> Destination:
    rows = destinations_of(session, workspace_id, post_id)
    row = next((row for row in rows if row.id == destination_id), None)
    if row is None:
        raise NotFound("platform", ids.to_typeid("pp", destination_id))
    if row.state != State.PUBLISHED:
        raise Conflict(f"Cannot comment where the post is {SHOWN_AS[State(row.state)]}")
    return row


def _refusal(session: Session, workspace_id: UUID, destination_id: UUID) -> AppError:
    """Why the comment is not sent again."""
    comment = session.scalar(
        select(Comment)
        .where(Comment.workspace_id == workspace_id, Comment.destination_id == destination_id)
        .execution_options(populate_existing=True)
    )
    if comment is None:
        return NotFound("first comment of platform", ids.to_typeid("pp", destination_id))
    if comment.state == CommentState.FAILED:
        return Conflict("Nobody knows whether the comment is out: look on the network")
    shown = COMMENT_SHOWN_AS[CommentState(comment.state)]
    return Conflict(f"Cannot retry a comment that is {shown} (only failed)", {"status": shown})


def withdraw(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Let no comment of the post be sent any more. The fence ends the run that has one."""
    session.execute(
        update(Comment)
        .where(
            Comment.workspace_id == workspace_id,
            Comment.state.in_(OPEN),
            Comment.destination_id.in_(
                select(Destination.id).where(
                    Destination.workspace_id == workspace_id, Destination.post_id == post_id
                )
            ),
        )
        .values(state=CommentState.CANCELLED, due_at=None, fence=Comment.fence + 1, settled_at=now)
        .execution_options(synchronize_session=False)
    )
