"""Several worker processes on one PostgreSQL: what is due goes out once, whoever dies of them."""

import pytest

from crash.site import EVERYWHERE, Site
from processes import Process, eventually

USERS = [f"user{number}" for number in range(20)]
AT_ONCE = len(USERS)  # destinations of one network on their way at one time


def make_due(site: Site, posts: int) -> int:
    """Have so many posts due on eighty accounts; how many destinations that makes."""
    accounts = site.connect(*EVERYWHERE, users=USERS)
    site.publish_all([f"Post {number}" for number in range(posts)], accounts)
    return posts * len(accounts)


def settled_by(worker: Process) -> int:
    return worker.says().count("destination_settled")


@pytest.mark.timeout(180)
def test_two_workers_share_two_thousand_destinations(on_postgres: Site) -> None:
    due = make_due(on_postgres, posts=25)

    workers = [on_postgres.start("worker"), on_postgres.start("worker")]
    on_postgres.until_settled(within=120)

    assert on_postgres.verdict() == {"published": due}
    assert all(settled_by(worker) > due / 10 for worker in workers)


@pytest.mark.timeout(180)
def test_a_killed_workers_part_is_done_by_the_other(on_postgres: Site) -> None:
    due = make_due(on_postgres, posts=25)
    dying, other = on_postgres.start("worker"), on_postgres.start("worker")
    eventually(lambda: on_postgres.world.size() >= due / 2, "half is done", within=60)

    dying.kill()
    on_postgres.until_settled(within=60)

    verdict = on_postgres.verdict()
    assert verdict.total() == due
    assert verdict["unknown"] <= AT_ONCE
    assert settled_by(other) > due / 10
