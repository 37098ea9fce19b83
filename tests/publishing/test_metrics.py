"""What a machine is told that watches over the installation: which posts are late, and how late."""

import pytest

from installation import Installation
from oncue.lib.clock import iso

pytestmark = pytest.mark.anyio

WATCHED = {
    "oncue_due_destinations",
    "oncue_oldest_due_seconds",
    "oncue_held_destinations",
    "oncue_unknown_outcomes",
}


async def watched(oncue: Installation) -> dict[str, float]:
    answer = await oncue.api.get("/metrics")
    assert answer.status_code == 200
    lines = (line.split() for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines if name in WATCHED}


async def test_where_nothing_waits_everything_is_nought(installation: Installation) -> None:
    await installation.publish("MASTODON")

    assert await watched(installation) == dict.fromkeys(WATCHED, 0)


async def test_a_post_nobody_publishes_is_seen_to_grow_late(installation: Installation) -> None:
    await installation.create("MASTODON", scheduledFor=iso(installation.clock()))
    installation.clock.advance(seconds=90)
    await installation.create("TELEGRAM", scheduledFor=iso(installation.clock()))
    installation.clock.advance(seconds=30)

    seen = await watched(installation)

    assert seen["oncue_due_destinations"] == 2
    assert seen["oncue_oldest_due_seconds"] == 120
    await installation.run_due()
    assert await watched(installation) == dict.fromkeys(WATCHED, 0)


async def test_what_waits_for_a_person_is_counted_until_it_is_seen_to(
    installation: Installation,
) -> None:
    await installation.create("MASTODON", scheduledFor=iso(installation.clock()))
    installation.clock.advance(days=2)
    await installation.run_due()
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    unknown = await installation.publish("TELEGRAM")

    seen = await watched(installation)

    assert (seen["oncue_held_destinations"], seen["oncue_unknown_outcomes"]) == (1, 1)
    [destination] = unknown["platforms"]
    resolving = f"/v1/posts/{unknown['id']}/platforms/{destination['id']}/resolve"
    await installation.api.post(resolving, json={"published": False})
    assert (await watched(installation))["oncue_unknown_outcomes"] == 0
