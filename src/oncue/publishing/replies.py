"""Reading what people answered to a post on its network (V297-V300)."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.accounts.line import Line
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Unclear
from oncue.connectors.base import PostReply, Replies
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.db.database import Database
from oncue.errors import Unavailable
from oncue.posts.lifecycle import Status
from oncue.posts.publications import Publication, publications
from oncue.posts.service import get

AT_MOST: Final = 25  # V299


async def replies(db: Database, wire: Wire, workspace_id: UUID, post_id: UUID) -> list[PostReply]:
    """Up to AT_MOST replies, from every network of the post where replies can be read.

    An account that may not read them has none (V298). Raises NotFound, and Unavailable where a
    network does not answer now: it is not said to have no replies.
    """

    def look(session: Session) -> Sequence[Publication]:
        post = get(session, workspace_id, post_id)
        is_out = post.status != Status.UNPUBLISHED
        return publications(session, workspace_id, post_id) if is_out else []

    found: list[PostReply] = []
    for publication in await db.read(look):
        found += await _replies(wire, workspace_id, publication, AT_MOST - len(found))
    return found


async def _replies(
    wire: Wire, workspace_id: UUID, publication: Publication, limit: int
) -> Sequence[PostReply]:
    connector = CONNECTORS[publication.platform]
    if limit == 0 or not isinstance(connector, Replies):
        return []
    account = publication.account
    line = Line(wire, connector, publication.account_id, workspace_id, account.server)
    steps = connector.replies(publication.post_id, account, limit)
    try:
        return (await drive(steps, line.send, asyncio.sleep))[:limit]
    except (Unclear, NoAnswer, NotSent) as trouble:
        raise Unavailable(f"{connector.spec.name} did not answer") from trouble
    except Refused as refused:
        if refused.is_transient:
            raise Unavailable(f"{connector.spec.name}: {refused}") from refused
        return []
