"""Bodies of the native dialect about webhooks."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt

from oncue.api.fields import (
    WHOLE,
    Body,
    DeliveryId,
    Edit,
    EventId,
    Key,
    Out,
    PublicUrl,
    Said,
    Text,
    WebhookId,
    When,
)
from oncue.api.native.answers import PageOut
from oncue.lib.addresses import URL_CHARACTERS
from oncue.webhooks.history import Logged
from oncue.webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint
from oncue.webhooks.service import State
from oncue.webhooks.signing import DEFAULT_PLAIN_HEADER, ROTATION_GRACE
from oncue.webhooks.testing import Tested
from oncue.webhooks.types import EVERYTHING, TYPES

MOST_GRACE: Final = 30 * 24 * 3600
MOST_EVENTS: Final = 100

Url = Annotated[PublicUrl, Field(max_length=URL_CHARACTERS)]
EventType = Annotated[Key, AfterValidator(str.lower), Said(enum=[*TYPES, EVERYTHING])]
EventTypes = Annotated[list[EventType], Field(max_length=MOST_EVENTS), Said(minItems=1)]
Words = Annotated[Text, Field(max_length=500)]
HeaderName = Annotated[
    Key,
    Field(max_length=64),
    Said(pattern="^(?![Ww]ebhook-)[A-Za-z0-9-]*[Ss]ignature[A-Za-z0-9-]*$"),
]


def _lower(value: object) -> object:
    """Constants are known in either case (C12)."""
    return value.lower() if isinstance(value, str) else value


StateName = Annotated[State, Field(strict=False), BeforeValidator(_lower)]


class CreateWebhook(Body):
    """POST /v1/webhooks."""

    url: Url
    events: EventTypes = [EVERYTHING]
    description: Words = ""
    signature_header: HeaderName = DEFAULT_PLAIN_HEADER
    enabled: StrictBool = True


class UpdateWebhook(Edit):
    """PATCH /v1/webhooks/:id. Only what is mentioned changes."""

    url: Url = ""
    events: EventTypes = []
    description: Words = ""
    signature_header: HeaderName = ""
    enabled: StrictBool = True


class TestWebhook(Body):
    """POST /v1/webhooks/test."""

    webhook_id: WebhookId


class RotateSecret(Body):
    """POST /v1/webhooks/:id/rotate-secret: how long the old secret signs too."""

    grace_seconds: Annotated[StrictInt, Field(ge=0, le=MOST_GRACE), WHOLE] = int(
        ROTATION_GRACE.total_seconds()
    )


class ReplayRange(Body):
    """POST /v1/webhooks/:id/replay. Without a status: what never arrived."""

    since: When = Field(alias="from")
    until: When = Field(alias="to")
    status: StateName | None = None


class WebhookOut(Out):
    """An endpoint. `active` says the same as `enabled`, for clients that know it by that name."""

    id: WebhookId
    url: str
    description: str
    events: list[str]
    signature_header: str
    enabled: bool
    active: bool
    disabled_reason: str | None
    failing_since: When | None
    failure_count: int
    last_delivery_at: When | None
    previous_secret_until: When | None
    created_at: When
    updated_at: When


class WebhookSecretOut(WebhookOut):
    """An endpoint and its new secret, which is shown this once."""

    secret: str


class WebhookListOut(Out):
    """A page of endpoints, under both names that clients look for."""

    data: list[WebhookOut]
    webhooks: list[WebhookOut]
    pagination: PageOut


class DeliveryOut(Out):
    """A message to an address, and how far it has come."""

    id: DeliveryId
    webhook_id: WebhookId | None
    event_id: EventId
    event_type: str
    url: str
    status: State
    success: bool
    attempt_count: int
    retry_count: int
    next_attempt_at: When | None
    status_code: int | None
    latency_ms: int | None
    error: str | None
    created_at: When
    delivered_at: When | None


class TryOut(Out):
    """One attempt of a delivery."""

    number: int
    attempted_at: When
    status_code: int | None
    latency_ms: int | None
    response_body: str | None
    error: str | None


class LoggedOut(DeliveryOut):
    """A delivery with what was sent, and every attempt."""

    payload: str
    attempts: list[TryOut]


class DeliveryListOut(Out):
    """A page of deliveries, the newest first."""

    data: list[DeliveryOut]
    pagination: PageOut


class ReplayedOut(Out):
    """How many deliveries are made once more."""

    replayed: int


class TestedOut(Out):
    """What came of a test."""

    id: DeliveryId
    webhook_id: WebhookId
    event_type: str
    url: str
    status_code: int | None
    latency_ms: int | None
    response_body: str | None
    retry_count: int
    success: bool
    error: str | None
    created_at: When
    delivered_at: When | None


class TestOut(Out):
    """The answer to a test."""

    data: TestedOut


def show_webhook(row: WebhookEndpoint) -> WebhookOut:
    return WebhookOut(
        id=row.id,
        url=row.url,
        description=row.description,
        events=row.events,
        signature_header=row.signature_header,
        enabled=row.enabled,
        active=row.enabled,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        failure_count=row.failure_count,
        last_delivery_at=row.last_delivery_at,
        previous_secret_until=row.old_secret_until,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def show_secret(row: WebhookEndpoint, secret: str) -> WebhookSecretOut:
    return WebhookSecretOut(**dict(show_webhook(row)), secret=secret)


def show_delivery(row: Delivery, url: str) -> DeliveryOut:
    return DeliveryOut(
        id=row.id,
        webhook_id=row.endpoint_id,
        event_id=row.event_id,
        event_type=row.type,
        url=url,
        status=State(row.state),
        success=row.state == State.DELIVERED,
        attempt_count=row.attempts,
        retry_count=max(row.attempts - 1, 0),
        next_attempt_at=row.next_at,
        status_code=row.status_code,
        latency_ms=row.latency_ms,
        error=row.error,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )


def show_logged(logged: Logged) -> LoggedOut:
    return LoggedOut(
        **dict(show_delivery(logged.delivery, logged.url)),
        payload=logged.delivery.payload,
        attempts=[_show_try(attempt) for attempt in logged.attempts],
    )


def _show_try(row: DeliveryAttempt) -> TryOut:
    return TryOut(
        number=row.number,
        attempted_at=row.attempted_at,
        status_code=row.status_code,
        latency_ms=row.latency_ms,
        response_body=row.response_body,
        error=row.error,
    )


def show_test(tested: Tested, row: Delivery) -> TestOut:
    outcome = tested.outcome
    return TestOut(
        data=TestedOut(
            id=row.id,
            webhook_id=tested.endpoint.id,
            event_type=row.type,
            url=tested.endpoint.url,
            status_code=outcome.status,
            latency_ms=outcome.latency_ms,
            response_body=outcome.response_body,
            retry_count=0,
            success=outcome.error is None,
            error=outcome.error,
            created_at=row.created_at,
            delivered_at=row.delivered_at,
        )
    )
