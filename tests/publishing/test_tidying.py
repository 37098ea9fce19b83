"""What nobody will ask for again is deleted, a bounded number of rows at a time."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.lib import ids
from oncue.posts.traces import Trace
from oncue.publishing.tidying import EVERY, FORGETTING, Tidying
from oncue.workspaces import idempotency
from oncue.workspaces.models import IdempotencyKey

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "once"}


async def kept(installation: Installation) -> int:
    count = select(func.count()).select_from(IdempotencyKey)
    return await installation.db.read(lambda session: session.scalar(count)) or 0


async def test_an_answer_is_kept_for_a_day_and_then_forgotten(installation: Installation) -> None:
    body = {"content": "Once", "accountIds": [installation.account("MASTODON")]}
    await installation.api.post("/v1/posts", json=body, headers=KEY)

    installation.clock.advance(hours=24)
    await installation.errands()
    after_a_day = await kept(installation)
    installation.clock.advance(minutes=1)
    await installation.errands()

    assert (after_a_day, await kept(installation)) == (1, 0)


async def test_what_a_deleted_post_left_is_remembered_for_thirty_days(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    partly = await installation.publish("TWITTER", "MASTODON", content="Two words")
    await installation.api.delete(f"/v1/posts/{partly['id']}")

    installation.clock.advance(days=30)
    await installation.errands()
    after_a_month = await traces_of(installation)
    installation.clock.advance(minutes=1)
    await installation.errands()

    [(told, left_at)] = after_a_month
    [on_x] = installation.posts("TWITTER")
    assert on_x.id in told
    assert on_x.text not in told
    assert left_at == START
    assert await traces_of(installation) == []


async def traces_of(installation: Installation) -> list[tuple[list[str], datetime]]:
    found = select(Trace.told, Trace.left_at)
    return await installation.db.read(
        lambda session: [(told, left_at) for told, left_at in session.execute(found)]
    )


async def test_many_are_forgotten_in_batches(installation: Installation) -> None:
    tidying = Tidying(db=installation.db, now=installation.clock)
    most = FORGETTING[idempotency.forget]
    await installation.db.write(lambda session: add(session, installation, most + 1))

    first = await tidying.act()
    left = await kept(installation)
    second = await tidying.act()

    assert (first, left) == (installation.clock(), 1)
    assert (second, await kept(installation)) == (installation.clock() + EVERY, 0)


async def test_in_between_nothing_is_asked(installation: Installation) -> None:
    tidying = Tidying(db=installation.db, now=installation.clock)
    following = await tidying.act()
    await installation.db.write(lambda session: add(session, installation, 1))

    again = await tidying.act()
    there = await kept(installation)
    installation.clock.advance(days=-1)  # a clock that was wrong, and is not any more
    await tidying.act()

    assert (again, there) == (following, 1)
    installation.clock.advance(days=2)
    await tidying.act()
    assert await kept(installation) == 0


def add(session: Session, installation: Installation, count: int) -> None:
    """Answers from two days ago."""
    rows = [
        {
            "workspace_id": installation.workspace_id,
            "key_id": ids.new_id(START),
            "operation": "POST /v1/posts",
            "key": str(number),
            "fingerprint": "",
            "created_at": START - timedelta(days=2),
        }
        for number in range(count)
    ]
    session.execute(insert(IdempotencyKey), rows)
