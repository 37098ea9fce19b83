"""First comments as rows: written down as a post settles, taken back with it (V36-V39, V57)."""

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
from oncue.posts.models import Comment, Destination, Post


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
