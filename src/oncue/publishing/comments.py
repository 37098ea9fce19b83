"""Sends first comments when their time has come, as surely as posts: never twice (V37, V58-V71).

What is public needs an intent before it and a reply after it, in a journal of the comment's own;
an outcome that nobody can find out is recorded and never sent again by itself.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from oncue.connectors.answers import Refused
from oncue.connectors.base import Steps
from oncue.connectors.journal import Fenced, Parked
from oncue.lib import ids
from oncue.publishing.comment_runs import (
    Commented,
    CommentRun,
    Outcome,
    begin,
    hold,
    next_due,
    park,
    settle,
)
from oncue.publishing.conducting import Conductor
from oncue.publishing.guarding import guard
from oncue.publishing.ledger import Claim

AT_ONCE: Final = 20  # comments on their way in this process
LOOK_SECONDS: Final = 1.0  # how soon a slow network's comment lets the next ones begin
GRACE_SECONDS: Final = 10.0  # how long a comment may take to end when the process stops

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commenter(Conductor):
    """Runs first comments."""

    async def act(self) -> datetime | None:
        """Send every comment that is due, several at once; when the next one is."""
        running: set[asyncio.Task[object]] = set()
        try:
            while True:
                due = await self._begin_due(running)
                if not running:
                    return due
                done, running = await asyncio.wait(
                    running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
        finally:
            await _wind_up(running)

    async def _begin_due(self, running: set["asyncio.Task[object]"]) -> datetime | None:
        """Let comments that are due join those that run, as far as there is room; the next's time.

        Looking writes nothing, and mostly there is nothing.
        """
        while True:
            due = await self.db.read(next_due)
            if due is None or due > self.now() or len(running) >= AT_ONCE:
                return due
            run = await self.db.write(lambda session: begin(session, self.wire.vault, self.now()))
            if run is None:
                return due
            named = ids.to_typeid("pp", run.claim.destination_id)
            commenting = guard("commenting", partial(self._comment, run), destination=named)
            running.add(asyncio.create_task(commenting))

    async def _comment(self, run: CommentRun) -> None:
        """One run. Whatever breaks it, the lease brings the comment back."""
        try:
            line, steps = self.line(run), partial(_steps, run)
            outcome = await self.conduct(run, line, self._hold, steps, "Commenting")
            await self.db.write(
                lambda session: self._finish(session, run, outcome, line.generation)
            )
        except Fenced:
            log.info("comment_overtaken", destination=str(run.claim.destination_id))
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(run))
            raise

    def _hold(self, session: Session, claim: Claim) -> None:
        hold(session, claim, self.now())

    def _finish(
        self, session: Session, run: CommentRun, outcome: Outcome | Parked, generation: int
    ) -> None:
        if isinstance(outcome, Parked):
            park(session, run.claim, outcome.until)
            return
        state = settle(session, run, outcome, generation, self.now())
        log.info(
            "comment_settled",
            destination=ids.to_typeid("pp", run.claim.destination_id),
            platform=run.connector.spec.platform,
            state=state,
            error=str(outcome) if isinstance(outcome, Refused) else None,
        )

    async def _hand_back(self, run: CommentRun) -> None:
        """This process is stopping: leave the comment to the next one, journal and all."""
        with suppress(Fenced):
            await self.db.write(lambda session: park(session, run.claim, self.now()))


async def _wind_up(running: Collection["asyncio.Task[object]"]) -> None:
    """Let what runs end; after the grace, cancel it: it hands itself back."""
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=GRACE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _steps(run: CommentRun) -> Steps[Commented]:
    def ask() -> Steps[Commented]:
        return Commented(id=(yield from run.ask()))

    return ask()
