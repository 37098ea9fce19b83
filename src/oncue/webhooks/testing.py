"""A test of an endpoint: one message, sent while its owner waits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from oncue.accounts.vault import Vault
from oncue.lib import ids
from oncue.lib.clock import Clock
from oncue.webhooks import service as webhooks
from oncue.webhooks.models import Delivery, WebhookEndpoint
from oncue.webhooks.payloads import envelope
from oncue.webhooks.sending import Message, Outbound, Outcome, send
from oncue.webhooks.service import State
from oncue.webhooks.settling import log_attempt
from oncue.webhooks.types import TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A test that was sent, and what came back."""

    endpoint: WebhookEndpoint
    message: Message
    outcome: Outcome
    began_at: datetime


async def send_test(
    vault: Vault, outbound: Outbound, now: Clock, endpoint: WebhookEndpoint
) -> Tested:
    """Send a test to an endpoint, be it disabled."""
    began_at = now()
    message_id = ids.new_id(began_at)
    data = {
        "webhookId": ids.to_typeid("wh", endpoint.id),
        "workspaceId": ids.to_typeid("ws", endpoint.workspace_id),
    }
    body = envelope(message_id, TEST, began_at, data)
    message = Message(id=message_id, type=TEST, body=body)
    outcome = await send(outbound, vault, endpoint.url, endpoint, message, now())
    return Tested(endpoint=endpoint, message=message, outcome=outcome, began_at=began_at)


def keep_test(session: Session, tested: Tested, now: datetime) -> Delivery:
    """Log a test. It is not tried again and says nothing of its endpoint. Raises NotFound."""
    endpoint, message, outcome = tested.endpoint, tested.message, tested.outcome
    webhooks.get(session, endpoint.workspace_id, endpoint.id)  # it may be gone meanwhile
    delivered = outcome.error is None
    delivery: Delivery = session.scalars(
        insert(Delivery)
        .values(
            id=ids.new_id(tested.began_at),
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.id,
            event_id=message.id,
            type=message.type,
            payload=message.body,
            state=State.DELIVERED if delivered else State.EXHAUSTED,
            attempts=1,
            status_code=outcome.status,
            latency_ms=outcome.latency_ms,
            error=outcome.error,
            created_at=tested.began_at,
            delivered_at=now if delivered else None,
        )
        .returning(Delivery)
    ).one()
    log_attempt(session, endpoint.workspace_id, delivery.id, outcome, now)
    return delivery
