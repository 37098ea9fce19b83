"""One message to one address, once: what is sent, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from oncue.accounts.vault import Tampered, Vault, VaultError
from oncue.lib import ids
from oncue.lib.addresses import NotAllowed
from oncue.lib.clock import MILLISECOND
from oncue.lib.logs import masked
from oncue.lib.outbound import REDIRECTING, Answered, Unreachable
from oncue.webhooks.models import WebhookEndpoint
from oncue.webhooks.schedule import ANSWER_WITHIN
from oncue.webhooks.sealing import opened
from oncue.webhooks.signing import sign

LOGGED_CHARACTERS: Final = 2_000  # of an answer


class Outbound(Protocol):
    """What calls addresses for us: the guarded client, which judges each of them anew."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta
    ) -> Answered: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be told; the id is the same for all its attempts."""

    id: UUID
    type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt. Without a status there was no answer, and `error` says why."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    latency_ms: int | None = None
    response_body: str | None = None
    error: str | None = None


async def send(
    outbound: Outbound,
    vault: Vault,
    url: str,
    endpoint: WebhookEndpoint | None,
    message: Message,
    now: datetime,
) -> Outcome:
    """Send a message to an endpoint, or (None) to a callback's URL, for which there is no secret.

    Never raises for what the receiver or its address does.
    """
    body = message.body.encode()
    try:
        headers = _headers(vault, endpoint, message, body, now)
        answered = await outbound.post(url, body, headers, ANSWER_WITHIN)
    except NotAllowed as refused:
        return Outcome(error=f"The address may not be called: {refused}")
    except Unreachable as trouble:
        return Outcome(error=str(trouble))
    except (Tampered, VaultError):
        return Outcome(error="The signing secret cannot be opened: rotate it")
    return Outcome(
        status=answered.status,
        headers=answered.headers,
        latency_ms=answered.latency // MILLISECOND,
        response_body=_readable(answered.body_start),
        error=_complaint(answered.status),
    )


def _headers(
    vault: Vault,
    endpoint: WebhookEndpoint | None,
    message: Message,
    body: bytes,
    now: datetime,
) -> Mapping[str, str]:
    message_id = ids.to_typeid("evt", message.id)
    headers = {"content-type": "application/json"}
    if endpoint is None:
        unsigned = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}
        return headers | unsigned
    secrets = opened(vault, endpoint)
    return headers | sign(message_id, body, secrets, now, endpoint.signature_header)


def _readable(body: bytes) -> str:
    """The beginning of an answer, as any database can keep it and any member may read it."""
    text = body.decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return masked(text)[:LOGGED_CHARACTERS]


def _complaint(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if status in REDIRECTING:
        return f"it answers {status}, and redirects are not followed"
    return f"it answers {status}"
