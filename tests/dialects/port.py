"""What the stories ask of a dialect, and the state of the core that they look at afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import select

from installation import Installation
from oncue.accounts.models import Account
from oncue.posts.models import Destination, Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A post to make: at a time, or kept as a draft."""

    content: str
    accounts: Sequence[Account]
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Failures to retry, by everything a dialect can narrow them with."""

    posts: Sequence[UUID] | None = None
    account: Account | None = None
    platform: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    max_attempts: int | None = None


class Refused(Exception):
    """The whole request was refused, with this code in lower case."""


class Dialect(Protocol):
    """One of the two ways in."""

    async def bulk(self, posts: Sequence[Wanted]) -> Sequence[UUID | None]:
        """Make posts; the id of each, None for one that was refused. Raises Refused."""
        ...

    async def retry_failed(self, which: Which, *, dry_run: bool = False) -> set[UUID]:
        """Retry failures; the destinations that the answer names. Raises Refused."""
        ...


Posts = Mapping[str, tuple[str, Mapping[str, str]]]
"""By its content each post's status, and by platform the states of its destinations."""


async def posts_of(installation: Installation) -> Posts:
    """Every post there is, in whatever workspace."""
    rows = await installation.db.read(
        lambda session: session.execute(
            select(Post.content, Post.status, Destination.platform, Destination.state)
            .join(Destination, Destination.post_id == Post.id)
            .order_by(Post.created_at, Post.id, Destination.position)
        ).all()
    )
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for content, status, platform, state in rows:
        found.setdefault(content, (status, {}))[1][platform] = state
    return found
