"""What the program asks of a database: one function is one transaction."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

T = TypeVar("T")

CHANNEL: Final = "oncue"
_TOPICS: Final = "topics"


class Topic(StrEnum):
    """What a committed transaction may have made for somebody to do."""

    DUE = "due"  # a destination whose time has come, or will
    ERRAND = "errand"  # something for a worker beside publishing: an import, a comment, a rule
    EVENT = "event"  # an entry of the outbox


TOLD_TO_ALL: Final = frozenset({Topic.DUE, Topic.ERRAND})
"""What other processes are woken for. NOTIFY holds one lock at every commit, and every post has
an event, so other processes look for those by themselves."""


class Database(Protocol):
    """SQLite or PostgreSQL. `work` takes a session, never commits, and may be run again."""

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` as one transaction; it is durable when this returns."""
        ...

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a consistent view; what it writes is thrown away."""
        ...

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        """Have `wake` called after each commit that announced `topic`."""
        ...

    async def drain(self) -> None:
        """Return once every write that any process has begun by now has ended."""
        ...

    async def close(self) -> None: ...


def announce_due(session: Session) -> None:
    """Say that this transaction makes something due, so that the promoter is woken."""
    announce(session, Topic.DUE)


def announce(session: Session, topic: Topic) -> None:
    """Have whoever waits for `topic` woken once this transaction is committed."""
    session.info.setdefault(_TOPICS, set()).add(topic)


def announced(session: Session) -> Collection[Topic]:
    found: Collection[Topic] = session.info.get(_TOPICS, ())
    return found


class Wakes:
    """Who is to be woken for what."""

    def __init__(self) -> None:
        self._wakes: dict[Topic, list[Callable[[], None]]] = {topic: [] for topic in Topic}

    def add(self, topic: Topic, wake: Callable[[], None]) -> None:
        self._wakes[topic].append(wake)

    def call(self, topics: Collection[Topic]) -> None:
        for topic in topics:
            for wake in self._wakes[topic]:
                wake()


def serialise(session: Session, lock: int) -> None:
    """Let one transaction of all processes past here at a time.

    SQLite has one writer as it is; PostgreSQL holds an advisory lock until the commit.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
