"""Native dialect, sending posts out: publish now, retry, fix, and resolve what is unknown."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.fields import DestinationId, PostId, PublicUrl
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import FixOut, PostOut, RetriedOut, RetryOut, SkippedOut, show_post
from oncue.api.native.bodies import FixPlatform, ResolvePlatform
from oncue.api.native.media import dropped_unless_written
from oncue.api.native.posts import PostPath
from oncue.api.outbound import require_callable
from oncue.api.services import Services
from oncue.media import service as media
from oncue.media.fetching import fetch, name_of
from oncue.media.intake import Kept
from oncue.posts import comments, queries, remedies
from oncue.posts import service as posts
from oncue.posts.lifecycle import Status
from oncue.posts.remedies import RetryOutcome
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)

MAX_TIMEOUT: Final = 120
FIRST_LOOK: Final = 0.02  # seconds; each look doubles the pause up to SLOWEST_LOOK
SLOWEST_LOOK: Final = 0.5

PlatformPath = Annotated[DestinationId, Path(description="postPlatformId of the destination.")]


@router.post("/{post_id}/publish")
async def publish_post(
    post_id: PostPath,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
    sync: Annotated[bool, Query(description="Answer when publishing has ended.")] = False,
    timeout: Annotated[int, Query(ge=1, le=MAX_TIMEOUT, description="Seconds to wait.")] = 30,
    x_callback_url: Annotated[
        PublicUrl | None, Header(description="A URL to tell when publishing has ended.")
    ] = None,
) -> PostOut:
    """Send a post out at once."""
    if x_callback_url is not None:
        await require_callable(shared.outbound, x_callback_url, "X-Callback-Url")

    def send(session: Session) -> None:
        posts.publish(
            session, caller.workspace_id, post_id, shared.now(), callback_url=x_callback_url
        )

    def send_and_show(session: Session) -> PostOut:
        send(session)
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    if not sync:
        return await once.write(send_and_show)
    await once.begin(send)
    return await once.finish(await _wait(shared, caller, post_id, timeout))


@router.post("/{post_id}/retry")
async def retry_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> RetryOut:
    """Queue every failed destination again, after 2, 4 or 8 minutes."""

    def work(session: Session) -> RetryOut:
        outcome = remedies.retry(session, caller.workspace_id, post_id, shared.now())
        return _show_retry(post_id, outcome)

    return await once.write(work)


@router.post("/{post_id}/platforms/{platform_id}/fix")
async def fix_platform(
    post_id: PostPath,
    platform_id: PlatformPath,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
    body: FixPlatform | None = None,
) -> FixOut:
    """Send one destination again at once, corrected where the body says how."""
    order = body or FixPlatform()
    await once.look()
    new = await _replacement(shared, caller, post_id, platform_id, order.media_url)

    def work(session: Session) -> FixOut:
        row = None
        if new is not None:
            facts = {"filename": name_of(order.media_url or ""), "alt_text": ""}
            row = media.add(session, caller.workspace_id, new, **facts, now=shared.now())
        remedies.fix(
            session,
            caller.workspace_id,
            post_id,
            platform_id,
            shared.now(),
            content=order.content,
            media_id=row.id if row else None,
            refresh_media=order.refresh_media,
        )
        return FixOut(success=True, platform_id=platform_id, status=Status.PUBLISHING)

    async with dropped_unless_written(shared, caller.workspace_id, new):
        return await once.write(work)


@router.post("/{post_id}/platforms/{platform_id}/resolve")
async def resolve_platform(
    post_id: PostPath,
    platform_id: PlatformPath,
    body: ResolvePlatform,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> PostOut:
    """Say what a person saw on the network, where Oncue could not find out."""

    def work(session: Session) -> PostOut:
        remedies.resolve(
            session,
            caller.workspace_id,
            post_id,
            platform_id,
            shared.now(),
            published=body.published,
            url=body.platform_post_url,
        )
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.post("/{post_id}/platforms/{platform_id}/retry-comment")
async def retry_comment(
    post_id: PostPath,
    platform_id: PlatformPath,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> PostOut:
    """Send a first comment that failed once more, at once."""

    def work(session: Session) -> PostOut:
        comments.retry(session, caller.workspace_id, post_id, platform_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


async def _replacement(
    shared: Services, caller: Caller, post_id: PostId, platform_id: DestinationId, url: str | None
) -> Kept | None:
    """The file that the destination is to show instead, fetched before anything is written."""
    if url is None:
        return None
    await shared.db.read(
        lambda session: remedies.require_fixable(session, caller.workspace_id, post_id, platform_id)
    )
    return await fetch(shared.outbound, shared.intake, caller.workspace_id, url, field="mediaUrl")


async def _wait(shared: Services, caller: Caller, post_id: PostId, timeout: int) -> PostOut:
    """The post once it is no longer publishing, or as it stands after `timeout` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    pause = FIRST_LOOK
    while True:
        view = await shared.db.read(
            lambda session: queries.view(session, caller.workspace_id, post_id)
        )
        if view.post.status != Status.PUBLISHING or loop.time() >= deadline:
            return show_post(view, shared.links)
        await asyncio.sleep(min(pause, max(deadline - loop.time(), 0)))
        pause = min(pause * 2, SLOWEST_LOOK)


def _show_retry(post_id: PostId, outcome: RetryOutcome) -> RetryOut:
    return RetryOut(
        id=post_id,
        status=outcome.status,
        retried_platforms=[
            RetriedOut(
                platform=item.destination.platform.lower(),
                account_id=item.destination.account_id,
                retry_count=item.retry_count,
                next_retry_at=item.next_retry_at,
            )
            for item in outcome.retried
        ],
        skipped_platforms=[
            SkippedOut(
                platform=item.destination.platform.lower(),
                account_id=item.destination.account_id,
                retry_count=item.destination.retry_count,
                reason=item.reason,
            )
            for item in outcome.skipped
        ],
    )
