"""Posts of the queue: each takes the next free slot, and gives it back when it waits no more."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import update

from api.answers import invalid, problem, rows
from api.changing import patch, refusal
from api.deciding import act
from api.queueing import (
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    daily,
    next_free,
    order,
    positions,
    queued,
    set_slots,
)
from api.sending import create
from installation import Installation
from oncue.workspaces.models import Workspace
from statements import statements

pytestmark = pytest.mark.anyio


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
    assert await next_free(installation, 1) == []
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


async def test_a_queued_post_keeps_its_slot_while_it_waits_for_approval_and_after(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    await order(installation, post, "start-approval")
    assert await next_free(installation, 1) == [TUESDAY]
    await order(installation, post, "approve")

    assert await positions(installation, post) == [1]
    assert await next_free(installation, 1) == [TUESDAY]


async def test_a_queued_post_that_is_to_be_approved_for_its_very_slot_keeps_it(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    post, other = await queued(installation), await queued(installation)

    await act(installation, post, "start-approval", scheduledFor=MONDAY)
    await act(installation, other, "start-approval", scheduledFor="2026-11-24T09:30:00Z")

    assert await next_free(installation, 1) == [TUESDAY]
    await order(installation, post, "approve")
    assert await positions(installation, post) == [1]


async def test_a_queued_post_that_is_not_approved_in_time_or_at_all_gives_its_slot_back(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    rejected, belated = await queued(installation), await queued(installation)
    for post in (rejected, belated):
        await order(installation, post, "start-approval")

    await order(installation, rejected, "reject")
    assert await next_free(installation, 2) == [MONDAY, WEDNESDAY]
    installation.clock.advance(days=3)
    await order(installation, belated, "approve")

    assert await positions(installation, rejected, belated) == [None, None]
    assert (await installation.get(belated["id"]))["scheduledFor"] is None


async def test_a_copy_of_a_queued_post_has_no_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    post = await queued(installation)

    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    assert (copy["status"], copy["scheduledFor"], copy["queuePosition"]) == ("draft", None, None)
    assert await positions(installation, post) == [1]


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
