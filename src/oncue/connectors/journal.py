"""What the runner asks of a step ledger, and how a run may end without a result."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oncue.connectors.answers import Reply
from oncue.connectors.base import Effect


class NotSent(Exception):
    """The request never reached the network: no connection, no name, no TLS."""


class NoAnswer(Exception):
    """The request went out, and nothing came back."""


class Parked(Exception):
    """Nothing to do before `until`; the steps go on from here then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class OutcomeUnknown(Exception):
    """We asked the network to make something public and cannot learn whether it did."""


class Unanswered(Exception):
    """The journal leads no further, and nothing more is to be asked of the network."""


class Fenced(Exception):
    """The row has been taken away from this run; it must not write any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the ledger has of one step. Without a reply, its outcome is open."""

    name: str
    fingerprint: str
    intent_at: datetime  # of the first time it was sent
    sent_at: datetime  # of the last
    sends: int
    looks: int
    reply: Reply | None


class Journal(Protocol):
    """One attempt's part of the step ledger. Every write raises Fenced if it comes too late."""

    def recall(self, name: str) -> Recorded | None: ...

    async def intend(self, name: str, effect: Effect, fingerprint: str) -> Recorded:
        """Make durable that this is about to be sent (again)."""
        ...

    async def record(self, name: str, reply: Reply) -> None:
        """Make the reply of an intended step durable."""
        ...

    async def looked(self, name: str) -> Recorded:
        """Count a look-up that found nothing."""
        ...

    async def forget(self, name: str) -> None:
        """Take the intent back: the request certainly did nothing."""
        ...

    def note(self, name: str, effect: Effect, fingerprint: str, reply: Reply) -> None:
        """Keep a harmless step's reply; it becomes durable with the next write."""
        ...

    async def flush(self) -> None:
        """Make what was noted durable."""
        ...

    async def claimed(self, native_ids: Collection[str], since: datetime) -> Collection[str]:
        """Those of the network's ids that other publications of the account made.

        Of an unfinished one they are known by its answers; those from `since` on are looked at.
        """
        ...
