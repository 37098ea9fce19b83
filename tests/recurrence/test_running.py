"""Each time of a rule once: downtimes, crashes, workers beside each other, rules gone bad."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.db.database import Database
from oncue.posts.models import Post
from oncue.recurrence.models import Recurrence
from oncue.recurrence.running import BATCH, run_due
from oncue.workspaces.models import Workspace
from recurrence.repeating import (
    SUNDAY,
    ask,
    change,
    live_through,
    outcomes,
    path,
    repeated,
    rule_of,
)
from statements import statements

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Killed(Exception):
    """The process is no more."""


@dataclass
class Dying:
    """A database whose process dies at one of its transactions, before or after the commit."""

    db: Database
    commits: bool

    async def write(self, work: Callable[[Session], T]) -> T:
        def doomed(session: Session) -> T:
            work(session)
            session.flush()
            raise Killed

        if self.commits:
            await self.db.write(work)
            raise Killed
        return await self.db.write(doomed)

    async def read(self, work: Callable[[Session], T]) -> T:
        return await self.db.read(work)

    def on(self, topic: object, wake: Callable[[], None]) -> None:
        raise AssertionError("nobody waits here")

    async def drain(self) -> None:
        await self.db.drain()

    async def close(self) -> None:
        await self.db.close()


async def count_posts(installation: Installation) -> int:
    counted = await installation.db.read(
        lambda session: session.scalar(select(func.count(Post.id)))
    )
    return counted or 0


async def test_a_downtime_of_two_days_is_on_record_and_not_made_up_for(
    installation: Installation,
) -> None:
    source = await repeated(installation, "FREQ=DAILY;BYHOUR=6,12,18;BYMINUTE=30")
    installation.clock.advance(days=2)

    await installation.errands()
    await installation.run_due()

    assert await outcomes(installation, source) == [
        ("2026-11-22T12:30", "missed"),
        ("2026-11-22T18:30", "missed"),
        ("2026-11-23T06:30", "missed"),
        ("2026-11-23T12:30", "missed"),
        ("2026-11-23T18:30", "missed"),
        ("2026-11-24T06:30", "missed"),
    ]
    assert (await rule_of(installation, source))["nextRunAt"] == "2026-11-24T12:30:00.000Z"
    assert len(installation.posts("MASTODON")) == 1


@pytest.mark.parametrize(("late", "outcome"), [(300, "created"), (300.001, "missed")])
async def test_the_latest_time_still_runs_up_to_five_minutes_late(
    installation: Installation, late: float, outcome: str
) -> None:
    source = await repeated(installation, "FREQ=DAILY;BYHOUR=12;BYMINUTE=26,28,30")

    installation.clock.advance(minutes=30, seconds=late)
    await installation.errands()

    assert await outcomes(installation, source) == [
        ("2026-11-22T12:26", "missed"),
        ("2026-11-22T12:28", "missed"),
        ("2026-11-22T12:30", outcome),
    ]


async def test_after_a_long_downtime_a_dense_rule_is_caught_up_with_in_parts(
    installation: Installation,
) -> None:
    minutes = "BYMINUTE=0,7,14,21,28,35,42,49"
    source = await repeated(installation, f"FREQ=HOURLY;{minutes}")
    installation.clock.advance(hours=BATCH // 8 + 5, minutes=1)

    await installation.errands()
    await installation.run_due()

    runs = await outcomes(installation, source)  # the last hundred
    assert [outcome for _at, outcome in runs] == ["missed"] * 99 + ["created"]
    assert len(installation.posts("MASTODON")) == 2
    before = await change(installation, source)
    assert before["occurrenceCount"] == 1


async def test_workers_beside_each_other_run_a_time_once(installation: Installation) -> None:
    posts = [await repeated(installation) for _ in range(5)]
    installation.clock.advance(minutes=30)
    before = await count_posts(installation)

    await asyncio.gather(*(run_due(installation.db, installation.clock) for _ in range(8)))
    await run_due(installation.db, installation.clock)

    assert await count_posts(installation) == before + len(posts)
    for post in posts:
        assert await outcomes(installation, post) == [("2026-11-22T12:30", "created")]


@pytest.mark.parametrize("commits", [False, True])
async def test_a_process_that_dies_loses_no_time_and_doubles_none(
    installation: Installation, *, commits: bool
) -> None:
    source = await repeated(installation)
    installation.clock.advance(minutes=30)

    with pytest.raises(Killed):
        await run_due(Dying(installation.db, commits), installation.clock)
    died_with = await outcomes(installation, source)
    await installation.errands()
    await installation.run_due()

    assert died_with == ([("2026-11-22T12:30", "created")] if commits else [])
    assert await outcomes(installation, source) == [("2026-11-22T12:30", "created")]
    assert len(installation.posts("MASTODON")) == 2


async def test_a_clock_that_is_set_back_runs_nothing_twice(installation: Installation) -> None:
    source = await repeated(installation)
    await live_through(installation, SUNDAY)

    installation.clock.now = START
    changed = await change(installation, source, enabled=False)
    changed = await change(installation, source, enabled=True)
    await live_through(installation, SUNDAY)

    assert changed["nextRunAt"] == "2026-11-23T12:30:00.000Z"
    assert len(installation.posts("MASTODON")) == 2


async def test_the_plans_posts_are_what_a_rule_may_use(installation: Installation) -> None:
    source = await repeated(installation)
    await installation.services.db.write(
        lambda session: session.execute(
            update(Workspace)
            .where(Workspace.id == installation.workspace_id)
            .values(posts_per_month=1)
        )
    )

    await live_through(installation, SUNDAY)

    [run] = (await installation.api.get(path(source, "/runs"))).json()["data"]
    assert run["outcome"] == "failed"
    assert "posts a month" in run["note"]
    assert await count_posts(installation) == 1


async def test_a_rule_that_is_not_known_any_more_ends_and_stops_no_other(
    installation: Installation,
) -> None:
    bad = await repeated(installation)
    await installation.db.write(
        lambda session: session.execute(update(Recurrence).values(timezone="Atlantis/Capital"))
    )
    good = await repeated(installation)

    await live_through(installation, SUNDAY)

    [run] = (await installation.api.get(path(bad, "/runs"))).json()["data"]
    assert run["outcome"] == "failed"
    assert "Atlantis" in run["note"]
    assert (await rule_of(installation, bad))["nextRunAt"] is None
    assert await outcomes(installation, good) == [("2026-11-22T12:30", "created")]


async def test_a_time_that_new_zone_data_moved_runs_where_it_is_now(
    installation: Installation,
) -> None:
    source = await repeated(installation)
    promised = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)  # as older data had it
    await installation.db.write(
        lambda session: session.execute(update(Recurrence).values(next_run_at=promised))
    )

    await live_through(installation, "2026-11-22T12:15", SUNDAY)

    assert await outcomes(installation, source) == [("2026-11-22T12:30", "created")]


@statements("V280")
async def test_a_rule_wakes_the_worker_no_earlier_than_it_comes_round(
    installation: Installation,
) -> None:
    nothing = await run_due(installation.db, installation.clock)
    post = await installation.publish("MASTODON")
    await ask(installation, post)

    waiting = await run_due(installation.db, installation.clock)

    assert (nothing, waiting) == (None, START + timedelta(minutes=30))
