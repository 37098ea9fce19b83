"""Native dialect: what people answered to a post."""

from fastapi import APIRouter

from oncue.api.deps import KeyedRoute, PostsReader, Shared
from oncue.api.fields import Out, When
from oncue.api.native.posts import PostPath
from oncue.publishing.replies import replies

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)


class ReplyOut(Out):
    """One reply, in the network's own words."""

    id: str
    text: str
    username: str
    timestamp: When
    permalink: str


class ReplyListOut(Out):
    """The replies, in the network's order."""

    data: list[ReplyOut]


@router.get("/{post_id}/replies")
async def list_replies(post_id: PostPath, caller: PostsReader, shared: Shared) -> ReplyListOut:
    """Up to 25 replies, read from the network now; none where it has none that can be read."""
    found = await replies(shared.db, shared.wire, caller.workspace_id, post_id)
    return ReplyListOut(
        data=[
            ReplyOut(
                id=reply.id,
                text=reply.text,
                username=reply.username,
                timestamp=reply.timestamp,
                permalink=reply.permalink,
            )
            for reply in found
        ]
    )
