"""Sends what is due, to each address at its own pace, and writes down what came of it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from oncue.accounts.vault import Vault
from oncue.db.database import Database
from oncue.lib import ids
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import AFTER_SEND, BEFORE_SEND, reach
from oncue.webhooks.sending import Outbound, send
from oncue.webhooks.settling import (
    Claim,
    Lane,
    claim_due,
    full_lanes,
    has_room,
    next_due,
    settle,
)

LOOK_SECONDS: Final = 0.25  # while something is on its way, how often we look for more
MOST: Final = 400  # attempts of this process at once

log = structlog.get_logger()


@dataclass(kw_only=True)
class Deliverer:
    """Tries what is due. Any number of processes may at once: each takes what it tries."""

    db: Database
    vault: Vault
    outbound: Outbound
    now: Clock
    _running: "dict[asyncio.Task[None], Lane]" = field(default_factory=dict)
    _full: frozenset[Lane] = frozenset()  # nothing but what waits for these was due
    _look_at: float = 0.0  # until then, by the loop's time

    async def deliver(self) -> datetime | None:
        """Send until nothing is due and nothing on its way; when the next is due.

        Cut short, it leaves what was on its way to whoever comes when the lease has run out.
        """
        try:
            while True:
                due = await self.db.read(next_due)
                if due is not None and due <= self.now() and await self._begin():
                    continue
                if not self._running:
                    return due
                await self._wait()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            self._running.clear()

    async def _begin(self) -> int:
        """Begin attempts for which there is room; how many."""
        if len(self._running) >= MOST:
            return 0
        lanes = Counter(self._running.values())
        if not await self._has_room(full_lanes(lanes)):
            return 0
        claims = await self.db.write(lambda session: claim_due(session, lanes, self.now()))
        for claim in claims:
            self._running[asyncio.create_task(self._try(claim))] = claim.lane
        return len(claims)

    async def _has_room(self, full: frozenset[Lane]) -> bool:
        """Whether something may be due beside what waits for full lanes.

        To know, all of that is passed over. So a reader is asked, which holds up no write, and
        not for each attempt that ends in the meantime.
        """
        if not full:
            return True
        time = asyncio.get_running_loop().time()
        if full >= self._full and time < self._look_at:
            return False
        found = await self.db.read(lambda session: has_room(session, full, self.now()))
        if not found:
            self._full, self._look_at = full, time + LOOK_SECONDS
        return found

    async def _wait(self) -> None:
        """Until an attempt has ended, or it is time to look for more."""
        done, _ = await asyncio.wait(
            self._running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            del self._running[task]
            if trouble := task.exception():  # ours: it is tried again when its lease has run out
                log.error("delivery_broke", exc_info=trouble)

    async def _try(self, claim: Claim) -> None:
        reach(BEFORE_SEND)
        outcome = await send(
            self.outbound, self.vault, claim.url, claim.endpoint, claim.message, self.now()
        )
        reach(AFTER_SEND)
        await self.db.write(lambda session: settle(session, claim, outcome, self.now()))
        log.info(
            "delivery_tried",
            delivery=ids.to_typeid("dlv", claim.id),
            message=ids.to_typeid("evt", claim.message.id),
            attempt=claim.attempt,
            status=outcome.status,
            error=outcome.error,
        )
