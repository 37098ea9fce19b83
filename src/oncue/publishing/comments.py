"""Sends first comments when their time has come, as surely as posts: never twice (V37, V58-V71).

What is public needs an intent before it and a reply after it, in a journal of the comment's own;
an outcome that nobody can find out is recorded and never sent again by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from oncue.accounts.line import Line
from oncue.accounts.wire import Wire
from oncue.connectors.base import Refused
from oncue.connectors.journal import Fenced, OutcomeUnknown, Parked, Unanswered
from oncue.connectors.runner import Runner
from oncue.db.database import Database
from oncue.lib import ids
from oncue.lib.clock import Clock
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
from oncue.publishing.guarding import guard
from oncue.publishing.ledger import Claim, StepLedger
from oncue.publishing.publisher import MAX_RUNS, may_be_out
from oncue.publishing.settle import Unknown

AT_ONCE: Final = 20  # comments on their way in this process
LOOK_SECONDS: Final = 1.0  # how soon a slow network's comment lets the next ones begin
GRACE_SECONDS: Final = 10.0  # how long a comment may take to end when the process stops

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commenter:
    """What the comments of this process share."""

    db: Database
    wire: Wire
    now: Clock
    sleep: Callable[[float], Awaitable[None]]
    lookup_seconds: Sequence[float]

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
            outcome = await self._outcome(run)
            await self.db.write(lambda session: self._finish(session, run, outcome))
        except Fenced:
            log.info("comment_overtaken", destination=str(run.claim.destination_id))
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(run))
            raise

    async def _outcome(self, run: CommentRun) -> Outcome | Parked:
        """How the run ends. A connector is asked to comment here, and nowhere else."""
        given_up = _given_up(run)
        if given_up is not None and not may_be_out(run.steps, run.runs):
            return given_up
        claim, account = run.claim, run.account
        line = Line(self.wire, run.connector, claim.account_id, claim.workspace_id, account.server)
        runner = Runner(
            connector=run.connector,
            account=account,
            journal=StepLedger(self.db, claim, run.steps, self.now, self._hold),
            send=line.send,
            sleep=self.sleep,
            now=self.now,
            lookup_seconds=self.lookup_seconds,
            only_replays=given_up is not None,
        )
        try:
            return Commented(id=await runner.run(run.ask()))
        except Unanswered:
            assert given_up is not None  # nothing else replays only
            return given_up
        except (Refused, Parked) as ending:
            return ending
        except OutcomeUnknown as unknown:
            return Unknown(reason=str(unknown))

    def _hold(self, session: Session, claim: Claim) -> None:
        hold(session, claim, self.now())

    def _finish(self, session: Session, run: CommentRun, outcome: Outcome | Parked) -> None:
        if isinstance(outcome, Parked):
            park(session, run.claim, outcome.until)
            return
        state = settle(session, run, outcome, self.now())
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


def _given_up(run: CommentRun) -> Outcome | None:
    """How it ends for what has brought down one worker after the other."""
    if run.runs <= MAX_RUNS:
        return None
    words = f"Commenting was begun {MAX_RUNS} times and never ended"
    if any(step.reply is None for step in run.steps):
        return Unknown(reason=words)
    return Refused(words, code="GAVE_UP")
