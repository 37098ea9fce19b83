"""Native dialect, webhooks: the addresses that a workspace wants told of what happens."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, Shared, WebhooksReader, WebhooksWriter
from oncue.api.fields import WebhookId
from oncue.api.idempotency import Idempotent, Once
from oncue.api.native.answers import DeletedOut
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, creation, read_page
from oncue.api.native.webhook_bodies import (
    CreateWebhook,
    RotateSecret,
    TestOut,
    TestWebhook,
    UpdateWebhook,
    WebhookListOut,
    WebhookOut,
    WebhookSecretOut,
    show_secret,
    show_test,
    show_webhook,
)
from oncue.api.outbound import require_callable
from oncue.api.services import Services
from oncue.webhooks import service as webhooks
from oncue.webhooks.models import WebhookEndpoint
from oncue.webhooks.service import NewEndpoint
from oncue.webhooks.signing import SECRET_BYTES, new_secret
from oncue.webhooks.testing import keep_test, send_test
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=KeyedRoute)

WebhookPath = Annotated[WebhookId, Path(description="A webhook's id.")]


@router.get("")
async def list_webhooks(
    caller: WebhooksReader,
    shared: Shared,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> WebhookListOut:
    """Endpoints, in the order they were made."""

    def read(session: Session, most: int, after: Place | None) -> Sequence[WebhookEndpoint]:
        return webhooks.list_page(session, caller.workspace_id, limit=most, after=after)

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    shown = [show_webhook(row) for row in page.rows]
    return WebhookListOut(data=shown, webhooks=shown, pagination=page.pagination)


@router.post("", status_code=201)
async def create_webhook(
    body: CreateWebhook, caller: WebhooksWriter, shared: Shared, once: Idempotent
) -> WebhookSecretOut:
    """Have an address told of events. The answer has its signing secret, this once."""
    await require_callable(shared.outbound, body.url, "url")
    new = NewEndpoint(**dict(body))
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))

    def work(session: Session) -> WebhookSecretOut:
        row = webhooks.create(session, shared.vault, caller.workspace_id, new, secret, shared.now())
        return show_secret(row, secret)

    return await once.write_secret(work, status=201)


@router.post("/test")
async def test_webhook_by_body(
    body: TestWebhook, caller: WebhooksWriter, shared: Shared, once: Idempotent
) -> TestOut:
    """Send a test now, once, and say what came of it."""
    return await _test(body.webhook_id, caller, shared, once)


@router.get("/{webhook_id}")
async def get_webhook(
    webhook_id: WebhookPath, caller: WebhooksReader, shared: Shared
) -> WebhookOut:
    """One endpoint."""
    return await shared.db.read(
        lambda session: show_webhook(webhooks.get(session, caller.workspace_id, webhook_id))
    )


@router.patch("/{webhook_id}")
async def update_webhook(
    webhook_id: WebhookPath,
    body: UpdateWebhook,
    caller: WebhooksWriter,
    shared: Shared,
    once: Idempotent,
) -> WebhookOut:
    """Change what the body mentions. Enabling an endpoint forgets its failures."""
    if body.mentions("url"):
        await require_callable(shared.outbound, body.url, "url")
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}

    def work(session: Session) -> WebhookOut:
        return show_webhook(
            webhooks.edit(session, caller.workspace_id, webhook_id, changes, shared.now())
        )

    return await once.write(work)


@router.delete("/{webhook_id}")
async def delete_webhook(
    webhook_id: WebhookPath, caller: WebhooksWriter, once: Idempotent
) -> DeletedOut:
    """Tell an endpoint nothing more, and delete its log."""

    def work(session: Session) -> DeletedOut:
        webhooks.remove(session, caller.workspace_id, webhook_id)
        return DeletedOut()

    return await once.write(work)


@router.post("/{webhook_id}/test")
async def test_webhook(
    webhook_id: WebhookPath, caller: WebhooksWriter, shared: Shared, once: Idempotent
) -> TestOut:
    """Send a test now, once, and say what came of it."""
    return await _test(webhook_id, caller, shared, once)


@router.post("/{webhook_id}/rotate-secret")
async def rotate_webhook_secret(
    webhook_id: WebhookPath,
    caller: WebhooksWriter,
    shared: Shared,
    once: Idempotent,
    body: RotateSecret | None = None,
) -> WebhookSecretOut:
    """Sign with a new secret. For a day, or as told, the one before signs too."""
    grace = timedelta(seconds=(body or RotateSecret()).grace_seconds)
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))

    def work(session: Session) -> WebhookSecretOut:
        row = webhooks.rotate_secret(
            session, shared.vault, caller.workspace_id, webhook_id, secret, grace, shared.now()
        )
        return show_secret(row, secret)

    return await once.write_secret(work)


async def _test(webhook_id: WebhookId, caller: Caller, shared: Services, once: Once) -> TestOut:
    """A test is sent before it is written down: of two at the same instant, both are sent."""
    await once.look()
    endpoint = await shared.db.read(
        lambda session: webhooks.get(session, caller.workspace_id, webhook_id)
    )
    tested = await send_test(shared.vault, shared.outbound, shared.now, endpoint)

    def work(session: Session) -> TestOut:
        return show_test(tested, keep_test(session, tested, shared.now()))

    return await once.write(work)
