"""What a worker does beside publishing, again and again: each duty in a loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from oncue.db.database import Database, Topic
from oncue.lib.clock import Clock
from oncue.publishing.guarding import Guard

LOOK_SECONDS: Final = 1.0  # at least this often: clocks jump, notices get lost
TROUBLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One kind of work. `act` does what is due and says when the next is; None: nothing waits.

    It is woken by `topic`. Every process may do it at once: what it takes it takes with one
    conditional UPDATE, and what a crash leaves half-done is taken again.
    """

    name: str
    topic: Topic
    act: Callable[[], Awaitable[datetime | None]]


async def attend(duty: Duty, db: Database, now: Clock) -> None:
    """Do a duty for ever."""
    woken, guarded = asyncio.Event(), Guard(what=duty.name)
    db.on(duty.topic, woken.set)
    following: list[datetime | None] = []

    async def act() -> None:
        following[:] = [await duty.act()]

    while True:
        woken.clear()
        if not await guarded.attempt(act):
            await asyncio.sleep(TROUBLE_SECONDS)
            continue
        [due] = following
        wait = LOOK_SECONDS if due is None else (due - now()).total_seconds()
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), min(max(wait, 0.001), LOOK_SECONDS))
