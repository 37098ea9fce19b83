"""Requests per key, in windows that start on the minute, so that processes agree on their end."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from oncue.workspaces.models import RateWindow

WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the X-RateLimit headers say. `reset` is in unix seconds."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool


def minute_of(now: datetime) -> int:
    """Which window `now` lies in, counted from 1970."""
    return int(now.timestamp() // WINDOW_SECONDS)


def allowance(used: int, limit: int, minute: int) -> Allowance:
    """What is left after the `used`-th request of a window."""
    return Allowance(
        limit=limit,
        remaining=max(limit - used, 0),
        reset=(minute + 1) * WINDOW_SECONDS,
        is_exceeded=used > limit,
    )


class MemoryWindow:
    """Counts for one process alone."""

    def __init__(self) -> None:
        self._minute = 0
        self._used: dict[Hashable, int] = {}

    def take(self, key: Hashable, minute: int) -> int:
        """Count one request of `key`; its number in this window."""
        if minute != self._minute:
            self._minute, self._used = minute, {}
        self._used[key] = used = self._used.get(key, 0) + 1
        return used


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` windows that are over; how many.

    The last one is kept: another process's clock may be a little behind.
    """
    row = (RateWindow.key, RateWindow.minute)
    old = select(*row).where(RateWindow.minute < minute_of(now) - 1).limit(limit)
    gone = session.execute(
        delete(RateWindow)
        .where(tuple_(*row).in_(old))
        .returning(RateWindow.key)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
