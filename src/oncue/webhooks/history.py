"""The log of deliveries: reading it, and having parts of it delivered once more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.errors import Conflict, Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.webhooks import service as webhooks
from oncue.webhooks.models import Delivery, DeliveryAttempt
from oncue.webhooks.service import State

PART: Final = 500  # replayed in one transaction, so that others wait some hundredths of a second
UNDELIVERED: Final = (State.EXHAUSTED, State.ABORTED, State.DISABLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A delivery and its attempts, the first one first."""

    delivery: Delivery
    url: str
    attempts: Sequence[DeliveryAttempt]


def list_page(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID | None,
    *,
    limit: int,
    state: State | None = None,
    after: tuple[datetime, UUID] | None = None,
) -> Sequence[Delivery]:
    """Up to `limit` deliveries to an endpoint, or (None) to callbacks, the newest first."""
    chosen = select(Delivery).where(
        Delivery.workspace_id == workspace_id, Delivery.endpoint_id == endpoint_id
    )
    if state is not None:
        chosen = chosen.where(Delivery.state == state)
    if after is not None:
        at, row_id = after
        chosen = chosen.where(
            (Delivery.created_at < at) | ((Delivery.created_at == at) & (Delivery.id < row_id))
        )
    newest = chosen.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(limit)
    return session.scalars(newest).all()


def get(
    session: Session, workspace_id: UUID, endpoint_id: UUID | None, delivery_id: UUID
) -> Logged:
    """A delivery to an endpoint, or (None) to a callback, whole; raises NotFound."""
    endpoint = endpoint_id and webhooks.get(session, workspace_id, endpoint_id)
    delivery = session.scalar(
        select(Delivery)
        .where(*_named(workspace_id, endpoint_id), Delivery.id == delivery_id)
        .execution_options(populate_existing=True)
    )
    if delivery is None:
        raise _not_found(delivery_id)
    attempts = session.scalars(
        select(DeliveryAttempt)
        .where(
            DeliveryAttempt.workspace_id == workspace_id,
            DeliveryAttempt.delivery_id == delivery_id,
        )
        .order_by(DeliveryAttempt.number)
    ).all()
    url = endpoint.url if endpoint else delivery.url or ""
    return Logged(delivery=delivery, url=url, attempts=attempts)


def replay(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID | None,
    delivery_id: UUID,
    now: datetime,
) -> Logged:
    """Deliver once more what was told, on a fresh schedule and under the same id.

    Without an endpoint it is a callback. Raises NotFound, or Conflict where the endpoint is
    disabled.
    """
    if endpoint_id is not None:
        _require_enabled(session, workspace_id, endpoint_id)
    again = _again(session, workspace_id, endpoint_id, [Delivery.id == delivery_id], now)
    if not again:
        raise _not_found(delivery_id)
    return get(session, workspace_id, endpoint_id, delivery_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What was to be told from `since` to `until`: what never arrived, or is in one state."""

    since: datetime
    until: datetime
    state: State | None = None

    def holds(self) -> tuple[ColumnElement[bool], ...]:
        states = UNDELIVERED if self.state is None else (self.state,)
        return (
            Delivery.created_at >= self.since,
            Delivery.created_at <= self.until,
            Delivery.state.in_(states),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How many deliveries were replayed, and behind which one to go on (None: that was all)."""

    count: int
    last: tuple[datetime, UUID] | None


def replay_part(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID,
    wanted: Range,
    after: tuple[datetime, UUID] | None,
    now: datetime,
) -> Part:
    """Replay the first of a range, or (given a part's last) what is behind it, up to PART of them.

    To begin raises as `replay` does, and Invalid where the range ends before it begins.
    """
    if after is None:
        if wanted.until < wanted.since:
            raise Invalid([Issue(field="to", message="is before `from`")])
        _require_enabled(session, workspace_id, endpoint_id)
    chosen = select(Delivery.created_at, Delivery.id).where(
        *_named(workspace_id, endpoint_id), *wanted.holds()
    )
    if after is not None:
        chosen = chosen.where(tuple_(Delivery.created_at, Delivery.id) > after)
    rows = session.execute(chosen.order_by(Delivery.created_at, Delivery.id).limit(PART)).all()
    if not rows:
        return Part(count=0, last=None)
    first, last = rows[0], rows[-1]
    found = replace(wanted, since=first.created_at, until=last.created_at)  # by whichever index
    ours = Delivery.id.in_([row.id for row in rows])
    count = _again(session, workspace_id, endpoint_id, [ours, *found.holds()], now)
    return Part(count=count, last=(last.created_at, last.id) if len(rows) == PART else None)


def _again(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID | None,
    chosen: Sequence[ColumnElement[bool]],
    now: datetime,
) -> int:
    fresh: dict[str, Any] = {"state": State.PENDING, "attempts": 0, "next_at": now}
    found = session.scalars(
        update(Delivery)
        .where(*_named(workspace_id, endpoint_id), *chosen)
        .values(fence=Delivery.fence + 1, delivered_at=None, **fresh)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if found:
        announce(session, Topic.EVENT)
    return len(found)


def _require_enabled(session: Session, workspace_id: UUID, endpoint_id: UUID) -> None:
    endpoint = webhooks.get(session, workspace_id, endpoint_id)
    if not endpoint.enabled:
        raise Conflict(
            "The webhook is disabled: enable it first",
            {"enabled": False, "disabledReason": endpoint.disabled_reason},
        )


def _named(workspace_id: UUID, endpoint_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    return Delivery.workspace_id == workspace_id, Delivery.endpoint_id == endpoint_id


def _not_found(delivery_id: UUID) -> NotFound:
    return NotFound("delivery", ids.to_typeid("dlv", delivery_id))
