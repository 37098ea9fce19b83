"""The job edge: what is done in the background, and what is said where it does not go well."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from oncue.errors import Unavailable

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Guard:
    """Does one thing again and again, and lets no trouble of it end the worker.

    What stays wrong is said the first time, the second, the fourth, the eighth: a night without
    a database is a dozen lines and not as many as it has seconds. That it is over is said too.
    """

    what: str
    _failures: int = 0

    async def attempt(self, act: Callable[[], Awaitable[object]], **facts: str) -> bool:
        """True where it went well. What is Unavailable will be tried again; the rest is a bug."""
        try:
            await act()
        except Unavailable as trouble:
            if self._is_to_be_told():
                reasons = {"reason": str(trouble), "because": trouble.because}
                log.warning("not_now", what=self.what, times=self._failures, **reasons, **facts)
        except Exception:
            if self._is_to_be_told():
                log.exception("broke", what=self.what, times=self._failures, **facts)
        else:
            self.is_well()
            return True
        return False

    def is_well(self) -> None:
        """Whatever was wrong is over."""
        if self._failures:
            log.info("well_again", what=self.what, times=self._failures)
        self._failures = 0

    def _is_to_be_told(self) -> bool:
        self._failures += 1
        return self._failures.bit_count() == 1


async def guard(what: str, act: Callable[[], Awaitable[object]], **facts: str) -> bool:
    """The same, for what is done once: whatever goes wrong is told."""
    return await Guard(what=what).attempt(act, **facts)
