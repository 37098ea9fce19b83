"""Servers die by kill -9 around the times of a rule: each is run once, and the rule goes on.

The rules here come round every hour. Nobody waits for one to pass: it has, once everything
that is on record of a rule is an hour older.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crash.site import Site
from oncue.lib.clock import utc_now
from oncue.lib.crashpoints import POINTS, RULE_POINTS
from oncue.posts import service as posts
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination, Post
from oncue.posts.values import NewPost
from oncue.recurrence import service as recurrence
from oncue.recurrence.models import Recurrence, RecurrenceRun
from oncue.recurrence.values import NewRule
from processes import KILLED, eventually

HOUR: Final = timedelta(hours=1)
TEXTS: Final = ("One", "Two", "Three")
CREATED: Final = "created"
MISSED: Final = "missed"
ALONE: Final = {"ONCUE_HEARTBEAT_SECONDS": "1"}  # no living server could be taken for dead

pytestmark = pytest.mark.timeout(240)


def test_times_whose_servers_die_one_after_the_other_are_run_once_each(site: Site) -> None:
    repeat(site, "Again")
    early, late = POINTS[:3], POINTS[3:]  # a publication is given up once it has killed six

    die_at(site, *RULE_POINTS, *early)
    let_one_live(site)

    assert history(site) == {"Again": [CREATED]}
    assert posts_made(site) == ["Again"]
    let_hours_pass(site)
    die_at(site, *late)
    let_one_live(site)
    assert history(site) == {"Again": [CREATED, CREATED]}
    assert posts_made(site) == ["Again", "Again"]


@pytest.mark.parametrize("point", ["post_copied", "time_kept"])
def test_of_rules_that_come_round_together_none_runs_twice(on_sqlite: Site, point: str) -> None:
    repeat(on_sqlite, *TEXTS)

    die_at(on_sqlite, f"{point}:2", f"{point}:1")
    let_one_live(on_sqlite)

    assert history(on_sqlite) == {text: [CREATED] for text in TEXTS}
    assert sorted(posts_made(on_sqlite)) == sorted(TEXTS)


def test_times_that_passed_before_the_next_server_are_missed_but_for_the_latest(
    site: Site,
) -> None:
    repeat(site, "Again")

    die_at(site, "time_run")
    let_hours_pass(site, 3)
    die_at(site, "post_copied")
    let_one_live(site)

    assert history(site) == {"Again": [MISSED, MISSED, MISSED, CREATED]}
    assert posts_made(site) == ["Again"]


def test_a_time_that_is_found_too_late_is_missed_once_and_the_rule_goes_on(
    on_sqlite: Site,
) -> None:
    repeat(on_sqlite, "Again", ago=timedelta(minutes=10))

    die_at(on_sqlite, "rule_due", "time_run", "time_kept")
    let_one_live(on_sqlite)

    assert history(on_sqlite) == {"Again": [MISSED]}
    assert posts_made(on_sqlite) == []


def repeat(site: Site, *texts: str, ago: timedelta = timedelta(0)) -> None:
    """Posts that are repeated every hour, each first at the last whole minute or `ago`.

    Their own time is weeks ahead, so all that is published is their copies.
    """
    accounts, now = site.connect("MASTODON"), utc_now()
    first = now.replace(second=0, microsecond=0) - ago
    rule = NewRule(rule=f"FREQ=HOURLY;BYMINUTE={first.minute}", timezone="UTC")

    def make(session: Session) -> None:
        for text in texts:
            later = now + timedelta(weeks=3)
            new = NewPost(content=text, account_ids=accounts, scheduled_for=later)
            post_id = posts.create(session, site.workspace_id, new, now)
            recurrence.create(session, site.workspace_id, post_id, rule, first)

    site.transact(make)


def die_at(site: Site, *points: str) -> None:
    """Have one server after the other come up, and die at its point."""
    for point in points:
        assert site.serve(ONCUE_CRASH_AT=point, **ALONE).ended() == KILLED, point


def let_one_live(site: Site) -> None:
    """Have a server do all there is to do; every rule has a time to come then."""

    def left(session: Session) -> int:
        due = select(func.count()).where(Recurrence.next_run_at <= utc_now())
        unsent = select(func.count()).where(copies, Destination.state != State.PUBLISHED)
        return (session.scalar(due) or 0) + (session.scalar(unsent) or 0)

    copies = Destination.post_id.in_(select(Post.id).where(Post.recurrence_id.is_not(None)))
    server = site.serve(**ALONE)
    eventually(lambda: site.transact(left) == 0, "every time is run, and every copy is out")
    server.kill()
    following = site.transact(lambda session: session.scalars(select(Recurrence.next_run_at)).all())
    assert None not in following


def let_hours_pass(site: Site, hours: int = 1) -> None:
    """Make all that is on record of the rules so much older."""

    def work(session: Session) -> None:
        for rule in session.scalars(select(Recurrence)):
            assert rule.next_run_at is not None
            rule.start_at -= hours * HOUR
            rule.next_run_at -= hours * HOUR
        runs = select(RecurrenceRun.recurrence_id, RecurrenceRun.due_at)
        for rule_id, due_at in session.execute(runs.order_by(RecurrenceRun.due_at)).all():
            session.execute(
                update(RecurrenceRun)
                .where(RecurrenceRun.recurrence_id == rule_id, RecurrenceRun.due_at == due_at)
                .values(due_at=due_at - hours * HOUR)
            )

    site.transact(work)


def history(site: Site) -> Mapping[str, Sequence[str]]:
    """What became of the times of each post's rule, earliest first."""

    def look(session: Session) -> Mapping[str, Sequence[str]]:
        runs = (
            select(Post.content, RecurrenceRun.outcome)
            .join(Recurrence, Recurrence.post_id == Post.id)
            .join(RecurrenceRun, RecurrenceRun.recurrence_id == Recurrence.id)
            .order_by(RecurrenceRun.due_at)
        )
        found: dict[str, list[str]] = {}
        for content, outcome in session.execute(runs):
            found.setdefault(content, []).append(outcome)
        return found

    return site.transact(look)


def posts_made(site: Site) -> Sequence[str]:
    """The texts that the network has, in order; it has them from the copies there are."""

    def look(session: Session) -> Sequence[str | None]:
        return session.scalars(
            select(Destination.platform_post_id)
            .join(Post, Post.id == Destination.post_id)
            .where(Post.recurrence_id.is_not(None))
        ).all()

    accepted = site.world.posts()
    assert Counter(post["id"] for post in accepted) == Counter(site.transact(look))
    return [post["text"] for post in accepted]
