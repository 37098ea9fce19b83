"""Native dialect, approval: a post that waits for somebody's word before it goes out."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.fields import Body, Text, When
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import PostOut, show_post
from oncue.api.native.posts import PostPath
from oncue.posts import approval, queries
from oncue.posts.values import KEEP

router = APIRouter(prefix="/v1/posts", tags=["approval"], route_class=KeyedRoute)

REASON_CHARACTERS: Final = 1_000


class StartApproval(Body):
    """POST /v1/posts/:id/start-approval: when the post is to go out once approved."""

    scheduled_for: When | None = None


class RejectPost(Body):
    """POST /v1/posts/:id/reject: why."""

    reason: Annotated[Text, Field(max_length=REASON_CHARACTERS)] | None = None


@router.post("/{post_id}/start-approval")
async def start_approval(
    post_id: PostPath,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
    body: StartApproval | None = None,
) -> PostOut:
    """Have a post wait for approval; nothing of it goes out meanwhile, whatever its time."""
    order = body or StartApproval()
    scheduled_for = order.scheduled_for if order.mentions("scheduled_for") else KEEP

    def work(session: Session) -> PostOut:
        approval.start(session, caller.workspace_id, post_id, scheduled_for, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.post("/{post_id}/approve")
async def approve_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Approve a post: it goes out at its time, or waits as approved until it is published."""

    def work(session: Session) -> PostOut:
        approval.approve(session, caller.workspace_id, post_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.post("/{post_id}/reject")
async def reject_post(
    post_id: PostPath,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
    body: RejectPost | None = None,
) -> PostOut:
    """Send a post that waits for approval back as a draft."""
    order = body or RejectPost()

    def work(session: Session) -> PostOut:
        approval.reject(session, caller.workspace_id, post_id, order.reason, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)
