"""A delivery's row: who may try it, and what an attempt leaves behind.

Trying one takes a lease on it (`next_at`) and raises its fence. Whoever dies with it loses it to
the next when the lease has run out; whoever comes back later writes nothing.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from oncue.webhooks import service as webhooks
from oncue.webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint
from oncue.webhooks.schedule import (
    ANSWER_WITHIN,
    Failing,
    Verdict,
    after_failure,
    decide,
    is_given_up,
)
from oncue.webhooks.sending import Message, Outcome
from oncue.webhooks.service import WELL, State
from oncue.workspaces.models import Workspace

LOOK_AT: Final = 200
AT_ONCE: Final = 4  # attempts at one address
LEASE: Final = ANSWER_WITHIN + timedelta(seconds=10)  # and time to write down what came of it
KEPT: Final = timedelta(days=30)
GONE_WORDS: Final = "It answered 410 Gone: it wants nothing any more"
DEAD_WORDS: Final = "Nothing but failures for five days"

Lane: TypeAlias = tuple[UUID | None, str | None]
"""An endpoint, or a callback's URL: what is slow here delays nothing elsewhere."""

STATES: Final[Mapping[Verdict, State]] = {
    Verdict.DELIVERED: State.DELIVERED,
    Verdict.RETRY: State.PENDING,
    Verdict.EXHAUSTED: State.EXHAUSTED,
    Verdict.ABORTED: State.ABORTED,
    Verdict.GONE: State.DISABLED,
}
FAILURES: Final = frozenset({Verdict.RETRY, Verdict.EXHAUSTED, Verdict.GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A delivery that this process may try, for as long as the fence is its own."""

    id: UUID
    workspace_id: UUID
    fence: int
    attempt: int  # from 1
    url: str
    endpoint: WebhookEndpoint | None
    message: Message
    lane: Lane

    @property
    def chance(self) -> float:
        """Between 0 and 1, and no two deliveries' the same: their retries are spread."""
        return (self.id.int & 0xFFFF) / 0xFFFF


def next_due(session: Session) -> datetime | None:
    """When the next attempt is due; None where nothing waits."""
    return session.scalar(
        select(Delivery.next_at)
        .where(Delivery.next_at.is_not(None))
        .order_by(Delivery.next_at)
        .limit(1)
    )


def claim_due(session: Session, running: Mapping[Lane, int], now: datetime) -> list[Claim]:
    """Take deliveries that are due, as many as their lanes have room beside what is `running`."""
    chosen = _with_room(session, running, now)
    if not chosen:
        return []
    rows = session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(chosen), Delivery.next_at <= now)
        .values(next_at=now + LEASE, fence=Delivery.fence + 1)
        .returning(Delivery)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    endpoints = _endpoints(session, rows)
    return [
        _claim(row, endpoints.get(row.endpoint_id))
        for row in rows
        if row.endpoint_id is None or row.endpoint_id in endpoints
    ]


def full_lanes(running: Mapping[Lane, int]) -> frozenset[Lane]:
    """Those that have as many attempts on their way as they may."""
    return frozenset(lane for lane, count in running.items() if count >= AT_ONCE)


def has_room(session: Session, full: Collection[Lane], now: datetime) -> bool:
    """Whether something is due that waits for none of these lanes."""
    found = select(Delivery.id).where(Delivery.next_at <= now, _beside(full)).limit(1)
    return session.scalar(found) is not None


def _beside(full: Collection[Lane]) -> ColumnElement[bool]:
    to_endpoint = Delivery.endpoint_id.is_not(None)
    return (to_endpoint & Delivery.endpoint_id.not_in([lane[0] for lane in full if lane[0]])) | (
        ~to_endpoint & Delivery.url.not_in([lane[1] for lane in full if lane[1]])
    )


def _with_room(session: Session, running: Mapping[Lane, int], now: datetime) -> Sequence[UUID]:
    """Due deliveries whose lanes have room; those of full lanes do not even count as seen."""
    taken = Counter(running)
    due = session.execute(
        select(Delivery.id, Delivery.endpoint_id, Delivery.url)
        .where(Delivery.next_at <= now, _beside(full_lanes(running)))
        .order_by(Delivery.next_at, Delivery.id)
        .limit(LOOK_AT)
        .with_for_update(skip_locked=True)
    )
    chosen: list[UUID] = []
    for row in due:
        lane = (row.endpoint_id, row.url)
        if taken[lane] < AT_ONCE:
            taken[lane] += 1
            chosen.append(row.id)
    return chosen


def _endpoints(session: Session, rows: Sequence[Delivery]) -> Mapping[UUID | None, WebhookEndpoint]:
    """The rows' endpoints. Those that are disabled get nothing: what waits for them is stopped."""
    named = {row.endpoint_id for row in rows if row.endpoint_id}
    if not named:
        return {}
    found = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id.in_(named))
        .execution_options(populate_existing=True)
    ).all()
    for endpoint in found:
        if not endpoint.enabled:
            webhooks.stop(session, endpoint.workspace_id, endpoint.id)
    return {endpoint.id: endpoint for endpoint in found if endpoint.enabled}


def _claim(row: Delivery, endpoint: WebhookEndpoint | None) -> Claim:
    return Claim(
        id=row.id,
        workspace_id=row.workspace_id,
        fence=row.fence,
        attempt=row.attempts + 1,
        url=endpoint.url if endpoint else row.url or "",
        endpoint=endpoint,
        message=Message(id=row.event_id, type=row.type, body=row.payload),
        lane=(row.endpoint_id, row.url),
    )


def settle(session: Session, claim: Claim, outcome: Outcome, now: datetime) -> None:
    """Write down what came of an attempt, unless the delivery is no longer this process's."""
    # Held before the delivery: everybody locks in this order.
    endpoint = _hold(session, claim.endpoint.id) if claim.endpoint else None
    decision = decide(
        outcome.status, outcome.headers, attempt=claim.attempt, now=now, chance=claim.chance
    )
    written = session.scalar(
        update(Delivery)
        .where(Delivery.id == claim.id, Delivery.fence == claim.fence)
        .values(
            state=STATES[decision.verdict],
            attempts=claim.attempt,
            next_at=decision.again_at,
            status_code=outcome.status,
            latency_ms=outcome.latency_ms,
            error=outcome.error,
            delivered_at=now if decision.verdict is Verdict.DELIVERED else None,
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        return
    log_attempt(session, claim.workspace_id, claim.id, outcome, now)
    if endpoint is not None:
        _judge(session, endpoint, decision.verdict, now)


def log_attempt(
    session: Session, workspace_id: UUID, delivery_id: UUID, outcome: Outcome, now: datetime
) -> None:
    """Add an attempt to the delivery's log; a replay goes on counting."""
    count = select(func.count()).where(
        DeliveryAttempt.workspace_id == workspace_id, DeliveryAttempt.delivery_id == delivery_id
    )
    session.execute(
        insert(DeliveryAttempt).values(
            delivery_id=delivery_id,
            number=count.scalar_subquery() + 1,
            workspace_id=workspace_id,
            attempted_at=now,
            status_code=outcome.status,
            latency_ms=outcome.latency_ms,
            response_body=outcome.response_body,
            error=outcome.error,
        )
    )


def _hold(session: Session, endpoint_id: UUID) -> WebhookEndpoint | None:
    """The endpoint, its row locked; None where it was deleted."""
    return session.scalar(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id)
        .with_for_update(key_share=True)  # whoever adds a delivery to it need not wait
        .execution_options(populate_existing=True)
    )


def _judge(session: Session, endpoint: WebhookEndpoint, verdict: Verdict, now: datetime) -> None:
    """What the attempt says of its endpoint, whose row is held."""
    if verdict is Verdict.DELIVERED:
        _note(session, endpoint, {**WELL, "last_delivery_at": now})
    if verdict not in FAILURES:
        return
    failing = after_failure(
        Failing(
            failures=endpoint.recent_failures,
            first_at=endpoint.recent_failures_since,
            since=endpoint.failing_since,
        ),
        now,
    )
    noted = {
        "failure_count": endpoint.failure_count + 1,
        "recent_failures": failing.failures,
        "recent_failures_since": failing.first_at,
        "failing_since": failing.since,
    }
    _note(session, endpoint, noted)
    if not endpoint.enabled:
        return
    if verdict is Verdict.GONE:
        webhooks.disable(session, endpoint.workspace_id, endpoint.id, GONE_WORDS, now)
    elif is_given_up(failing, now):
        webhooks.disable(session, endpoint.workspace_id, endpoint.id, DEAD_WORDS, now)


def _note(session: Session, endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> None:
    session.execute(
        update(WebhookEndpoint)
        .where(
            WebhookEndpoint.workspace_id == endpoint.workspace_id,
            WebhookEndpoint.id == endpoint.id,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` deliveries of long ago that wait for nothing; how many."""
    old = (
        select(Delivery.id)
        .where(
            Delivery.workspace_id.in_(select(Workspace.id)),  # each by its index
            Delivery.created_at < now - KEPT,
            Delivery.next_at.is_(None),
        )
        .limit(limit)
    )
    gone = session.scalars(
        delete(Delivery)
        .where(Delivery.id.in_(old))
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
