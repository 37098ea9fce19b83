"""What an operator watches, for Prometheus."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import BindParameter, Text, func, literal, select
from sqlalchemy.orm import Session

from oncue.posts.lifecycle import State
from oncue.posts.models import Destination
from oncue.publishing.publisher import Counter as Counts
from oncue.publishing.publisher import Run
from oncue.publishing.settle import Settled

LATENESS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the database, whichever process it waits for."""

    due: int
    oldest_due_seconds: float
    held: int
    unknown: int


def backlog(session: Session, now: datetime) -> Backlog:
    """Each question has an index of its own; `state` is written out, or SQLite would not see it."""
    due, since = session.execute(
        select(func.count(), func.min(Destination.run_at)).where(Destination.run_at <= now)
    ).one()
    held = select(func.count()).where(Destination.state == _written(State.HELD))
    unknown = select(func.count()).where(
        Destination.state == _written(State.FAILED), Destination.needs_review
    )
    return Backlog(
        due=due,
        oldest_due_seconds=(now - since).total_seconds() if since is not None else 0,
        held=session.scalar(held) or 0,
        unknown=session.scalar(unknown) or 0,
    )


def _written(state: State) -> BindParameter[str]:
    return literal(state, Text(), literal_execute=True)


class Metrics(Counts):
    """Counts of this process, and what any process sees in the database.

    Each process counts its own, as Prometheus expects.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._settled = Counter(
            "oncue_destinations",
            "Attempts to publish to one account, by how they ended.",
            ("platform", "status"),
            registry=self.registry,
        )
        self._lateness = Histogram(
            "oncue_lateness_seconds",
            "Start of publishing minus the time it was due.",
            registry=self.registry,
            buckets=LATENESS_SECONDS,
        )
        self.queue_depth = Gauge(
            "oncue_queue_depth", "Jobs waiting for a worker.", registry=self.registry
        )
        self._due = Gauge(
            "oncue_due_destinations",
            "Destinations whose time has come and that are not with a worker yet.",
            registry=self.registry,
        )
        self._oldest_due = Gauge(
            "oncue_oldest_due_seconds",
            "How long the one of them has been due that was due first; 0 where none is.",
            registry=self.registry,
        )
        self._held = Gauge(
            "oncue_held_destinations",
            "Destinations that wait for a person, or for their account.",
            registry=self.registry,
        )
        self._unknown = Gauge(
            "oncue_unknown_outcomes",
            "Destinations of which a person has to say whether they are public.",
            registry=self.registry,
        )

    def saw(self, waiting: Backlog) -> None:
        """What the database says just now."""
        self._due.set(waiting.due)
        self._oldest_due.set(waiting.oldest_due_seconds)
        self._held.set(waiting.held)
        self._unknown.set(waiting.unknown)

    def started(self, run: Run) -> None:
        if run.due_at is not None and run.runs == 1 and not run.steps:
            self._lateness.observe(max((run.started_at - run.due_at).total_seconds(), 0))

    def settled(self, settled: Settled) -> None:
        self._settled.labels(settled.platform, settled.status).inc()
