"""The queue of a workspace: its weekly slots, which of them are free, and posts that take one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.errors import Conflict, Invalid, Issue
from oncue.posts import service as posts
from oncue.posts.models import Post
from oncue.posts.validation import queue_issues
from oncue.posts.values import NewPost
from oncue.queue.slots import BadSlots, Slots, free, parse, written
from oncue.workspaces.models import Workspace


def slots_of(session: Session, workspace_id: UUID) -> Slots:
    """The workspace's slots; none, in UTC, until some are set."""
    timezone, weekly = session.execute(
        select(Workspace.queue_timezone, Workspace.queue_slots).where(Workspace.id == workspace_id)
    ).one()
    return parse(timezone or "UTC", weekly or [])


def set_slots(
    session: Session, workspace_id: UUID, timezone: str, weekly: Sequence[Mapping[str, object]]
) -> Slots:
    """Replace the week's slots; raises Invalid. Posts that have a slot keep their time (C60)."""
    try:
        slots = parse(timezone, weekly)
    except BadSlots as bad:
        raise Invalid([Issue(field=bad.where, message=bad.reason)]) from None
    session.execute(
        update(Workspace)
        .where(Workspace.id == workspace_id)
        .values(queue_timezone=timezone, queue_slots=written(slots))
        .execution_options(synchronize_session=False)
    )
    return slots


def next_free(session: Session, workspace_id: UUID, count: int, now: datetime) -> list[datetime]:
    """The next free slots, up to `count` of them."""
    slots = slots_of(session, workspace_id)
    return list(islice(free(slots, now, _taken(session, workspace_id, now)), count))


def create(session: Session, workspace_id: UUID, new: NewPost, now: datetime) -> UUID:
    """Keep a new post, in the next free slot where it asks for the queue (V31).

    A draft takes no slot. Raises what posts.create raises, Invalid where it asks for a time
    too (V32), and Conflict where there is no slot to have (C60).
    """
    wants_slot = new.queue and new.scheduled_for is None and not new.save_as_draft
    free = hold(session, workspace_id, 1, now) if wants_slot else []
    return create_in(session, workspace_id, new, free, now)


def hold(session: Session, workspace_id: UUID, count: int, now: datetime) -> list[datetime]:
    """The next free slots, up to `count` of them, this transaction's alone.

    The next to ask waits for its commit. A savepoint that is rolled back gives them up as well.
    """
    session.execute(
        select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    )
    return next_free(session, workspace_id, count, now)


def create_in(
    session: Session, workspace_id: UUID, new: NewPost, free: list[datetime], now: datetime
) -> UUID:
    """The same as `create`, with slots that this transaction holds: the post takes the first.

    One whose post is refused stays in `free`, for the next post.
    """
    if issues := queue_issues(new.scheduled_for, queue=new.queue):
        raise Invalid(issues)
    if not new.queue or new.save_as_draft:
        return posts.create(session, workspace_id, new, now)
    if not free:
        raise _no_slot(session, workspace_id)
    post_id = posts.create(session, workspace_id, replace(new, scheduled_for=free[0]), now)
    del free[0]
    return post_id


def _no_slot(session: Session, workspace_id: UUID) -> Conflict:
    if slots_of(session, workspace_id).weekly:
        return Conflict("Every slot of the queue is taken, as far ahead as it reaches")
    return Conflict("The queue has no slots: PUT /v1/queue/slots sets them")


def _taken(session: Session, workspace_id: UUID, now: datetime) -> Collection[datetime]:
    return set(
        session.scalars(select(Post.slot).where(Post.workspace_id == workspace_id, Post.slot > now))
    )
