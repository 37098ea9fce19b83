"""A duty: rows that nobody will ask for again are deleted, a bounded number at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy.orm import Session

from oncue.accounts import flows
from oncue.db.database import Database, Topic
from oncue.lib.clock import Clock
from oncue.publishing.duties import Duty
from oncue.workspaces import idempotency, ratelimit

EVERY: Final = timedelta(minutes=1)
BATCH: Final = 1_000

Forget: TypeAlias = Callable[[Session, datetime, int], int]
FORGETTING: Final[Sequence[Forget]] = (idempotency.forget, ratelimit.forget, flows.forget)
"""What deletes up to so many rows that are too old by now, and says how many."""


@dataclass(kw_only=True)
class Tidying:
    """Deletes what is old. Every process does so; what one has deleted another does not find."""

    db: Database
    now: Clock
    _next: datetime | None = None

    def duty(self) -> Duty:
        return Duty(name="tidying", topic=Topic.ERRAND, act=self.act)

    async def act(self) -> datetime:
        """Delete one batch of each kind; when there is more to delete: now, or in a while."""
        now = self.now()
        if self._next is not None and now < self._next <= now + EVERY:
            return self._next
        counts = [await self._forget(forget, now) for forget in FORGETTING]
        self._next = now if max(counts) == BATCH else now + EVERY
        return self._next

    async def _forget(self, forget: Forget, now: datetime) -> int:
        return await self.db.write(lambda session: forget(session, now, BATCH))
