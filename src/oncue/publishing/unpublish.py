"""Asking each network to delete what a post published there (V292-V296)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from oncue.accounts.line import Line
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Unclear
from oncue.connectors.base import Deletes
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.db.database import Database
from oncue.posts import withdrawing
from oncue.posts.publications import Publication

NOT_SUPPORTED: Final = "platform_not_supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What one network did with our post. `reason` says why it is still there."""

    platform: str
    reason: str | None


async def take_down(
    db: Database, wire: Wire, workspace_id: UUID, post_id: UUID
) -> Sequence[Removal]:
    """Have the post deleted wherever it can be; withdrawing.mark_unpublished is still to come.

    Deleting twice is harmless, so a crash half-way is mended by asking again. Raises NotFound
    and OperationNotPermitted before any network is asked.
    """
    found = await db.write(
        lambda session: withdrawing.targets(session, workspace_id, post_id, wire.now())
    )
    return [await _remove(wire, workspace_id, target) for target in found]


async def _remove(wire: Wire, workspace_id: UUID, target: Publication) -> Removal:
    connector = CONNECTORS[target.platform]
    if not isinstance(connector, Deletes):
        return Removal(platform=target.platform, reason=NOT_SUPPORTED)
    line = Line(wire, connector, target.account_id, workspace_id, target.account.server)
    try:
        await drive(connector.delete(target.post_id, target.account), line.send, asyncio.sleep)
    except (Refused, Unclear, NoAnswer, NotSent) as reason:
        return Removal(platform=target.platform, reason=str(reason))
    return Removal(platform=target.platform, reason=None)
