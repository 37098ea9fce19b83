"""Native dialect, the log of webhooks' deliveries and of callbacks."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, Shared, WebhooksReader, WebhooksWriter
from oncue.api.fields import DeliveryId
from oncue.api.idempotency import Idempotent, Once
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, creation, read_page
from oncue.api.native.webhook_bodies import (
    DeliveryListOut,
    DeliveryOut,
    LoggedOut,
    ReplayedOut,
    ReplayRange,
    StateName,
    show_delivery,
    show_logged,
)
from oncue.api.native.webhooks import WebhookPath
from oncue.api.services import Services
from oncue.webhooks import history
from oncue.webhooks import service as webhooks
from oncue.webhooks.history import Part, Range
from oncue.webhooks.service import State
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=KeyedRoute)


DeliveryPath = Annotated[DeliveryId, Path(description="A delivery's id.")]
Status = Annotated[StateName | None, Query(description="Only these.")]


@router.get("/callbacks")
async def list_callbacks(
    caller: WebhooksReader,
    shared: Shared,
    status: Status = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> DeliveryListOut:
    """What was sent to the X-Callback-Url of a publish, the newest first."""
    return await _page(shared, caller, None, status, limit, cursor)


@router.post("/callbacks/{delivery_id}/replay")
async def replay_callback(
    delivery_id: DeliveryPath, caller: WebhooksWriter, shared: Shared, once: Idempotent
) -> LoggedOut:
    """Tell a callback once more, under the same id and on a fresh schedule."""
    return await _replay(shared, caller, None, delivery_id, once)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: WebhookPath,
    caller: WebhooksReader,
    shared: Shared,
    status: Status = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> DeliveryListOut:
    """What was sent to an endpoint, the newest first."""
    return await _page(shared, caller, webhook_id, status, limit, cursor)


@router.get("/{webhook_id}/deliveries/{delivery_id}")
async def get_delivery(
    webhook_id: WebhookPath, delivery_id: DeliveryPath, caller: WebhooksReader, shared: Shared
) -> LoggedOut:
    """A delivery with its body and every attempt."""
    return await shared.db.read(
        lambda session: show_logged(
            history.get(session, caller.workspace_id, webhook_id, delivery_id)
        )
    )


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
async def replay_delivery(
    webhook_id: WebhookPath,
    delivery_id: DeliveryPath,
    caller: WebhooksWriter,
    shared: Shared,
    once: Idempotent,
) -> LoggedOut:
    """Deliver it once more, under the same id and on a fresh schedule."""
    return await _replay(shared, caller, webhook_id, delivery_id, once)


@router.post("/{webhook_id}/replay")
async def replay_range(
    webhook_id: WebhookPath,
    body: ReplayRange,
    caller: WebhooksWriter,
    shared: Shared,
    once: Idempotent,
) -> ReplayedOut:
    """Deliver once more what was to be told from one time to another.

    Sent again after it was cut off, it replays what is left.
    """
    await once.look()
    wanted = Range(since=body.since, until=body.until, state=body.status)
    count = await _replay_all(shared, caller, webhook_id, wanted)
    return await once.write(lambda _: ReplayedOut(replayed=count))


async def _replay_all(shared: Services, caller: Caller, webhook_id: UUID, wanted: Range) -> int:
    """Each part is a transaction of its own, so others get their turn."""
    count, after = 0, None
    while True:

        def go_on(session: Session, after: Place | None = after) -> Part:
            return history.replay_part(
                session, caller.workspace_id, webhook_id, wanted, after, shared.now()
            )

        part = await shared.db.write(go_on)
        count, after = count + part.count, part.last
        if after is None:
            return count


async def _replay(
    shared: Services, caller: Caller, webhook_id: UUID | None, delivery_id: UUID, once: Once
) -> LoggedOut:
    def work(session: Session) -> LoggedOut:
        return show_logged(
            history.replay(session, caller.workspace_id, webhook_id, delivery_id, shared.now())
        )

    return await once.write(work)


async def _page(
    shared: Services,
    caller: Caller,
    webhook_id: UUID | None,
    status: State | None,
    limit: int,
    cursor: str | None,
) -> DeliveryListOut:
    def read(session: Session, most: int, after: Place | None) -> Sequence[DeliveryOut]:
        endpoint = webhook_id and webhooks.get(session, caller.workspace_id, webhook_id)
        rows = history.list_page(
            session, caller.workspace_id, webhook_id, limit=most, state=status, after=after
        )
        return [show_delivery(row, endpoint.url if endpoint else row.url or "") for row in rows]

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    return DeliveryListOut(data=list(page.rows), pagination=page.pagination)
