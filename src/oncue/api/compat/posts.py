"""Snake_case dialect: the bulk operations of /api/v1, on the same core as /v1."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)
from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.api.compat.envelope import Envelope, code_of, meta
from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.errors import as_issue
from oncue.api.fields import PostId, Text, parse_platform, parse_time
from oncue.api.idempotency import Idempotent
from oncue.api.services import Services
from oncue.errors import AppError, Invalid, Issue
from oncue.lib.clock import iso
from oncue.posts import bulk, queries, retry_failed
from oncue.posts import service as posts
from oncue.posts.queries import PostView
from oncue.posts.retry_failed import FailureFilter, Requeued
from oncue.posts.values import NewPost
from oncue.workspaces.idempotency import Answer
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/api/v1/posts", tags=["bulk, snake_case"], route_class=KeyedRoute)

BULK_POSTS: Final = 50
POST_IDS: Final = 200
CONTENT_CHARACTERS: Final = 10_000
PAST: Final = "scheduled_for must be in the future"
POST_STATUSES: Final = {"partial": "partially_failed"}
PLATFORM_NAMES: Final = {"TWITTER": "x"}


def _platform(value: object) -> str:
    """This dialect's platform names; `x` is what the other calls TWITTER (C55)."""
    return parse_platform("TWITTER" if value == "x" else value)


def _time(value: object) -> datetime:
    """A time; without a zone it is UTC (C53)."""
    if isinstance(value, str):
        try:
            naive = datetime.fromisoformat(value)
        except ValueError:
            return parse_time(value)
        if naive.tzinfo is None:
            return parse_time(naive.replace(tzinfo=UTC).isoformat())
    return parse_time(value)


PlatformIn = Annotated[str, BeforeValidator(_platform)]
TimeIn = Annotated[datetime, BeforeValidator(_time)]


class _In(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class BulkItem(_In):
    """One post. Without a time it is published at once; with `draft` it is kept."""

    content: Annotated[Text, Field(max_length=CONTENT_CHARACTERS)]
    account_ids: Annotated[list[StrictInt], Field(min_length=1, max_length=100)]
    scheduled_for: TimeIn | None = None
    draft: StrictBool = False
    timezone: Text | None = None  # for display only


class BulkCreate(_In):
    """POST /api/v1/posts/bulk."""

    posts: Annotated[list[dict[str, Any]], Field(min_length=1)]


class RetryFailed(_In):
    """POST /api/v1/posts/retry-failed: at least one filter; given ones must all hold."""

    post_ids: Annotated[list[PostId], Field(max_length=POST_IDS)] = []
    account_id: StrictInt | None = None
    platform: PlatformIn | None = None
    failed_after: TimeIn | None = None
    failed_before: TimeIn | None = None
    max_attempts: Annotated[StrictInt, Field(ge=1)] | None = None
    dry_run: StrictBool = False


@dataclass(eq=False)
class BulkLimitExceeded(AppError):
    """More posts in one call than it takes."""

    count: int
    code = "BULK_LIMIT_EXCEEDED"
    status = 400

    def __str__(self) -> str:
        return f"A call takes at most {BULK_POSTS} posts; this has {self.count}"


@router.post("/bulk", status_code=201)
async def bulk_create(
    body: BulkCreate, request: Request, caller: PostsWriter, shared: Shared, once: Idempotent
) -> Response:
    """Create up to 50 posts in order: 201 where all are made, 422 where none is, else 207."""
    if len(body.posts) > BULK_POSTS:
        raise BulkLimitExceeded(len(body.posts))
    now = shared.now()
    items = [_read(post, now) for post in body.posts]

    def work(session: Session) -> Answer:
        outcomes = bulk.create_each(session, items, _maker(caller, now))
        results = [_result(session, caller, *each) for each in enumerate(outcomes)]
        succeeded = sum(result["ok"] for result in results)
        failed = len(results) - succeeded
        summary = {"total": len(results), "succeeded": succeeded, "failed": failed}
        status = 201 if not failed else 207 if succeeded else 422
        return _answer(request, shared, {"summary": summary, "results": results}, status)

    return await once.respond(work)


@router.post("/retry-failed")
async def retry_failures(
    body: RetryFailed, request: Request, caller: PostsWriter, shared: Shared
) -> StreamingResponse:
    """Queue every matching failure at once, from its first attempt on.

    A destination whose outcome is unknown is never among them. `dry_run` answers what would
    be retried.
    """
    asked_at = shared.now()
    chosen = await shared.db.read(lambda session: _filter(session, caller, body))
    found = (
        await shared.db.read(
            lambda session: retry_failed.preview(session, caller.workspace_id, chosen, asked_at)
        )
        if body.dry_run
        else await requeue_all(shared, caller, chosen)
    )
    return StreamingResponse(
        _stream(found, request, shared, dry_run=body.dry_run), media_type="application/json"
    )


async def requeue_all(
    shared: Services, caller: Caller, chosen: FailureFilter
) -> Sequence[Requeued]:
    """Batch after batch, each a transaction of its own, so that others get their turn."""
    asked_at = shared.now()
    found: list[Requeued] = []
    while batch := await shared.db.write(
        lambda session: retry_failed.requeue_some(
            session, caller.workspace_id, chosen, shared.now(), asked_at
        )
    ):
        found += batch
    return found


def _stream(
    found: Sequence[Requeued], request: Request, shared: Services, *, dry_run: bool
) -> Iterator[str]:
    """The envelope, with its data once more at the top level (C41), a piece at a time."""
    verb = "would be" if dry_run else "queued for"
    words = f"{len(found)} destinations {verb} {'retried' if dry_run else 'retry'}."
    counted = f'"retried_count":{len(found)},"message":{json.dumps(words)}'
    facts = meta(request.scope["state"]["request_id"], shared.now()).model_dump_json()
    yield f'{{"data":{{{counted},"destinations":['
    yield from _rows(found)
    yield f']}},"error":null,"meta":{facts},{counted},"destinations":['
    yield from _rows(found)
    yield "]}"


def _rows(found: Sequence[Requeued]) -> Iterator[str]:
    for start in range(0, len(found), 500):
        rows = (
            json.dumps(
                {
                    "destination_id": str(row.destination_id),
                    "post_id": str(row.post_id),
                    "platform": platform_name(row.platform),
                    "new_status": "queued",
                }
            )
            for row in found[start : start + 500]
        )
        yield ("," if start else "") + ",".join(rows)


def _read(post: dict[str, Any], now: datetime) -> BulkItem | AppError:
    """An item as it is meant, or what is wrong with it; the past has no grace here (C47)."""
    try:
        item = BulkItem.model_validate(post)
    except ValidationError as wrong:
        return Invalid([as_issue(each) for each in wrong.errors(include_url=False)])
    if item.scheduled_for is not None and item.scheduled_for <= now:
        return Past()
    return item


@dataclass(eq=False)
class Past(AppError):
    """A time that has been."""

    code = "VALIDATION_ERROR"
    status = 400

    def __str__(self) -> str:
        return PAST


def _maker(caller: Caller, now: datetime) -> bulk.Make[BulkItem]:
    def make(session: Session, item: BulkItem) -> UUID:
        post_id = posts.create(session, caller.workspace_id, _new_post(session, caller, item), now)
        if item.scheduled_for is None and not item.draft:
            posts.publish(session, caller.workspace_id, post_id, now)
        return post_id

    return make


def _new_post(session: Session, caller: Caller, item: BulkItem) -> NewPost:
    return NewPost(
        content=item.content,
        account_ids=_accounts(session, caller, item.account_ids),
        scheduled_for=item.scheduled_for,
        save_as_draft=item.draft,
    )


def _accounts(session: Session, caller: Caller, numbers: Sequence[int]) -> list[UUID]:
    """The accounts with these numbers; raises Invalid naming one that is not there."""
    found = accounts.by_number(session, caller.workspace_id, numbers)
    for index, number in enumerate(numbers):
        if number not in found:
            message = f"No account with id {number}"
            raise Invalid([Issue(field=f"account_ids[{index}]", message=message)])
    return [found[number] for number in numbers]


def _filter(session: Session, caller: Caller, body: RetryFailed) -> FailureFilter:
    account_id = None
    if body.account_id is not None:
        [account_id] = _accounts(session, caller, [body.account_id])
    return FailureFilter(
        post_ids=tuple(body.post_ids),
        account_id=account_id,
        platform=body.platform,
        failed_after=body.failed_after,
        failed_before=body.failed_before,
        max_attempts=body.max_attempts,
    )


def _result(session: Session, caller: Caller, index: int, outcome: bulk.Outcome) -> dict[str, Any]:
    if isinstance(outcome, AppError):
        error = {"code": code_of(outcome), "message": str(outcome)}
        return {"index": index, "ok": False, "error": error}
    view = queries.view(session, caller.workspace_id, outcome)
    return {"index": index, "ok": True, "post": show_post(view)}


def show_post(view: PostView) -> dict[str, Any]:
    """A post in this dialect's words."""
    post = view.post
    return {
        "post_id": str(post.id),
        "status": POST_STATUSES.get(post.status, post.status),
        "content": post.content,
        "scheduled_for": iso(post.scheduled_for) if post.scheduled_for else None,
        "accounts_count": len(view.platforms),
        "account_ids": [platform.account.number for platform in view.platforms],
        "platforms": [platform_name(each.destination.platform) for each in view.platforms],
        "created_at": iso(post.created_at),
    }


def platform_name(constant: str) -> str:
    return PLATFORM_NAMES.get(constant, constant.lower())


def _answer(request: Request, shared: Services, data: dict[str, Any], status: int) -> Answer:
    """The envelope, with its data once more at the top level (C41)."""
    facts = meta(request.scope["state"]["request_id"], shared.now())
    body = Envelope[dict[str, Any]](data=data, error=None, meta=facts).model_dump()
    return Answer(status=status, body=json.dumps(body | data))
