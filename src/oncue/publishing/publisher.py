"""Runs one job: claim the destination, drive its connector's steps, settle."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account as AccountRow
from oncue.accounts.standing import NEEDS_CONNECTING, revive
from oncue.connectors.answers import Refused
from oncue.connectors.base import Account, Connector, Published, Steps
from oncue.connectors.journal import Fenced, Parked, Recorded
from oncue.connectors.registry import CONNECTORS
from oncue.connectors.spec import Draft
from oncue.db.base import NOW
from oncue.lib import ids
from oncue.lib.crashpoints import reach
from oncue.media.mending import Mender
from oncue.posts.drafts import Files, draft_for, load_files, media_of, unmendable
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination, Post
from oncue.publishing.ahead import as_it_goes_out
from oncue.publishing.conducting import Conductor
from oncue.publishing.engine import Engine
from oncue.publishing.guarding import guard
from oncue.publishing.ledger import Claim, hold, load_steps
from oncue.publishing.promoter import WITH_WORKERS, Job
from oncue.publishing.settle import Outcome, Settled, hand_back, park, settle

TROUBLE_SECONDS: Final = (1, 5, 30, 60, 120)  # after each start that led nowhere

log = structlog.get_logger()

# Every publication runs these, so they are built once: building one costs more than running it.
_CLAIM = (
    update(Destination)
    .where(
        Destination.id == bindparam("destination"),
        Destination.ticket == bindparam("with_ticket"),
        Destination.state.in_(WITH_WORKERS),
    )
    .values(
        state=State.PUBLISHING,
        fence=Destination.fence + 1,
        runs=Destination.runs + 1,
        begun_at=func.coalesce(Destination.begun_at, NOW),
    )
    .returning(Destination)
    .execution_options(synchronize_session=False, populate_existing=True)
)
_POST_AND_ACCOUNT = (
    select(Post, AccountRow)
    .join(AccountRow, AccountRow.id == bindparam("account"))
    .where(Post.id == bindparam("post"), Post.workspace_id == bindparam("workspace"))
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything one run works with; `draft` is None where the files are gone.

    `is_doubted`: the network is believed to take the account's credentials no more.
    """

    claim: Claim
    connector: Connector
    account: Account
    is_doubted: bool
    draft: Draft | None
    files: Files
    steps: Sequence[Recorded]
    started_at: datetime
    due_at: datetime | None
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher(Conductor):
    """Runs destinations. `count` is told how each run ended."""

    engine: Engine
    mender: Mender
    count: "Counter"

    async def publish(self, job: Job) -> None:
        """Run `job`, if it is still to be run; nothing that happens to it ends the worker."""
        named = str(job.destination_id)
        runs: list[Run] = []
        if not await guard("publishing", lambda: self._publish(job, runs.append), job=named):
            # The sweep finds what cannot be put off now.
            for run in runs:
                await guard("putting_off", partial(self._step_back, run), job=named)

    async def _publish(self, job: Job, begun: Callable[[Run], None]) -> None:
        run = await self.db.write(lambda session: begin(session, job, self.now()))
        if run is None:
            return
        begun(run)
        self.count.started(run)
        try:
            line, steps = self.line(run), partial(self._steps, run)
            outcome = await self.conduct(run, line, hold, steps, "Publishing")
            await self._finish(run, outcome, line.generation)
        except Fenced:
            log.info("run_overtaken", destination=str(job.destination_id))
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(run))
            raise

    async def _steps(self, run: Run) -> Steps[Published]:
        draft = _checked(run, await self._mended(run))
        return run.connector.publish(draft, run.account)

    async def _mended(self, run: Run) -> Draft | None:
        """The run's draft with its files as the network takes them."""
        if run.draft is None or not run.files.are_mended:
            return run.draft
        return await as_it_goes_out(
            run.draft,
            lambda name: self.mender.mended(
                run.claim.workspace_id, run.connector.spec, run.files[UUID(name)]
            ),
        )

    async def _finish(self, run: Run, outcome: Outcome | Parked, generation: int) -> None:
        if isinstance(outcome, Parked):
            until = outcome.until
            await self.engine.commit(
                lambda session: (None, park(session, run.claim, until, self.now()))
            )
            return
        reach("before_settle")

        def work(session: Session) -> tuple[Settled, list[Job]]:
            settled = settle(
                session,
                run.claim,
                outcome,
                generation=generation,
                started_at=run.started_at,
                now=self.now(),
            )
            if run.is_doubted and isinstance(outcome, Published):
                revive(
                    session, run.claim.workspace_id, run.claim.account_id, generation, self.now()
                )
            return settled, settled.jobs

        settled = await self.engine.commit(work)
        self.count.settled(settled)
        log.info(
            "destination_settled",
            destination=ids.to_typeid("pp", run.claim.destination_id),
            platform=settled.platform,
            status=settled.status,
            error=str(outcome) if isinstance(outcome, Refused) else None,
        )

    async def _hand_back(self, run: Run) -> None:
        """This process is stopping: leave the run to the next one, journal and all."""
        with suppress(Fenced):
            await self.db.write(lambda session: hand_back(session, run.claim, self.now()))

    async def _step_back(self, run: Run) -> None:
        """Something of ours broke: come back to it a little later, with the journal as it is."""
        seconds = TROUBLE_SECONDS[min(run.runs, len(TROUBLE_SECONDS)) - 1]
        until = self.now() + timedelta(seconds=seconds)
        with suppress(Fenced):
            await self.engine.commit(
                lambda session: (
                    None,
                    park(session, run.claim, until, self.now(), runs=run.runs),
                )
            )


class Counter:
    """Told of every run; metrics listen here."""

    def started(self, run: Run) -> None:
        """A worker has begun with a destination."""

    def settled(self, settled: Settled) -> None:
        """A destination's attempt has ended."""


def begin(session: Session, job: Job, now: datetime) -> Run | None:
    """Claim the job's destination and read what its run needs; None where it is not to be run.

    Claiming raises the fence, so of two workers with the same job only the later one writes.
    """
    row = session.scalar(
        _CLAIM, {"destination": job.destination_id, "with_ticket": job.ticket, "now": now}
    )
    if row is None:
        return None
    assert row.begun_at is not None  # claiming sees to it
    post, account = _post_and_account(session, row)
    claim = Claim(
        destination_id=row.id,
        workspace_id=row.workspace_id,
        account_id=row.account_id,
        journal=row.journal,
        fence=row.fence,
    )
    connector = CONNECTORS[row.platform]
    wanted = media_of(post, [row])
    files = load_files(session, row.workspace_id, wanted)
    complete = all(media_id in files for media_id in wanted)
    return Run(
        claim=claim,
        connector=connector,
        account=Account(
            native_id=account.native_id, username=account.username, server=account.server
        ),
        is_doubted=account.status in NEEDS_CONNECTING,
        draft=draft_for(post, row, connector, files, row.begun_at) if complete else None,
        files=files,
        steps=load_steps(session, claim),
        started_at=now,
        due_at=row.due_at,
        runs=row.runs,
    )


def _post_and_account(session: Session, row: Destination) -> tuple[Post, AccountRow]:
    post, account = session.execute(
        _POST_AND_ACCOUNT,
        {"workspace": row.workspace_id, "post": row.post_id, "account": row.account_id},
    ).one()
    return post, account


def _checked(run: Run, draft: Draft | None) -> Draft:
    """The draft, as the network will take it; raises Refused with the first broken rule."""
    if draft is None:
        raise Refused("A file of the post is gone", code="MEDIA_NOT_FOUND")
    problems = [*run.connector.check(draft), *unmendable(run.connector.spec, draft, run.files)]
    if problems:
        raise Refused(problems[0].message, code=problems[0].code)
    return draft
