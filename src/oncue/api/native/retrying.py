"""Native dialect: POST /v1/posts/retry-failed, which the document has in the other one."""

from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import StrictBool
from sqlalchemy.orm import Session

from oncue.accounts import queries as accounts
from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.fields import (
    AccountId,
    Body,
    DestinationId,
    Out,
    PlatformName,
    PostId,
    ShownPlatform,
    When,
)
from oncue.api.idempotency import Idempotent
from oncue.api.retrying import MaxAttempts, PostIds, Retry
from oncue.api.retrying import retry_failures as retry_all
from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.posts.retry_failed import FailureFilter, Requeued

router = APIRouter(prefix="/v1/posts", tags=["bulk"], route_class=KeyedRoute)


class RetryFailed(Body):
    """Which failures: at least one filter; those given must all hold."""

    post_ids: PostIds = []
    account_id: AccountId | None = None
    platform: PlatformName | None = None
    failed_after: When | None = None
    failed_before: When | None = None
    max_attempts: MaxAttempts | None = None
    dry_run: StrictBool = False


class RequeuedOut(Out):
    """A destination that is on its way again."""

    platform_id: DestinationId
    post_id: PostId
    platform: ShownPlatform
    status: Literal["pending"]


class RetryFailedOut(Out):
    """What is on its way again: destinations, and how many."""

    destinations: list[RequeuedOut]
    retried_count: int
    message: str


@router.post("/retry-failed", responses={200: {"model": RetryFailedOut}})
async def retry_failures(
    body: RetryFailed, caller: PostsWriter, shared: Shared, once: Idempotent
) -> StreamingResponse:
    """Queue every matching failure at once, from its first attempt on, however many there are.

    A destination whose outcome is unknown is never among them. `dryRun` changes nothing and
    answers what would be retried.
    """
    if body.account_id is not None:
        account_id = body.account_id
        await shared.db.read(
            lambda session: _require_account(session, caller.workspace_id, account_id)
        )
    chosen = FailureFilter(
        post_ids=tuple(body.post_ids),
        account_id=body.account_id,
        platform=body.platform,
        failed_after=body.failed_after,
        failed_before=body.failed_before,
        max_attempts=body.max_attempts,
    )
    retry = await retry_all(once, caller.workspace_id, chosen, dry_run=body.dry_run)
    return retry.answer(_body(retry))


def _require_account(session: Session, workspace_id: UUID, account_id: UUID) -> None:
    try:
        accounts.get(session, workspace_id, account_id)
    except NotFound as missing:
        issue = Issue(field="accountId", code="ACCOUNT_NOT_FOUND", message=str(missing))
        raise Invalid([issue]) from None


async def _body(retry: Retry) -> AsyncIterator[str]:
    yield "{"
    async for piece in retry.tell(_show, "retriedCount"):
        yield piece
    yield "}"


def _show(row: Requeued) -> dict[str, str]:
    return {
        "platformId": ids.to_typeid("pp", row.destination_id),
        "postId": ids.to_typeid("post", row.post_id),
        "platform": row.platform.lower(),
        "status": "pending",
    }
