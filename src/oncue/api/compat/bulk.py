"""Snake_case dialect: POST /api/v1/posts/bulk, on the same core as /v1."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)
from sqlalchemy.orm import Session

from oncue.api.compat.envelope import RESPONSES, Envelope, Meta, code_of, meta_of
from oncue.api.compat.fields import AccountNumber, ShownPlatform, Time, in_our_names, platform_name
from oncue.api.compat.fields import account_ids as find_accounts
from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.errors import as_issue
from oncue.api.fields import MediaId, OrAnything, Said, StrictBody, Text
from oncue.api.idempotency import Idempotent
from oncue.errors import AppError, Invalid, Issue
from oncue.lib.clock import iso
from oncue.posts import bulk, queries
from oncue.posts import service as posts
from oncue.posts.queries import PostView
from oncue.posts.values import NewPost
from oncue.queue import service as queue
from oncue.workspaces.idempotency import Answer
from oncue.workspaces.keys import Caller

router = APIRouter(
    prefix="/api/v1/posts",
    tags=["bulk, snake_case"],
    route_class=KeyedRoute,
    responses=RESPONSES,
)

BULK_POSTS: Final = 50
CONTENT_CHARACTERS: Final = 10_000
ACCOUNTS: Final = 100
MISNAMED: Final = ("media", "media_id", "mediaId", "attachments")
FORMER: Final = Field(
    description="The former name of scheduled_for.", json_schema_extra={"deprecated": True}
)
POST_STATUSES: Final = {"partial": "partially_failed"}


class BulkPost(StrictBody):
    """One post: for a time, for the queue (`use_queue`), kept (`draft`), or else at once."""

    content: Annotated[Text, Field(max_length=CONTENT_CHARACTERS)]
    account_ids: Annotated[list[AccountNumber], Field(min_length=1, max_length=ACCOUNTS)]
    scheduled_for: Time | None = None
    scheduled_at: Annotated[Time | None, FORMER] = None
    media_ids: list[MediaId] = []
    use_queue: StrictBool = False
    draft: StrictBool = False
    timezone: Text | None = None  # for display only


def _each_alone(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """The item, or what is wrong with it: a bad one stops no other (P16)."""
    if isinstance(value, dict) and (misnamed := [name for name in MISNAMED if name in value]):
        return Misnamed(misnamed[0])
    try:
        return read(value)
    except ValidationError as wrong:
        return Invalid([as_issue(each) for each in wrong.errors(include_url=False)])


class BulkPosts(StrictBody):
    """POST /api/v1/posts/bulk."""

    posts: Annotated[
        list[Annotated[BulkPost, WrapValidator(_each_alone), OrAnything()]],
        Field(min_length=1),
        Said(maxItems=BULK_POSTS),
    ]


class ItemError(BaseModel):
    """Why a post was not made."""

    code: str
    message: str


class PostRow(BaseModel):
    """A post in this dialect's words."""

    post_id: UUID
    status: str
    content: str
    scheduled_for: str | None
    accounts_count: int
    account_ids: list[int]
    platforms: list[ShownPlatform]
    media_ids: list[UUID]
    created_at: str


class ItemResult(BaseModel):
    """What became of one item: a post or an error, and not the other (P9, P10)."""

    index: int
    ok: bool
    post: PostRow | None = None
    error: ItemError | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class Summary(BaseModel):
    """How many there were, and what became of them."""

    total: int
    succeeded: int
    failed: int


class BulkData(BaseModel):
    """What became of each item, in their order."""

    summary: Summary
    results: list[ItemResult]


class BulkEnvelope(Envelope[BulkData], BulkData):
    """The envelope, with its data once more at the top level (C41)."""


@dataclass(eq=False)
class BulkLimitExceeded(AppError):
    """More posts in one call than it takes."""

    count: int
    code = "BULK_LIMIT_EXCEEDED"
    status = 400

    def __str__(self) -> str:
        return f"A call takes at most {BULK_POSTS} posts; this has {self.count}"

    @property
    def details(self) -> Any:
        return {"field": "posts", "limit": BULK_POSTS, "actual": self.count}


@dataclass(eq=False)
class Misnamed(AppError):
    """Files under a name that would be ignored elsewhere."""

    field: str
    code = "INVALID_FIELD_NAME"
    status = 400

    def __str__(self) -> str:
        return f"{self.field} is not a field here; did you mean media_ids?"


@dataclass(eq=False)
class Past(AppError):
    """A time that has been; there is no grace here (C47)."""

    code = "VALIDATION_ERROR"
    status = 400

    def __str__(self) -> str:
        return "scheduled_for must be in the future"


@router.post(
    "/bulk", status_code=201, responses={code: {"model": BulkEnvelope} for code in (201, 207, 422)}
)
async def bulk_create(
    body: BulkPosts, request: Request, caller: PostsWriter, shared: Shared, once: Idempotent
) -> Response:
    """Create up to 50 posts in order: 201 where all are made, 422 where none is, else 207."""
    if len(body.posts) > BULK_POSTS:
        raise BulkLimitExceeded(len(body.posts))
    now = shared.now()
    items = [_in_time(post, now) for post in body.posts]

    def work(session: Session) -> Answer:
        outcomes = bulk.create_each(session, items, _maker(caller, now))
        results = [_result(session, caller, *each) for each in enumerate(outcomes)]
        return _answer(results, meta_of(request, now))

    return await once.respond(work)


def _in_time(item: BulkPost | AppError, now: datetime) -> BulkPost | AppError:
    """The item, unless it is for a time that has been, or for more than one."""
    if isinstance(item, AppError):
        return item
    if item.scheduled_for is not None and item.scheduled_at is not None:
        message = "is the former name of scheduled_for: give one of them"
        return Invalid([Issue(field="scheduled_at", message=message)])
    at = _time_of(item)
    if at is not None and item.use_queue:
        message = "cannot be true together with scheduled_for: give one of them"
        return Invalid([Issue(field="use_queue", message=message)])
    return Past() if at is not None and at <= now else item


def _time_of(item: BulkPost) -> datetime | None:
    return item.scheduled_for or item.scheduled_at


def _maker(caller: Caller, now: datetime) -> bulk.Make[BulkPost]:
    def make(session: Session, item: BulkPost) -> UUID:
        post_id = queue.create(session, caller.workspace_id, _new_post(session, caller, item), now)
        if _time_of(item) is None and not item.use_queue and not item.draft:
            posts.publish(session, caller.workspace_id, post_id, now)
        return post_id

    return make


def _new_post(session: Session, caller: Caller, item: BulkPost) -> NewPost:
    fields = [f"account_ids[{index}]" for index in range(len(item.account_ids))]
    return NewPost(
        content=item.content,
        account_ids=find_accounts(session, caller.workspace_id, item.account_ids, fields),
        scheduled_for=_time_of(item),
        media_ids=item.media_ids,
        save_as_draft=item.draft,
        queue=item.use_queue,
    )


def _result(session: Session, caller: Caller, index: int, outcome: bulk.Outcome) -> ItemResult:
    if isinstance(outcome, AppError):
        error = ItemError(code=code_of(outcome), message=str(in_our_names(outcome)))
        return ItemResult(index=index, ok=False, error=error)
    view = queries.view(session, caller.workspace_id, outcome)
    return ItemResult(index=index, ok=True, post=show_post(view))


def show_post(view: PostView) -> PostRow:
    post = view.post
    return PostRow(
        post_id=post.id,
        status=POST_STATUSES.get(post.status, post.status),
        content=post.content,
        scheduled_for=iso(post.scheduled_for) if post.scheduled_for else None,
        accounts_count=len(view.platforms),
        account_ids=[platform.account.number for platform in view.platforms],
        platforms=[platform_name(each.destination.platform) for each in view.platforms],
        media_ids=[UUID(media_id) for media_id in post.media_ids],
        created_at=iso(post.created_at),
    )


def _answer(results: Sequence[ItemResult], facts: Meta) -> Answer:
    total, succeeded = len(results), sum(result.ok for result in results)
    summary = Summary(total=total, succeeded=succeeded, failed=total - succeeded)
    data = BulkData(summary=summary, results=list(results))
    body = BulkEnvelope(
        data=data, error=None, meta=facts, summary=data.summary, results=data.results
    )
    status = 201 if succeeded == total else 207 if succeeded else 422
    return Answer(status=status, body=body.model_dump_json())
