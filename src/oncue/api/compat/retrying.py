"""Snake_case dialect: POST /api/v1/posts/retry-failed."""

from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, StrictBool
from sqlalchemy.orm import Session

from oncue.api.compat.envelope import RESPONSES, Envelope, Meta, meta_of
from oncue.api.compat.fields import (
    AccountNumber,
    Platform,
    ShownPlatform,
    Time,
    platform_name,
)
from oncue.api.compat.fields import account_ids as find_accounts
from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.fields import StrictBody
from oncue.api.idempotency import Idempotent
from oncue.api.retrying import MaxAttempts, PostIds, Retry
from oncue.api.retrying import retry_failures as retry_all
from oncue.posts.retry_failed import FailureFilter, Requeued

router = APIRouter(
    prefix="/api/v1/posts",
    tags=["bulk, snake_case"],
    route_class=KeyedRoute,
    responses=RESPONSES,
)


class RetryFilter(StrictBody):
    """Which failures: at least one filter; those given must all hold (P21-P28)."""

    post_ids: PostIds = []
    account_id: AccountNumber | None = None
    platform: Platform | None = None
    failed_after: Time | None = None
    failed_before: Time | None = None
    max_attempts: MaxAttempts | None = None
    dry_run: StrictBool = False


class RetriedRow(BaseModel):
    """A destination that is on its way again."""

    destination_id: str
    post_id: str
    platform: ShownPlatform
    new_status: Literal["queued"]


class RetriedData(BaseModel):
    """What is on its way again: destinations, and how many."""

    destinations: list[RetriedRow]
    retried_count: int
    message: str


class RetriedEnvelope(Envelope[RetriedData], RetriedData):
    """The envelope, with its data once more at the top level (C41)."""


@router.post("/retry-failed", responses={200: {"model": RetriedEnvelope}})
async def retry_failures(
    body: RetryFilter, request: Request, caller: PostsWriter, shared: Shared, once: Idempotent
) -> StreamingResponse:
    """Queue every matching failure at once, from its first attempt on, however many there are.

    A destination whose outcome is unknown is never among them. `dry_run` changes nothing and
    answers what would be retried.
    """
    chosen = await shared.db.read(lambda session: _filter(session, caller.workspace_id, body))
    retry = await retry_all(once, caller.workspace_id, chosen, dry_run=body.dry_run)
    return retry.answer(_body(retry, meta_of(request, shared.now())))


def _filter(session: Session, workspace_id: UUID, body: RetryFilter) -> FailureFilter:
    account_id = None
    if body.account_id is not None:
        [account_id] = find_accounts(session, workspace_id, [body.account_id], ["account_id"])
    return FailureFilter(
        post_ids=tuple(body.post_ids),
        account_id=account_id,
        platform=body.platform,
        failed_after=body.failed_after,
        failed_before=body.failed_before,
        max_attempts=body.max_attempts,
    )


async def _body(retry: Retry, facts: Meta) -> AsyncIterator[str]:
    yield '{"data":{'
    async for piece in retry.tell(_show, "retried_count"):
        yield piece
    yield f'}},"error":null,"meta":{facts.model_dump_json()},'
    async for piece in retry.tell(_show, "retried_count"):
        yield piece
    yield "}"


def _show(row: Requeued) -> dict[str, str]:
    return {
        "destination_id": str(row.destination_id),
        "post_id": str(row.post_id),
        "platform": platform_name(row.platform),
        "new_status": "queued",
    }
