"""Requests per key and minute. Counted in this process; each process counts its own."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the X-RateLimit headers say. `reset` is in unix seconds."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool


class RateLimiter:
    """A fixed window that starts on the minute, so that every process agrees on its end."""

    def __init__(self) -> None:
        self._window = 0
        self._used: dict[Hashable, int] = {}

    def take(self, key: Hashable, limit: int, unix_seconds: float) -> Allowance:
        """Count one request of `key`."""
        window = int(unix_seconds // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._used = window, {}
        used = self._used.get(key, 0) + 1
        self._used[key] = used
        return Allowance(
            limit=limit,
            remaining=max(limit - used, 0),
            reset=(window + 1) * WINDOW_SECONDS,
            is_exceeded=used > limit,
        )
