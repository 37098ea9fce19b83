"""What an operator watches, for Prometheus."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from oncue.publishing.publisher import Counter as Counts
from oncue.publishing.publisher import Run
from oncue.publishing.settle import Settled

LATENESS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


class Metrics(Counts):
    """Counts of this process. Each process counts its own, as Prometheus expects."""

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
        self.due = Gauge(
            "oncue_due_destinations",
            "Destinations whose time has come and that are not with a worker yet.",
            registry=self.registry,
        )

    def started(self, run: Run) -> None:
        if run.due_at is not None and run.runs == 1 and not run.steps:
            self._lateness.observe(max((run.started_at - run.due_at).total_seconds(), 0))

    def settled(self, settled: Settled) -> None:
        self._settled.labels(settled.platform, settled.status).inc()
