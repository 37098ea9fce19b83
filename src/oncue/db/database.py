"""What the program asks of a database: one function is one transaction."""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

T = TypeVar("T")

DUE: Final = "due"
CHANNEL: Final = "oncue_due"


class Database(Protocol):
    """SQLite or PostgreSQL. `work` takes a session, never commits, and may be run again."""

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` as one transaction; it is durable when this returns."""
        ...

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a consistent view; what it writes is thrown away."""
        ...

    def on_due(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after each commit that made something due, in this process."""
        ...

    async def close(self) -> None: ...


def announce_due(session: Session) -> None:
    """Say that this transaction makes something due, so that the promoter is woken."""
    session.info[DUE] = True


def announced(session: Session) -> bool:
    return bool(session.info.get(DUE))


def serialise(session: Session, lock: int) -> None:
    """Let one transaction of all processes past here at a time.

    SQLite has one writer as it is; PostgreSQL holds an advisory lock until the commit.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
