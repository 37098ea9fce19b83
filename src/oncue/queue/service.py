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
    if not new.queue:
        return posts.create(session, workspace_id, new, now)
    if new.scheduled_for is not None:
        message = "cannot be true together with scheduledFor: give one of them"
        raise Invalid([Issue(field="queue", message=message)])
    if not new.save_as_draft:
        new = replace(new, scheduled_for=_take(session, workspace_id, now))
    return posts.create(session, workspace_id, new, now)


def _take(session: Session, workspace_id: UUID, now: datetime) -> datetime:
    """The next free slot, this transaction's alone: the next to ask waits for its commit."""
    session.execute(
        select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    )
    found = next_free(session, workspace_id, 1, now)
    if found:
        return found[0]
    if slots_of(session, workspace_id).weekly:
        raise Conflict("Every slot of the queue is taken, as far ahead as it reaches")
    raise Conflict("The queue has no slots: PUT /v1/queue/slots sets them")


def _taken(session: Session, workspace_id: UUID, now: datetime) -> Collection[datetime]:
    return set(
        session.scalars(select(Post.slot).where(Post.workspace_id == workspace_id, Post.slot > now))
    )
