"""The log of deliveries: reading it, and having parts of it delivered once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.errors import Conflict, Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.webhooks import service as webhooks
from oncue.webhooks.models import Delivery, DeliveryAttempt
from oncue.webhooks.service import State

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


def replay_range(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID,
    since: datetime,
    until: datetime,
    state: State | None,
    now: datetime,
) -> int:
    """Replay what was to be told from `since` to `until`; how many.

    That is what never arrived, or (given a state) what is in that state. Raises as `replay`
    does, and Invalid where the range ends before it begins.
    """
    if until < since:
        raise Invalid([Issue(field="to", message="is before `from`")])
    _require_enabled(session, workspace_id, endpoint_id)
    states = UNDELIVERED if state is None else (state,)
    chosen = [
        Delivery.created_at >= since,
        Delivery.created_at <= until,
        Delivery.state.in_(states),
    ]
    return _again(session, workspace_id, endpoint_id, chosen, now)


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
