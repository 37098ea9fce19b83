"""The queue's weekly slots: how they are set, and which are free."""

from datetime import datetime

import pytest

from api.answers import invalid, problem
from api.queueing import MONDAY, TUESDAY, WEDNESDAY, daily, next_free, positions, queued, set_slots
from installation import Clock, Installation

pytestmark = pytest.mark.anyio


async def test_the_weeks_slots_are_kept_in_its_order(installation: Installation) -> None:
    assert (await installation.api.get("/v1/queue/slots")).json() == {
        "timezone": "UTC",
        "slots": [],
    }
    week = [{"day": "SU", "time": "23:59"}, {"day": "MO", "time": "09:00"}]

    kept = await set_slots(installation, week, "America/New_York")

    assert kept == {"timezone": "America/New_York", "slots": week[::-1]}
    assert (await installation.api.get("/v1/queue/slots")).json() == kept


@pytest.mark.parametrize(
    ("timezone", "slots", "refused"),
    [
        ("Mars/Olympus", daily("09:00"), invalid("timezone")),
        (None, daily("09:00"), invalid("timezone")),
        ("UTC", [{"day": "MON", "time": "09:00"}], invalid("slots[0].day")),
        ("UTC", [{"day": "MO", "time": "9:00"}], invalid("slots[0].time")),
        ("UTC", [{"day": "MO"}], invalid("slots[0].time")),
        ("UTC", [{"day": "MO", "time": "09:00", "zone": "UTC"}], invalid("slots[0].zone")),
        ("UTC", [{"day": "MO", "time": "09:00"}] * 2, invalid("slots[1]")),
        ("UTC", daily("09:00") * 29, invalid("slots", limit=200, actual=203)),
        ("UTC", None, invalid("slots")),
    ],
)
async def test_slots_that_make_no_sense_are_refused_and_the_old_ones_stay(
    installation: Installation, timezone: object, slots: object, refused: object
) -> None:
    kept = await set_slots(installation, daily("09:00"))

    answer = await installation.api.put(
        "/v1/queue/slots", json={"timezone": timezone, "slots": slots}
    )

    assert problem(answer) == refused
    assert (await installation.api.get("/v1/queue/slots")).json() == kept


async def test_the_next_free_slots_are_those_that_no_post_has_taken(
    installation: Installation,
) -> None:
    assert await next_free(installation, 3) == []
    await set_slots(installation, daily("09:00"))
    await installation.create("MASTODON", scheduledFor=MONDAY)  # no post of the queue
    assert await next_free(installation, 2) == [MONDAY, TUESDAY]

    await queued(installation)

    assert await next_free(installation, 2) == [TUESDAY, WEDNESDAY]
    assert len((await installation.api.get("/v1/queue/next")).json()["slots"]) == 10


@pytest.mark.parametrize("count", ["0", "101", "x"])
async def test_how_many_free_slots_has_its_limits(installation: Installation, count: str) -> None:
    answer = await installation.api.get(f"/v1/queue/next?count={count}")

    assert problem(answer)[:2] == (400, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == "count"


async def test_other_slots_leave_the_posts_that_have_one_where_they_are(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    await set_slots(installation, daily("08:00"), "Europe/Berlin")

    assert (await installation.get(post["id"]))["scheduledFor"] == MONDAY
    assert (await queued(installation))["scheduledFor"] == "2026-11-23T07:00:00.000Z"
    assert await positions(installation, post) == [2]


async def test_workspaces_have_queues_of_their_own(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    await queued(installation)
    other = await installation.new_workspace()
    key = await installation.new_key(workspace_id=other)
    headers = {"authorization": f"Bearer {key}"}

    asked = await installation.api.get("/v1/queue/slots", headers=headers)
    free = await installation.api.get("/v1/queue/next", headers=headers)

    assert (asked.json()["slots"], free.json()["slots"]) == ([], [])


@pytest.mark.parametrize(
    ("timezone", "at", "now", "expected"),
    [
        (
            "America/New_York",
            "02:30",
            "2026-03-07T07:00:00+00:00",
            ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"],
        ),
        (
            "America/New_York",
            "01:30",
            "2026-10-31T05:00:00+00:00",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-02T15:00:00+00:00",
            ["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"],
        ),
    ],
)
async def test_posts_take_the_slots_of_days_on_which_clocks_change_once_each(
    installation: Installation, clock: Clock, timezone: str, at: str, now: str, expected: list[str]
) -> None:
    clock.now = datetime.fromisoformat(now)
    await set_slots(installation, daily(at), timezone)

    times = [(await queued(installation))["scheduledFor"] for _ in expected]

    assert times == [f"{time}:00.000Z" for time in expected]
