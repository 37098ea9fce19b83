"""Drives the connector of one run, of a publication or of a comment, as far as it goes now."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from oncue.accounts.line import Line
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused
from oncue.connectors.base import Account, Connector, Steps
from oncue.connectors.journal import OutcomeUnknown, Parked, Recorded, Unanswered
from oncue.connectors.runner import Runner
from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.publishing.ledger import Claim, Hold, StepLedger

T = TypeVar("T")

MAX_RUNS: Final = 6  # starts of one attempt that led nowhere: then it is the post, not the worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something may have become public, and we cannot learn whether it did."""

    reason: str


class Run(Protocol):
    """What runs of publications and of comments have in common."""

    @property
    def claim(self) -> Claim: ...
    @property
    def connector(self) -> Connector: ...
    @property
    def account(self) -> Account: ...
    @property
    def steps(self) -> Sequence[Recorded]:
        """What was journalled in the runs before."""
        ...

    @property
    def runs(self) -> int:
        """How often it was begun since something came of it, this time included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """What the runs of this process share. Connectors are driven here, and nowhere else."""

    db: Database
    wire: Wire
    now: Clock
    sleep: Callable[[float], Awaitable[None]]
    lookup_seconds: Sequence[float]

    def line(self, run: Run) -> Line:
        """The line over which the run asks its network."""
        claim, server = run.claim, run.account.server
        return Line(self.wire, run.connector, claim.account_id, claim.workspace_id, server)

    async def conduct(
        self, run: Run, line: Line, hold: Hold, begin: Callable[[], Awaitable[Steps[T]]], what: str
    ) -> T | Refused | Unknown | Parked:
        """What comes of the steps that `begin` makes. `what` is what they do, for people.

        What has brought down one worker after the other is given up. Raises Fenced.
        """
        given_up = _given_up(run, what)
        if given_up is not None and not _may_be_out(run):
            return given_up
        runner = Runner(
            connector=run.connector,
            account=run.account,
            journal=StepLedger(self.db, run.claim, run.steps, self.now, hold),
            send=line.send,
            sleep=self.sleep,
            now=self.now,
            lookup_seconds=self.lookup_seconds,
            only_replays=given_up is not None,
        )
        try:
            return await runner.run(await begin())
        except Unanswered:
            assert given_up is not None  # nothing else replays only
            return given_up
        except (Refused, Parked) as ending:
            return ending
        except OutcomeUnknown as unknown:
            return Unknown(reason=str(unknown))


def _given_up(run: Run, what: str) -> Refused | Unknown | None:
    """How it ends for what was begun too often."""
    if run.runs <= MAX_RUNS:
        return None
    words = f"{what} was begun {MAX_RUNS} times and never ended"
    if any(step.reply is None for step in run.steps):
        return Unknown(reason=words)
    return Refused(words, Refusal.REJECTED, code="GAVE_UP")


def _may_be_out(run: Run) -> bool:
    """Whether the answers there are may be all it takes, and only writing down the result failed.

    That is looked into once: it may be what brings the workers down.
    """
    answered = bool(run.steps) and all(step.reply is not None for step in run.steps)
    return answered and run.runs == MAX_RUNS + 1
