"""A duty: rows that nobody will ask for again are deleted, a bounded number at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy.orm import Session

from oncue.accounts import flows
from oncue.db.database import Database, Topic
from oncue.lib.clock import Clock
from oncue.media import copies
from oncue.posts import bulk_retries, traces
from oncue.publishing.duties import Duty
from oncue.webhooks import settling as deliveries
from oncue.workspaces import idempotency, ratelimit

EVERY: Final = timedelta(minutes=1)

Forget: TypeAlias = Callable[[Session, datetime, int], int]
FORGETTING: Final[Mapping[Forget, int]] = {
    idempotency.forget: 1_000,
    ratelimit.forget: 1_000,
    flows.forget: 1_000,
    deliveries.forget: 1_000,
    copies.forget: 100,
    traces.forget: 1_000,
    bulk_retries.forget: 20,  # for many parts hang on each
}
"""What deletes up to a number of rows that are too old by now, and says how many; that number."""


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
        is_more = [await self._forget(forget, now, most) for forget, most in FORGETTING.items()]
        self._next = now if any(is_more) else now + EVERY
        return self._next

    async def _forget(self, forget: Forget, now: datetime, most: int) -> bool:
        """Delete up to so many; whether there may be more."""
        return await self.db.write(lambda session: forget(session, now, most)) == most
