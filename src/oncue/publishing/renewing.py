"""A duty: credentials that end are renewed ahead of time, so that no publication waits for it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from oncue.accounts import leases
from oncue.accounts.leases import Due
from oncue.accounts.tokens import Owner, renew
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused
from oncue.connectors.registry import CONNECTORS
from oncue.lib import ids
from oncue.publishing.guarding import guard

AT_ONCE: Final = 8
TROUBLE: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewer:
    """Renews what is due. Every process does so; whoever takes an account first has it."""

    wire: Wire

    async def act(self) -> datetime | None:
        """Renew a few of those that are due; when the next is. Looking writes nothing."""
        db, now = self.wire.db, self.wire.now()
        following = await db.read(leases.next_due)
        if following is None or following > now:
            return following
        due = await db.read(lambda session: leases.due(session, now, AT_ONCE))
        went_well = await asyncio.gather(*(self._guarded(each) for each in due))
        following = await db.read(leases.next_due)
        return following if all(went_well) else self.wire.now() + TROUBLE

    async def _guarded(self, due: Due) -> bool:
        return await guard(
            "renewing", partial(self._renew, due), account=ids.to_typeid("acc", due.account_id)
        )

    async def _renew(self, due: Due) -> None:
        owner = Owner(
            connector=CONNECTORS[due.platform],
            workspace_id=due.workspace_id,
            account_id=due.account_id,
            server=due.server,
        )
        try:
            await renew(self.wire, owner, due.generation)
        except Refused:
            return  # what became of it is in the account's row
