"""The posting queue: weekly slots, posts that take the next free one, and slots given back."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import update

from api.answers import invalid, problem, rows
from api.changing import patch, refusal
from api.sending import create
from installation import Clock, Installation
from oncue.workspaces.models import Workspace
from statements import statements

pytestmark = pytest.mark.anyio

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONDAY, TUESDAY, WEDNESDAY = (
    f"2026-11-{day}T09:00:00.000Z" for day in (23, 24, 25)
)  # the clock starts on Sunday the 22nd


def daily(*times: str) -> list[dict[str, str]]:
    return [{"day": day, "time": time} for day in DAYS for time in times]


async def set_slots(
    installation: Installation, slots: Sequence[object], timezone: str = "UTC"
) -> Any:
    body = {"timezone": timezone, "slots": slots}
    answer = await installation.api.put("/v1/queue/slots", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def next_free(installation: Installation, count: int) -> list[str]:
    answer = await installation.api.get(f"/v1/queue/next?count={count}")
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["slots"]
    return found


async def queued(installation: Installation, **fields: object) -> dict[str, Any]:
    return await installation.create("MASTODON", queue=True, **fields)


async def order(installation: Installation, post: dict[str, Any], operation: str) -> None:
    answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}")
    assert answer.status_code == 200, answer.text


async def positions(installation: Installation, *posts: dict[str, Any]) -> list[int | None]:
    return [(await installation.get(post["id"]))["queuePosition"] for post in posts]


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


@statements("V31", "V82")
async def test_a_queued_post_takes_the_next_free_slot_and_goes_out_in_it(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))

    first, second = await queued(installation), await queued(installation)

    assert [(p["status"], p["scheduledFor"], p["queuePosition"]) for p in (first, second)] == [
        ("scheduled", MONDAY, 1),
        ("scheduled", TUESDAY, 2),
    ]
    installation.clock.now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    await installation.run_due()
    assert (await installation.get(first["id"]))["status"] == "published"
    assert await positions(installation, first, second) == [None, 1]


@statements("V82")
async def test_a_page_shows_every_posts_place_and_none_for_others(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    await installation.create("MASTODON", scheduledFor=MONDAY)
    for _ in range(3):
        await queued(installation)
    await installation.create("MASTODON")

    page = (await installation.api.get("/v1/posts")).json()["data"]

    assert [post["queuePosition"] for post in page] == [None, 3, 2, 1, None]


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


@statements("V32", "V224")
@pytest.mark.parametrize("draft", [False, True])
async def test_a_time_and_the_queue_exclude_each_other(
    installation: Installation, *, draft: bool
) -> None:
    await set_slots(installation, daily("09:00"))
    before = await rows(installation)

    answer = await create(installation, queue=True, scheduledFor=TUESDAY, saveAsDraft=draft)

    assert problem(answer) == invalid("queue")
    assert await rows(installation) == before


async def test_without_slots_nothing_is_queued(installation: Installation) -> None:
    before = await rows(installation)

    answer = await create(installation, queue=True)

    assert problem(answer) == (409, "CONFLICT", None)
    assert "no slots" in answer.json()["error"]["message"]
    assert await rows(installation) == before


async def test_a_draft_takes_no_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))

    draft = await queued(installation, saveAsDraft=True)

    assert (draft["status"], draft["scheduledFor"]) == ("draft", None)
    assert await next_free(installation, 1) == [MONDAY]


async def test_a_post_that_is_refused_takes_no_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))

    answer = await create(installation, content="x" * 501, queue=True)

    assert answer.status_code == 400
    assert await next_free(installation, 1) == [MONDAY]


async def test_fifty_queued_at_once_take_the_next_fifty_slots(installation: Installation) -> None:
    await set_slots(installation, daily("09:00", "18:00"))
    expected = await next_free(installation, 50)

    made = await asyncio.gather(*(queued(installation) for _ in range(50)))

    assert sorted(post["scheduledFor"] for post in made) == expected
    assert set(await positions(installation, *made)) == set(range(1, 51))


async def test_a_plans_limit_and_the_queue_do_not_lock_each_other_out(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(posts_per_month=20))
    )
    body = {"content": "Hello", "accountIds": [installation.account("MASTODON")], "queue": True}

    answers = await asyncio.gather(
        *(
            installation.api.post("/v1/posts", json=body, headers={"idempotency-key": str(number)})
            for number in range(25)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [402] * 5
    assert len({a.json()["scheduledFor"] for a in answers if a.is_success}) == 20


async def test_items_of_a_bulk_call_take_slot_after_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    good = {"content": "Hello", "accountIds": [installation.account("MASTODON")], "queue": True}
    bad = good | {"scheduledFor": MONDAY}
    body = {"posts": [good, bad, good]}

    tried = await installation.api.post("/v1/posts/bulk", json=body | {"dryRun": True})
    made = await installation.api.post("/v1/posts/bulk", json=body)

    assert [each["status"] for each in tried.json()["results"]] == ["valid", "failed", "valid"]
    first, failed, second = made.json()["results"]
    assert [
        (await installation.get(post["postId"]))["scheduledFor"] for post in (first, second)
    ] == [
        MONDAY,
        TUESDAY,
    ]
    assert [error["field"] for error in failed["errors"]] == ["queue"]


CHANGES: Final[Mapping[str, Mapping[str, object]]] = {
    "time": {"scheduledFor": "2026-12-01T09:30:00Z"},
    "clear": {"clearSchedule": True},
    "draft": {"saveAsDraft": True},
}


@pytest.mark.parametrize("way", ["cancel", "publish", "delete", "time", "clear", "draft"])
async def test_a_slot_is_free_again_when_its_post_no_longer_waits_for_it(
    installation: Installation, way: str
) -> None:
    await set_slots(installation, daily("09:00"))
    post, other = await queued(installation), await queued(installation)

    if way in {"cancel", "publish"}:
        await order(installation, post, way)
    elif way == "delete":
        await installation.api.delete(f"/v1/posts/{post['id']}")
    else:
        assert (await patch(installation, post, **CHANGES[way]))["queuePosition"] is None

    assert await positions(installation, other) == [1]
    assert await next_free(installation, 2) == [MONDAY, WEDNESDAY]
    assert (await queued(installation))["scheduledFor"] == MONDAY


async def test_a_post_that_keeps_its_time_keeps_its_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    await patch(installation, post, content="New")
    kept = await patch(installation, post, scheduledFor=MONDAY)

    assert kept["queuePosition"] == 1
    assert await next_free(installation, 1) == [TUESDAY]


async def test_a_cancelled_post_that_comes_back_at_that_time_is_not_of_the_queue(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)
    await order(installation, post, "cancel")
    other = await queued(installation)

    back = await patch(installation, post, scheduledFor=MONDAY)

    assert (back["status"], back["queuePosition"]) == ("scheduled", None)
    assert await positions(installation, other) == [1]


async def test_a_copy_of_a_queued_post_has_no_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    assert (copy["status"], copy["scheduledFor"], copy["queuePosition"]) == ("draft", None, None)
    assert await positions(installation, post) == [1]


async def test_other_slots_leave_the_posts_that_have_one_where_they_are(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    await set_slots(installation, daily("08:00"), "Europe/Berlin")

    assert (await installation.get(post["id"]))["scheduledFor"] == MONDAY
    assert (await queued(installation))["scheduledFor"] == "2026-11-23T07:00:00.000Z"
    assert await positions(installation, post) == [2]


async def test_the_queue_cannot_be_asked_for_in_a_change(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    assert await refusal(installation, post, queue=True) == invalid("queue")


async def test_a_slot_that_a_post_went_out_in_is_not_given_again_when_the_clock_is_set_back(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    await queued(installation)
    installation.clock.now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    await installation.run_due()

    installation.clock.now -= timedelta(minutes=1)

    assert (await queued(installation))["scheduledFor"] == TUESDAY


async def test_a_queued_write_that_is_sent_again_takes_one_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    body = {"content": "Hello", "accountIds": [installation.account("MASTODON")], "queue": True}
    headers = {"idempotency-key": "one"}

    answers = [
        await installation.api.post("/v1/posts", json=body, headers=headers) for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert await next_free(installation, 1) == [TUESDAY]


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
