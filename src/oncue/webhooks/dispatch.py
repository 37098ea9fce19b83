"""From the outbox to deliveries: each event once, to everybody who is to be told of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from oncue.db.base import NOW
from oncue.db.database import Database, Topic, announce
from oncue.lib import ids
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import IN_DISPATCH, reach
from oncue.outbox import Event
from oncue.posts.events import facts_of
from oncue.posts.models import Post
from oncue.webhooks.models import Delivery, WebhookEndpoint
from oncue.webhooks.payloads import data_of, envelope
from oncue.webhooks.service import State
from oncue.webhooks.types import told_as, wants

BATCH: Final = 200
CREATED: Final = "post.created"
UPDATED: Final = "post.updated"

_DUE = (
    select(Event)
    .where(Event.dispatched_at.is_(None), Event.dispatch_after <= NOW)
    .order_by(Event.seq)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)
_WAITING = (
    select(Event)
    .where(
        Event.dispatched_at.is_(None),
        Event.dispatch_after > NOW,
        Event.post_id.in_(bindparam("posts", expanding=True)),
    )
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)
_NEXT = (
    select(Event.dispatch_after)
    .where(Event.dispatched_at.is_(None))
    .order_by(Event.dispatch_after)
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Empties the outbox; any number of processes may at once."""

    db: Database
    now: Clock

    async def dispatch(self) -> datetime | None:
        """Take a batch of what is due; when the next is."""
        due = await self.db.read(next_dispatch)
        if due is None or due > self.now():
            return due
        await self.db.write(lambda session: dispatch_due(session, self.now()))
        return await self.db.read(next_dispatch)


def next_dispatch(session: Session) -> datetime | None:
    """When the next event is to be told; None where all are."""
    return session.scalar(_NEXT)


def dispatch_due(session: Session, now: datetime) -> None:
    """Make the deliveries of the next events that are due, and mark these as dispatched.

    An event whose row another process holds is that one's.
    """
    due = session.scalars(_DUE, {"now": now}).all()
    if not due:
        return
    batch = _take(session, due, now)
    deliveries = list(_fan_out(session, list(batch.told()), now))
    if deliveries:
        session.execute(insert(Delivery), deliveries)
        announce(session, Topic.EVENT)
    mine = Event.seq.in_([event.seq for event in batch.taken])
    session.execute(
        update(Event)
        .where(mine)
        .values(dispatched_at=now)
        .execution_options(synchronize_session=False)
    )
    post_is_gone = Event.post_id.is_not(None) & ~select(Post.id).where(
        Post.id == Event.post_id
    ).exists().correlate(Event)
    session.execute(
        delete(Event).where(mine, post_is_gone).execution_options(synchronize_session=False)
    )
    reach(IN_DISPATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Events taken from the outbox, in order, and the posts that nobody was told of before."""

    taken: Sequence[Event]
    new_posts: Collection[UUID | None]

    def told(self) -> Iterator[Event]:
        """The events but for saves of new posts: these are part of what their creation tells."""
        for event in self.taken:
            if event.type != UPDATED or event.post_id not in self.new_posts:
                yield event


def _take(session: Session, due: Sequence[Event], now: datetime) -> _Batch:
    """The due events, each behind what its post has still to tell from before.

    So a post that goes out within seconds of its creation is told of as created first. A save
    alone is no reason to tell early.
    """
    posts = {event.post_id for event in due if event.post_id}
    waiting: Sequence[Event] = []
    if posts:
        waiting = session.scalars(_WAITING, {"posts": posts, "now": now}).all()
    last = {event.post_id: event.seq for event in due if event.type != UPDATED}
    early = [event for event in waiting if event.seq < last.get(event.post_id, 0)]
    return _Batch(
        taken=sorted([*due, *early], key=lambda event: event.seq),
        new_posts={event.post_id for event in (*due, *waiting) if event.type == CREATED},
    )


def _fan_out(
    session: Session, events: Sequence[Event], now: datetime
) -> Iterator[Mapping[str, Any]]:
    """A row for each delivery: every enabled endpoint that was there, and who asked for a call."""
    endpoints = _endpoints(session, {event.workspace_id for event in events})
    receivers = {
        event.seq: [
            endpoint
            for endpoint in endpoints[event.workspace_id]
            if endpoint.created_at <= event.created_at
            and any(wants(endpoint.events, type_) for type_ in told_as(event.type))
        ]
        for event in events
    }
    told = [event for event in events if receivers[event.seq] or event.callback_url]
    posts = _posts(session, {event.post_id for event in told if event.post_id})
    for event in told:
        post = posts.get(event.post_id) if event.post_id else None
        data = data_of(event, facts_of(post) if post else None)
        yield from _deliveries(event, data, receivers[event.seq], now)


def _deliveries(
    event: Event, data: Mapping[str, Any], receivers: Iterable[WebhookEndpoint], now: datetime
) -> Iterator[Mapping[str, Any]]:
    """Every message that tells of the event, to each of its receivers. Messages have own ids."""
    types = told_as(event.type)
    for type_ in types:
        message_id = event.id if type_ == event.type else ids.new_id(now)
        message = {
            "workspace_id": event.workspace_id,
            "event_id": message_id,
            "type": type_,
            "payload": envelope(message_id, type_, event.created_at, data),
            "state": State.PENDING,
            "attempts": 0,
            "fence": 0,
            "next_at": now,
            "created_at": now,
        }
        for endpoint in receivers:
            if wants(endpoint.events, type_):
                yield message | {"id": ids.new_id(now), "endpoint_id": endpoint.id, "url": None}
        if event.callback_url and type_ == types[0]:
            to = {"endpoint_id": None, "url": event.callback_url}
            yield message | {"id": ids.new_id(now)} | to


def _endpoints(
    session: Session, workspace_ids: Collection[UUID]
) -> Mapping[UUID, list[WebhookEndpoint]]:
    """The enabled endpoints of each workspace. None of them is deleted before we are done."""
    found = defaultdict(list)
    for endpoint in session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id.in_(workspace_ids), WebhookEndpoint.enabled)
        .order_by(WebhookEndpoint.id)
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    ):
        found[endpoint.workspace_id].append(endpoint)
    return found


def _posts(session: Session, post_ids: Collection[UUID]) -> Mapping[UUID, Post]:
    if not post_ids:
        return {}
    found = session.scalars(
        select(Post).where(Post.id.in_(post_ids)).execution_options(populate_existing=True)
    )
    return {post.id: post for post in found}
