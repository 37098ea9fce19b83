"""Several worker processes on one PostgreSQL: what is due goes out once, whatever befalls them."""

import asyncio

import pytest

from crash.site import EVERYWHERE, Site
from installation import hang_up
from processes import Process, eventually

USERS = tuple(f"user{number}" for number in range(20))
POSTS = 25
DUE = POSTS * len(USERS) * len(EVERYWHERE)

# Longer than a living worker is silent on a machine that is busy with other tests.
PATIENT = {"ONCUE_HEARTBEAT_SECONDS": "10"}

pytestmark = pytest.mark.timeout(400)


def settled_by(worker: Process) -> int:
    return worker.says().count("destination_settled")


def until_work(worker: Process, count: int) -> None:
    eventually(lambda: settled_by(worker) >= count, f"the worker has done {count}")


def test_two_workers_share_two_thousand_destinations(on_postgres: Site) -> None:
    accounts = on_postgres.connect(*EVERYWHERE, users=USERS)
    on_postgres.publish_all([f"Post {number}" for number in range(POSTS)], accounts)

    workers = [on_postgres.start("worker", **PATIENT) for _ in range(2)]
    on_postgres.until_settled(within=300)

    assert on_postgres.verdict() == {"published": DUE}
    assert sum(settled_by(worker) for worker in workers) == DUE
    assert min(settled_by(worker) for worker in workers) > DUE / 10


def test_a_killed_workers_part_is_done_by_the_other(on_postgres: Site) -> None:
    accounts = on_postgres.connect(*EVERYWHERE, users=USERS)
    on_postgres.publish_all([f"Post {number}" for number in range(POSTS)], accounts)
    dying, other = (on_postgres.start("worker", **PATIENT) for _ in range(2))
    eventually(lambda: on_postgres.world.size() >= DUE / 2, "half is done", within=200)

    dying.kill()
    on_postgres.until_settled(within=200)

    verdict = on_postgres.verdict()
    assert verdict.total() == DUE
    assert verdict["unknown"] <= len(USERS)  # each account has one destination on its way
    assert settled_by(dying) > 0
    assert settled_by(other) > 0


def test_a_dead_workers_destinations_wait_for_its_heartbeat_and_no_longer(
    on_postgres: Site,
) -> None:
    on_postgres.world.fault(kind="slow", seconds=60, times=4)
    on_postgres.publish("Slowly", on_postgres.connect(*EVERYWHERE))
    dying = on_postgres.start("worker")
    eventually(lambda: on_postgres.in_doubt() == set(EVERYWHERE), "all four networks are asked")
    other = on_postgres.start("worker")

    dying.kill()
    on_postgres.world.forgive()  # an intent may have been recorded and its request not sent yet
    on_postgres.until_settled(within=20)

    assert on_postgres.verdict() == {"published": 3, "unknown": 1}
    assert settled_by(other) == 4


def test_a_worker_that_was_stopped_for_too_long_publishes_nothing_twice(on_postgres: Site) -> None:
    accounts = on_postgres.connect(*EVERYWHERE, users=USERS[:5])
    on_postgres.publish_all([f"Post {number}" for number in range(20)], accounts)
    sleeper, other = on_postgres.start("worker"), on_postgres.start("worker")
    eventually(lambda: on_postgres.world.size() >= 100, "a quarter is done")
    until_work(sleeper, 1)

    sleeper.pause()
    on_postgres.until_settled(within=60)
    sleeper.resume()

    assert (sleeper.stop(), other.stop()) == (0, 0)  # nothing runs any more
    assert on_postgres.verdict().total() == 400


def test_a_worker_goes_on_after_every_restart_of_its_database(on_postgres: Site) -> None:
    accounts = on_postgres.connect(*EVERYWHERE)
    worker = on_postgres.start("worker")
    for number in range(5):
        on_postgres.publish(f"Post {number}", accounts)
        until_work(worker, number + 1)
        asyncio.run(hang_up(on_postgres.settings.database_url))

    on_postgres.until_settled()

    assert worker.is_running()
    assert worker.stop() == 0
    assert on_postgres.verdict().total() == 5 * len(EVERYWHERE)
