"""Kill -9 at random instants, again and again, until everything has gone out.

ONCUE_CRASH_KILLS asks for more kills than the few that fit into every run of the tests.
"""

import os
from random import Random
from typing import Final

import pytest

from crash.site import EVERYWHERE, Site
from processes import Process, eventually

KILLS: Final = int(os.environ.get("ONCUE_CRASH_KILLS", "20"))
BETWEEN_KILLS: Final = 10  # posts that the networks accept before the next one, at most
USERS: Final = ("anna", "ben")
ACCOUNTS: Final = len(USERS) * len(EVERYWHERE)
POSTS: Final = 2 * KILLS * BETWEEN_KILLS // ACCOUNTS  # more than the kills leave time for
DUE: Final = POSTS * ACCOUNTS
SEED: Final = 20261122

pytestmark = pytest.mark.timeout(120 + 10 * KILLS)


@pytest.fixture
def random() -> Random:
    return Random(SEED)


def test_one_server_after_the_other_on_sqlite(on_sqlite: Site, random: Random) -> None:
    make_due(on_sqlite)
    for _ in range(KILLS):
        server = on_sqlite.serve()
        let_it_work(on_sqlite, random)
        server.kill()

    on_sqlite.serve()
    on_sqlite.until_settled(within=120)

    check(on_sqlite)


def test_one_of_two_workers_after_the_other_on_postgresql(
    on_postgres: Site, random: Random
) -> None:
    make_due(on_postgres)
    workers = [on_postgres.start("worker"), on_postgres.start("worker")]
    for _ in range(KILLS):
        let_it_work(on_postgres, random)
        replace(on_postgres, workers, random.randrange(len(workers)))

    on_postgres.until_settled(within=120)

    check(on_postgres)


def make_due(site: Site) -> None:
    accounts = site.connect(*EVERYWHERE, users=USERS)
    site.publish_all([f"Post {number}" for number in range(POSTS)], accounts)


def let_it_work(site: Site, random: Random) -> None:
    """Wait until the networks have accepted a few more posts, or none."""
    enough = site.world.size() + random.randint(0, BETWEEN_KILLS)
    eventually(lambda: site.world.size() >= enough, "a few more posts are accepted")


def replace(site: Site, workers: list[Process], which: int) -> None:
    workers[which].kill()
    workers[which] = site.start("worker")


def check(site: Site) -> None:
    """Nothing is lost or doubled, and no more is in doubt than was on its way to Telegram."""
    verdict = site.verdict()
    assert verdict.total() == DUE
    assert verdict["unknown"] <= KILLS * len(USERS)
