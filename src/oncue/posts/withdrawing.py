"""Taking posts back, away, or out of Oncue: the record. publishing.unpublish asks the networks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from oncue.errors import OperationNotPermitted
from oncue.posts import comments, events, traces
from oncue.posts.lifecycle import Operation, Status, Transition, statuses_permitting
from oncue.posts.models import Destination, Post
from oncue.posts.publications import Publication, publications
from oncue.posts.service import destinations_of, get, move, stand_down


def targets(
    session: Session, workspace_id: UUID, post_id: UUID, now: datetime
) -> Sequence[Publication]:
    """What is to be taken off the networks; no first comment is sent to it from here on.

    Raises NotFound, or OperationNotPermitted (V291).
    """
    post = get(session, workspace_id, post_id)
    permitted = statuses_permitting(Transition.UNPUBLISH)
    if post.status not in permitted:
        raise OperationNotPermitted(Transition.UNPUBLISH, post.status, permitted)
    comments.withdraw(session, workspace_id, post_id, now)
    return publications(session, workspace_id, post_id)


def mark_unpublished(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """The post counts as unpublished, whatever each network said (V296)."""
    move(session, workspace_id, post_id, Transition.UNPUBLISH, now, to=Status.UNPUBLISHED)
    stand_down(session, workspace_id, post_id)
    comments.withdraw(session, workspace_id, post_id, now)  # what has settled since
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
    comments.withdraw(session, workspace_id, post_id, now)
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


def remove(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Delete a post from Oncue. What is on a network stays there (V146).

    What webhooks have still to tell of it stays until it is told.
    """
    post = move(session, workspace_id, post_id, Operation.DELETE, now)
    rows = destinations_of(session, workspace_id, post_id)
    traces.leave(session, workspace_id, [row.id for row in rows], now)
    session.execute(
        delete(Post)
        .where(Post.workspace_id == workspace_id, Post.id == post_id)
        .execution_options(synchronize_session=False)
    )
    events.outlive(session, post)
