"""Endpoints: the addresses that a workspace wants told of what happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from oncue import outbox
from oncue.accounts.vault import Tampered, Vault, VaultError
from oncue.db.base import later
from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.webhooks.models import Delivery, WebhookEndpoint
from oncue.webhooks.sealing import opened, sealed
from oncue.webhooks.signing import DEFAULT_PLAIN_HEADER, Secret, is_plain_header, rotate
from oncue.webhooks.types import EVERYTHING, TYPES

SWITCHED_OFF: Final = "It was switched off by request"
WELL: Final[Mapping[str, Any]] = {
    "disabled_reason": None,
    "failing_since": None,
    "failure_count": 0,
    "recent_failures": 0,
    "recent_failures_since": None,
}
"""The columns of an endpoint that has nothing behind it."""


class State(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"  # it is tried at next_at
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"  # after the last attempt
    ABORTED = "aborted"  # the receiver does not want it
    DISABLED = "disabled"  # its endpoint was disabled before


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to keep; its URL has been judged."""

    url: str
    events: Sequence[str] = (EVERYTHING,)
    description: str = ""
    signature_header: str = DEFAULT_PLAIN_HEADER
    enabled: bool = True


def create(
    session: Session,
    vault: Vault,
    workspace_id: UUID,
    new: NewEndpoint,
    secret: str,
    now: datetime,
) -> WebhookEndpoint:
    """Keep an endpoint; raises Invalid for an unknown type of event or a header that cannot be."""
    endpoint_id = ids.new_id(now)
    values = {
        "url": new.url,
        "events": new.events,
        "description": new.description,
        "signature_header": new.signature_header,
        "enabled": new.enabled,
    }
    session.execute(
        insert(WebhookEndpoint).values(
            id=endpoint_id,
            workspace_id=workspace_id,
            **_checked(values),
            **sealed(vault, workspace_id, endpoint_id, [Secret(value=secret)]),
            created_at=now,
            updated_at=now,
        )
    )
    return get(session, workspace_id, endpoint_id)


def get(session: Session, workspace_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """The endpoint as it stands in the database; raises NotFound."""
    row = session.scalar(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("webhook", ids.to_typeid("wh", endpoint_id))
    return row


def list_page(
    session: Session, workspace_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> Sequence[WebhookEndpoint]:
    """Up to `limit` endpoints in the order they were made."""
    chosen = select(WebhookEndpoint).where(WebhookEndpoint.workspace_id == workspace_id)
    if after is not None:
        at, row_id = after
        chosen = chosen.where(
            (WebhookEndpoint.created_at > at)
            | ((WebhookEndpoint.created_at == at) & (WebhookEndpoint.id > row_id))
        )
    ordered = chosen.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id).limit(limit)
    return session.scalars(ordered).all()


def edit(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
) -> WebhookEndpoint:
    """Change the fields of NewEndpoint that are named; raises NotFound, Invalid.

    Enabled again, an endpoint has nothing behind it. Disabled, it gets nothing that still waits.
    """
    values = _checked(changes)
    match values.get("enabled"):
        case True:
            values |= WELL
        case False:
            values["disabled_reason"] = SWITCHED_OFF
    _write(session, workspace_id, endpoint_id, values, now)
    if values.get("enabled") is False:
        stop(session, workspace_id, endpoint_id)
    return get(session, workspace_id, endpoint_id)


def disable(
    session: Session, workspace_id: UUID, endpoint_id: UUID, reason: str, now: datetime
) -> None:
    """Stop telling an endpoint that is dead, and say so to the others."""
    values = {"enabled": False, "disabled_reason": reason}
    _write(session, workspace_id, endpoint_id, values, now)
    stop(session, workspace_id, endpoint_id)
    data = {"id": ids.to_typeid("wh", endpoint_id), "reason": reason}
    outbox.record(session, workspace_id, None, "webhook.disabled", now, data)


def remove(session: Session, workspace_id: UUID, endpoint_id: UUID) -> None:
    """Delete an endpoint and all its deliveries; raises NotFound."""
    gone = session.scalar(
        delete(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id)
        .returning(WebhookEndpoint.id)
        .execution_options(synchronize_session=False)
    )
    if gone is None:
        raise NotFound("webhook", ids.to_typeid("wh", endpoint_id))


def rotate_secret(
    session: Session,
    vault: Vault,
    workspace_id: UUID,
    endpoint_id: UUID,
    successor: str,
    grace: timedelta,
    now: datetime,
) -> WebhookEndpoint:
    """Sign with `successor` from now on, and for `grace` with what was used before as well.

    What cannot be opened any more signs no more. Raises NotFound.
    """
    session.execute(
        select(WebhookEndpoint.id)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id)
        .with_for_update()
    )
    row = get(session, workspace_id, endpoint_id)
    try:
        present = opened(vault, row)
    except (Tampered, VaultError):
        present = []
    secrets = rotate(present, successor, now, grace)
    _write(
        session, workspace_id, endpoint_id, sealed(vault, workspace_id, endpoint_id, secrets), now
    )
    return get(session, workspace_id, endpoint_id)


def _write(
    session: Session,
    workspace_id: UUID,
    endpoint_id: UUID,
    values: Mapping[str, Any],
    now: datetime,
) -> None:
    session.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.id == endpoint_id)
        .values(updated_at=later(WebhookEndpoint.updated_at, now))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def stop(session: Session, workspace_id: UUID, endpoint_id: UUID) -> None:
    """Let nothing wait for an endpoint that is disabled: a replay brings it back."""
    session.execute(
        update(Delivery)
        .where(
            Delivery.workspace_id == workspace_id,
            Delivery.endpoint_id == endpoint_id,
            Delivery.next_at.is_not(None),
        )
        .values(state=State.DISABLED, next_at=None, fence=Delivery.fence + 1)
        .execution_options(synchronize_session=False)
    )


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are kept; raises Invalid."""
    issues = [
        Issue(field=f"events[{index}]", message=f"{name[:60]} is not one of {', '.join(TYPES)}")
        for index, name in enumerate(values.get("events", ()))
        if name not in TYPES and name != EVERYTHING
    ]
    if "events" in values and not values["events"]:
        issues.append(Issue(field="events", message="at least one type is needed, or *"))
    if "signature_header" in values and not is_plain_header(values["signature_header"]):
        message = "is not the name of a signature's header, as in X-Oncue-Signature"
        issues.append(Issue(field="signatureHeader", message=message))
    if issues:
        raise Invalid(issues)
    kept = dict(values)
    if "events" in kept:
        chosen = set(kept["events"])
        everything = [EVERYTHING] if EVERYTHING in chosen else None
        kept["events"] = everything or [name for name in TYPES if name in chosen]
    return kept
