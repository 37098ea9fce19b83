"""Native dialect, many posts at once: bulk and bulk-video. Items stand alone and in order."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.errors import as_issue
from oncue.api.fields import AccountId, Body, MediaId, OrAnything, Out, PostId, Text, When
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import PostOut, show_post
from oncue.api.native.bodies import CREATE_CHARACTERS, CreatePost
from oncue.api.native.posts import new_post
from oncue.api.services import Services
from oncue.errors import AppError, Invalid, Issue
from oncue.posts import bulk, queries
from oncue.posts.bulk import Outcome
from oncue.posts.values import ContentType, NewPost
from oncue.queue import service as queue
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/posts", tags=["bulk"], route_class=KeyedRoute)

BULK_POSTS: Final = 50
BULK_ACCOUNTS: Final = 10
BULK_MEDIA: Final = 10
BULK_TAGS: Final = 20
VIDEO_POSTS: Final = 20


BulkAccounts = Annotated[list[AccountId], Field(max_length=BULK_ACCOUNTS)]


class BulkItem(CreatePost):
    """A post as in POST /v1/posts, with the caps that bulk has (V249-V251)."""

    account_ids: BulkAccounts
    media: Annotated[list[MediaId], Field(max_length=BULK_MEDIA)] = []
    tags: Annotated[list[Text], Field(max_length=BULK_TAGS)] = []


class Unread:
    """An item that is not what it should be; the others are read all the same."""

    def __init__(self, problems: Sequence[Mapping[str, Any]]) -> None:
        self.error = Invalid([as_issue(problem) for problem in problems])


def _each_alone(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError as wrong:
        return Unread(wrong.errors(include_url=False))


Alone = WrapValidator(_each_alone)


class BulkCreate(Body):
    """POST /v1/posts/bulk."""

    posts: Annotated[
        list[Annotated[BulkItem, Alone, OrAnything()]],
        Field(min_length=1, max_length=BULK_POSTS),
    ]
    dry_run: StrictBool = False
    dry_run_too: Annotated[StrictBool, Field(alias="dry_run")] = False  # as answers write it (C34)
    atomic: StrictBool = False


class VideoItem(Body):
    """One video, where and when it goes."""

    media_id: MediaId
    account_ids: BulkAccounts
    scheduled_for: When
    content: Annotated[Text, Field(max_length=CREATE_CHARACTERS)] = ""
    tags: Annotated[list[Text], Field(max_length=BULK_TAGS)] = []


class BulkVideo(Body):
    """POST /v1/posts/bulk-video."""

    posts: Annotated[list[VideoItem], Field(min_length=1, max_length=VIDEO_POSTS)]


class BulkError(Out):
    """One thing wrong with an item."""

    field: str
    issue: str
    code: str | None = None


class BulkResult(Out):
    """What became of one item: a post, or errors. What there is not is left out (V259)."""

    index: int
    status: Literal["created", "failed", "valid"]
    post_id: PostId | None = None
    errors: list[BulkError] | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class BulkOut(Out):
    """What became of each item, in their order."""

    dry_run: Annotated[bool, Field(alias="dry_run")]
    total: int
    created: int
    failed: int
    results: list[BulkResult]


class VideoWarning(Out):
    """Why an item became no post."""

    index: int
    media_id: MediaId
    code: str
    message: str


class BulkVideoOut(Out):
    """The posts made, whole, and why the others were not."""

    created: list[PostOut]
    warnings: list[VideoWarning]


BULK_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What would become of each, with `dryRun`.", "model": BulkOut},
    207: {"description": "What became of each."},
    422: {"description": "With `atomic`: not all can be created, so none is.", "model": BulkOut},
}


@router.post("/bulk", status_code=207, responses=BULK_ANSWERS)
async def bulk_create(
    body: BulkCreate, caller: PostsWriter, shared: Shared, once: Idempotent, response: Response
) -> BulkOut:
    """Create up to 50 posts. Each stands alone; with `atomic`, all or none are created (422).
    With `dryRun` nothing is created (200).
    """  # noqa: D205
    items = [_item(post) for post in body.posts]
    make = _maker(caller, shared)
    if body.dry_run or body.dry_run_too:
        response.status_code = 200
        outcomes = await shared.db.write(lambda session: bulk.try_each(session, items, make))
        return _show(outcomes, dry_run=True, kept=False)
    create = bulk.create_all if body.atomic else bulk.create_each

    def work(session: Session) -> BulkOut:
        return _show(create(session, items, make))

    try:
        return await once.write(work, status=207)
    except bulk.NotAll as refused:
        response.status_code = 422
        return _show(refused.outcomes, kept=False)


@router.post("/bulk-video", status_code=207)
async def bulk_video(
    body: BulkVideo, caller: PostsWriter, shared: Shared, once: Idempotent
) -> BulkVideoOut:
    """Create up to 20 posts, each of one uploaded video."""

    def work(session: Session) -> BulkVideoOut:
        items = [_video(post) for post in body.posts]
        outcomes = bulk.create_each(session, items, _maker(caller, shared))
        return _show_videos(session, caller, shared, body.posts, outcomes)

    return await once.write(work, status=207)


def _maker(caller: Caller, shared: Services) -> bulk.Make[NewPost]:
    return lambda session, new: queue.create(session, caller.workspace_id, new, shared.now())


def _item(post: object) -> NewPost | AppError:
    if isinstance(post, Unread):
        return post.error
    assert isinstance(post, BulkItem)
    return new_post(post)


def _video(post: VideoItem) -> NewPost:
    return NewPost(
        content=post.content,
        account_ids=post.account_ids,
        scheduled_for=post.scheduled_for,
        content_type=ContentType.VIDEO,
        media_ids=[post.media_id],
        tags=post.tags,
    )


def _show(outcomes: Sequence[Outcome], *, dry_run: bool = False, kept: bool = True) -> BulkOut:
    results = [_result(index, outcome, kept=kept) for index, outcome in enumerate(outcomes)]
    failed = sum(result.status == "failed" for result in results)
    return BulkOut(
        dry_run=dry_run,
        total=len(results),
        created=len(results) - failed if kept else 0,
        failed=failed,
        results=results,
    )


def _result(index: int, outcome: Outcome, *, kept: bool) -> BulkResult:
    if isinstance(outcome, AppError):
        return BulkResult(index=index, status="failed", errors=_errors(outcome))
    if not kept:
        return BulkResult(index=index, status="valid")
    return BulkResult(index=index, status="created", post_id=outcome)


def _errors(refused: AppError) -> list[BulkError]:
    issues = refused.issues if isinstance(refused, Invalid) else []
    found = issues or [Issue(field="", message=str(refused), code=refused.code)]
    return [BulkError(field=issue.field, issue=issue.message, code=issue.code) for issue in found]


def _show_videos(
    session: Session,
    caller: Caller,
    shared: Services,
    posts: Sequence[VideoItem],
    outcomes: Sequence[Outcome],
) -> BulkVideoOut:
    created: list[PostOut] = []
    warnings: list[VideoWarning] = []
    for index, (post, outcome) in enumerate(zip(posts, outcomes, strict=True)):
        if not isinstance(outcome, AppError):
            view = queries.view(session, caller.workspace_id, outcome)
            created.append(show_post(view, shared.links))
            continue
        first = _errors(outcome)[0]
        code = first.code or outcome.code
        warnings.append(
            VideoWarning(index=index, media_id=post.media_id, code=code, message=str(outcome))
        )
    return BulkVideoOut(created=created, warnings=warnings)
