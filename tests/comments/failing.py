"""A first comment that failed, on a network that one day may take comments."""

from collections.abc import Mapping
from typing import Any

from installation import Installation
from oncue.lib import ids
from oncue.posts.comments import CommentState
from oncue.posts.models import Comment


async def failed_comment(oncue: Installation, post: Mapping[str, Any]) -> None:
    """Put one under the first destination of a post."""
    comment = Comment(
        destination_id=ids.from_typeid("pp", post["platforms"][0]["id"]),
        workspace_id=oncue.workspace_id,
        text="First!",
        state=CommentState.FAILED,
        error="No",
        created_at=oncue.clock(),
    )
    await oncue.db.write(lambda session: session.add(comment))
