"""Native dialect, taking posts back: unpublish, archive, unarchive."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter
from pydantic import SerializerFunctionWrapHandler, model_serializer
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsWriter, Shared
from oncue.api.fields import Out
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import PostOut, show_post
from oncue.api.native.posts import PostPath
from oncue.posts import queries, withdrawing
from oncue.publishing.unpublish import NOT_SUPPORTED, Removal, take_down

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)

BY_HAND: Final = "Networks that cannot delete posts still show it: remove it there by hand."


class RemovalOut(Out):
    """What one network did."""

    success: bool
    reason: str | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class UnpublishOut(Out):
    """What each network did, by its constant; `note` only where somebody has to act."""

    results: dict[str, RemovalOut]
    unsupported_platforms: list[str]
    note: str | None = None

    @model_serializer(mode="plain")
    def _write(self) -> dict[str, Any]:
        shown = {
            "results": {name: each.model_dump() for name, each in self.results.items()},
            "unsupported_platforms": self.unsupported_platforms,
        }
        return shown | ({"note": self.note} if self.note else {})


@router.post("/{post_id}/unpublish")
async def unpublish_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> UnpublishOut:
    """Delete a published post from every network that lets us, and mark it unpublished."""
    await once.look()
    removals = await take_down(shared.db, shared.wire, caller.workspace_id, post_id)

    def work(session: Session) -> UnpublishOut:
        withdrawing.mark_unpublished(session, caller.workspace_id, post_id, shared.now())
        return _show(removals)

    return await once.write(work)


@router.post("/{post_id}/archive")
async def archive_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Put a post away, out of the usual lists."""

    def work(session: Session) -> PostOut:
        withdrawing.archive(session, caller.workspace_id, post_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


@router.post("/{post_id}/unarchive")
async def unarchive_post(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> PostOut:
    """Bring an archived post back to where it was."""

    def work(session: Session) -> PostOut:
        withdrawing.unarchive(session, caller.workspace_id, post_id, shared.now())
        return show_post(queries.view(session, caller.workspace_id, post_id), shared.links)

    return await once.write(work)


def _show(removals: Sequence[Removal]) -> UnpublishOut:
    """One entry a network: where it holds the post twice, the worse outcome is shown."""
    results: dict[str, RemovalOut] = {}
    for removal in removals:
        present = results.get(removal.platform)
        if present is None or present.success:
            results[removal.platform] = RemovalOut(
                success=removal.reason is None, reason=removal.reason
            )
    unsupported = [name for name, each in results.items() if each.reason == NOT_SUPPORTED]
    return UnpublishOut(
        results=results,
        unsupported_platforms=unsupported,
        note=BY_HAND if unsupported else None,
    )
