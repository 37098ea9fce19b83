"""Very many failures, made without a network, and a look at what became of them."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from installation import Installation
from oncue.accounts.models import Account
from oncue.lib import ids
from oncue.outbox import Event
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post
from oncue.posts.rows import destination_rows, post_row
from oncue.posts.values import NewPost

TABLE: Table = Post.__table__  # type: ignore[assignment]  # it has a column named metadata


async def fail_many(oncue: Installation, count: int, platform: str = "MASTODON") -> list[UUID]:
    """Posts whose one destination has failed, a minute ago; the destinations, in order."""
    account, now = oncue.accounts[platform], oncue.clock()
    return await oncue.db.write(lambda session: _fail(session, account, count, now))


def _fail(session: Session, account: Account, count: int, now: datetime) -> list[UUID]:
    new = NewPost(content="Hello", account_ids=[account.id])
    posts = [
        post_row(account.workspace_id, new, None, now) | {"status": Status.FAILED}
        for _ in range(count)
    ]
    failed = {
        "state": State.FAILED,
        "settled_at": now - timedelta(minutes=1),
        "attempt_count": 3,
        "retry_count": 3,
        "error": "The network was not there",
    }
    destinations = [
        row | failed
        for post in posts
        for row in destination_rows(account.workspace_id, post["id"], [account], None, now)
    ]
    session.execute(insert(TABLE), posts)
    session.execute(insert(Destination), destinations)
    return sorted(row["id"] for row in destinations)


async def change(oncue: Installation, destination_id: UUID, **values: object) -> None:
    """Give a destination other values than it has."""

    def work(session: Session) -> None:
        row = session.get_one(Destination, destination_id)
        for name, value in values.items():
            setattr(row, name, value)

    await oncue.db.write(work)


async def states(oncue: Installation) -> Counter[str]:
    """How many destinations are in each state."""
    return await oncue.db.read(
        lambda session: Counter(session.scalars(select(Destination.state)).all())
    )


async def fences(oncue: Installation) -> Counter[int]:
    """How often destinations were put back into the queue, and how many of them so often."""
    return await oncue.db.read(
        lambda session: Counter(session.scalars(select(Destination.fence)).all())
    )


async def events(oncue: Installation) -> Counter[str]:
    """How many events of posts there are of each type."""
    of_posts = select(Event.type).where(Event.post_id.is_not(None))
    return await oncue.db.read(lambda session: Counter(session.scalars(of_posts).all()))


def plain(kind: str, typeid: str) -> str:
    """An id of the native dialect as the other writes it."""
    return str(ids.from_typeid(kind, typeid))
