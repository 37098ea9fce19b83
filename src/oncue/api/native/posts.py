"""Native dialect, posts. Endpoints translate; they decide nothing."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsReader, PostsWriter, Shared
from oncue.api.fields import AccountId, PlatformName, PostId, Said, When
from oncue.api.idempotency import Idempotent, Once
from oncue.api.native.answers import (
    DeletedOut,
    EventListOut,
    EventOut,
    PostListOut,
    PostOut,
    show_event,
    show_post,
)
from oncue.api.native.bodies import CreatePost, ThreadPostIn, UpdatePost
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, creation, read_page
from oncue.api.services import Services
from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.posts import cloning, editing, events, queries, withdrawing
from oncue.posts import service as posts
from oncue.posts.lifecycle import Status
from oncue.posts.values import Changes, NewPost, ThreadEntry
from oncue.queue import service as queue
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)

StatusName = Annotated[str, Said(enum=[*Status, "all"])]
PostPath = Annotated[PostId, Path(description="A post's id: a TypeID or its UUID.")]


@router.post("", status_code=201)
async def create_post(
    body: CreatePost, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Create a draft, or with `scheduledFor` a post that goes out at that time.

    With `queue` that time is the next free slot of the workspace's queue.
    """
    new = new_post(body)

    def work(session: Session) -> PostOut:
        post_id = queue.create(session, caller.workspace_id, new, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work, status=201)


@router.get("")
async def list_posts(
    caller: PostsReader,
    shared: Shared,
    status: Annotated[StatusName | None, Query(description="A status, or all.")] = None,
    platform: Annotated[PlatformName | None, Query()] = None,
    account_id: Annotated[AccountId | None, Query(alias="accountId")] = None,
    since: Annotated[When | None, Query(alias="from")] = None,
    until: Annotated[When | None, Query(alias="to")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> PostListOut:
    """List posts, newest first. `from` and `to` look at the scheduled time, else the published,
    else the created one. Archived posts are shown only when asked for.
    """  # noqa: D205
    chosen = queries.Filter(
        statuses=_statuses(status),
        platform=platform,
        account_id=account_id,
        since=since,
        until=until,
        hide_archived=status is None,
    )

    def read(session: Session, most: int, after: Place | None) -> Sequence[PostOut]:
        found = queries.list_page(session, caller.workspace_id, chosen, limit=most, after=after)
        return [show_post(view, shared.links) for view in found]

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    return PostListOut(data=list(page.rows), pagination=page.pagination)


@router.get("/{post_id}")
async def get_post(post_id: PostPath, caller: PostsReader, shared: Shared) -> PostOut:
    """One post, whole."""
    return await shared.db.read(
        lambda session: show_post(queries.view(session, caller.workspace_id, post_id), shared.links)
    )


@router.patch("/{post_id}")
async def update_post(
    post_id: PostPath,
    body: UpdatePost,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> PostOut:
    """Change what the body mentions. With `version`, only if nobody else has meanwhile."""
    changes = _changes(body)

    def work(session: Session) -> PostOut:
        editing.edit(session, caller.workspace_id, post_id, changes, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.delete("/{post_id}")
async def delete_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> DeletedOut:
    """Delete a post from Oncue; what is on the networks stays there."""

    def work(session: Session) -> DeletedOut:
        withdrawing.remove(session, caller.workspace_id, post_id, shared.now())
        return DeletedOut()

    return await once.write(work)


@router.post("/{post_id}/cancel")
async def cancel_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Withdraw a post before it is published."""

    def work(session: Session) -> PostOut:
        posts.cancel(session, caller.workspace_id, post_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.post("/{post_id}/clone", status_code=201)
async def clone_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Copy a post as a new draft."""
    return await _clone(post_id, caller, shared, once)


@router.post("/{post_id}/duplicate", status_code=201)
async def duplicate_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Copy a post as a new draft: another name for clone."""
    return await _clone(post_id, caller, shared, once)


async def _clone(post_id: PostId, caller: Caller, shared: Services, once: Once) -> PostOut:
    def work(session: Session) -> PostOut:
        copy_id = cloning.clone(session, caller.workspace_id, post_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, copy_id), shared.links)

    return await once.write(work, status=201)


@router.get("/{post_id}/events")
async def list_events(post_id: PostPath, caller: PostsReader, shared: Shared) -> EventListOut:
    """Everything that happened to the post, oldest first."""

    def work(session: Session) -> EventListOut:
        posts.get(session, caller.workspace_id, post_id)
        found = events.of_post(session, caller.workspace_id, post_id)
        return EventListOut(events=[show_event(event) for event in found])

    return await shared.db.read(work)


@router.get("/{post_id}/events/latest")
async def latest_event(post_id: PostPath, caller: PostsReader, shared: Shared) -> EventOut:
    """What happened to the post last."""

    def work(session: Session) -> EventOut:
        posts.get(session, caller.workspace_id, post_id)
        found = events.latest(session, caller.workspace_id, post_id)
        if found is None:
            raise NotFound("event of post", ids.to_typeid("post", post_id))
        return show_event(found)

    return await shared.db.read(work)


def new_post(body: CreatePost) -> NewPost:
    return NewPost(
        content=body.content,
        account_ids=body.account_ids,
        scheduled_for=body.scheduled_for,
        queue=body.queue,
        save_as_draft=body.save_as_draft,
        late_policy=body.late_policy,
        content_type=body.content_type,
        platform_overrides=_plain(body.platform_overrides),
        platform_metadata=body.platform_metadata,
        media_ids=body.media,
        tags=body.tags,
        persona_id=body.persona_id,
        thread=_thread(body.thread_posts),
        first_comment=body.first_comment,
        first_comment_delay=body.first_comment_delay,
        is_manual_save=body.is_manual_save,
        metadata=body.metadata,
    )


def _changes(body: UpdatePost) -> Changes:
    """Only the fields the request has; null clears what can be cleared."""
    given: dict[str, Any] = {
        name: getattr(body, name) for name in body.model_fields_set if name in PASSED_ON
    }
    if body.mentions("media"):
        given["media_ids"] = body.media
    if body.mentions("thread_posts"):
        given["thread"] = _thread(body.thread_posts)
    if body.mentions("platform_overrides"):
        given["platform_overrides"] = _plain(body.platform_overrides)
    return Changes(**given)


PASSED_ON = {field for field in Changes.__dataclass_fields__ if field in UpdatePost.model_fields}


def _plain(overrides: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: override.model_dump(exclude_none=True) for name, override in overrides.items()}


def _thread(items: list[ThreadPostIn]) -> list[ThreadEntry]:
    return [
        ThreadEntry(sequence=item.sequence, content=item.content, media_ids=item.media_ids)
        for item in items
    ]


def _statuses(wanted: str | None) -> list[Status]:
    """The statuses a filter names: none or `all` narrow nothing (V113, C13)."""
    if wanted is None or wanted.lower() == "all":
        return []
    try:
        return [Status(wanted.lower())]
    except ValueError:
        known = ", ".join([*Status, "all"])
        issue = Issue(field="status", message=f"{wanted[:40]} is not one of {known}")
        raise Invalid([issue]) from None
