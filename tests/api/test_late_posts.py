"""Posts whose time passed while nobody was there to publish them: out late, held, or skipped."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from api.answers import invalid
from api.changing import patch, refusal
from installation import Installation

pytestmark = pytest.mark.anyio

AT: Final = "2026-11-22T13:00:00.000Z"  # an hour after the clock's start
LATER: Final = "2026-12-01T09:00:00.000Z"
OUT: Final = ("published", "published", None)
HELD: Final = ("scheduled", "pending", "late")
SKIPPED: Final = ("cancelled", "skipped", None)


async def missed(
    installation: Installation, *, late: Mapping[str, float], **fields: object
) -> dict[str, Any]:
    """A scheduled post, and nobody there until so long after its time."""
    post = await installation.create("MASTODON", scheduledFor=AT, **fields)
    installation.clock.advance(hours=1)
    installation.clock.advance(**late)
    await installation.run_due()
    return await installation.get(post["id"])


def ending(post: Mapping[str, Any]) -> tuple[str, str, str | None]:
    [platform] = post["platforms"]
    return post["status"], platform["status"], platform["heldReason"]


async def settings(installation: Installation, **fields: object) -> None:
    answer = await installation.api.patch("/v1/workspace", json=fields)
    assert answer.status_code == 200, answer.text


async def last_event(installation: Installation, post: Mapping[str, Any]) -> tuple[str, object]:
    event = (await installation.api.get(f"/v1/posts/{post['id']}/events/latest")).json()
    return event["type"], event["data"]


async def order(installation: Installation, post: Mapping[str, Any], operation: str) -> Any:
    answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}")
    assert answer.status_code == 200, answer.text
    await installation.run_due()
    return await installation.get(post["id"])


@pytest.mark.parametrize(
    ("policy", "late", "expected"),
    [
        ("publish", {"minutes": 1}, OUT),
        ("publish", {"hours": 1}, OUT),
        ("publish", {"hours": 12}, OUT),
        ("publish", {"days": 2}, HELD),
        ("hold", {"minutes": 1}, OUT),
        ("hold", {"minutes": 5}, OUT),
        ("hold", {"minutes": 5, "milliseconds": 1}, HELD),
        ("hold", {"hours": 1}, HELD),
        ("hold", {"days": 2}, HELD),
        ("skip", {"minutes": 1}, OUT),
        ("skip", {"hours": 1}, SKIPPED),
        ("skip", {"days": 2}, SKIPPED),
    ],
)
async def test_the_workspaces_policy_decides_about_a_late_post(
    installation: Installation,
    policy: str,
    late: Mapping[str, float],
    expected: tuple[str, str, str | None],
) -> None:
    await settings(installation, latePolicy=policy)

    post = await missed(installation, late=late)

    assert ending(post) == expected
    assert len(installation.posts("MASTODON")) == (expected == OUT)


@pytest.mark.parametrize(
    ("ours", "its", "expected"),
    [
        ("publish", "hold", HELD),
        ("publish", "skip", SKIPPED),
        ("hold", "publish", OUT),
        ("skip", "publish", OUT),
        ("skip", None, SKIPPED),
    ],
)
async def test_a_posts_own_policy_comes_before_its_workspaces(
    installation: Installation,
    ours: str,
    its: str | None,
    expected: tuple[str, str, str | None],
) -> None:
    await settings(installation, latePolicy=ours)

    post = await missed(installation, late={"hours": 1}, latePolicy=its)

    assert post["latePolicy"] == its
    assert ending(post) == expected


async def test_the_window_is_as_long_as_the_workspace_says(installation: Installation) -> None:
    await settings(installation, lateWindowSeconds=1_800)

    assert ending(await missed(installation, late={"minutes": 30, "seconds": 1})) == HELD


async def test_a_posts_policy_can_be_changed(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=AT)
    assert post["latePolicy"] is None

    assert (await patch(installation, post, latePolicy="skip"))["latePolicy"] == "skip"
    assert (await patch(installation, post, latePolicy=None))["latePolicy"] is None
    assert await refusal(installation, post, latePolicy="later") == invalid("latePolicy")


async def test_a_held_post_says_why_and_stays_held(installation: Installation) -> None:
    post = await missed(installation, late={"days": 2})
    before = await installation.api.get(f"/v1/posts/{post['id']}/events")

    installation.clock.advance(days=1)
    await installation.run_due()

    assert await last_event(installation, post) == ("post.held", {"reason": "late"})
    assert (await installation.api.get(f"/v1/posts/{post['id']}/events")).json() == before.json()
    assert await installation.get(post["id"]) == post
    assert (post["scheduledFor"], post["updatedAt"]) == (AT, "2026-11-24T13:00:00.000Z")


async def test_a_held_post_is_published_at_a_word(installation: Installation) -> None:
    post = await missed(installation, late={"days": 2})

    out = await order(installation, post, "publish")

    assert ending(out) == OUT
    assert len(installation.posts("MASTODON")) == 1


@pytest.mark.parametrize("policy", ["hold", "skip"])
async def test_a_post_that_did_not_go_out_can_be_given_another_time(
    installation: Installation, policy: str
) -> None:
    post = await missed(installation, late={"days": 2}, latePolicy=policy)

    again = await patch(installation, post, scheduledFor=LATER)
    assert ending(again) == ("scheduled", "pending", None)
    installation.clock.advance(days=30)
    await patch(installation, post, latePolicy="publish", scheduledFor=iso_now(installation))
    await installation.run_due()

    assert ending(await installation.get(post["id"])) == OUT


def iso_now(installation: Installation) -> str:
    return installation.clock().isoformat()


async def test_a_held_post_is_cancelled_deleted_or_made_a_draft_like_any_other(
    installation: Installation,
) -> None:
    cancelled, deleted, draft = [
        await installation.create("MASTODON", scheduledFor=AT) for _ in range(3)
    ]
    installation.clock.advance(days=2)
    await installation.run_due()

    gone = await installation.api.delete(f"/v1/posts/{deleted['id']}")

    assert ending(await order(installation, cancelled, "cancel")) == ("cancelled", "pending", None)
    assert gone.status_code == 200
    assert ending(await patch(installation, draft, clearSchedule=True)) == (
        "draft",
        "pending",
        None,
    )


async def test_a_skipped_post_is_cancelled_and_says_why(installation: Installation) -> None:
    post = await missed(installation, late={"hours": 1}, latePolicy="skip")

    assert await last_event(installation, post) == ("post.cancelled", {"reason": "late"})
    assert ending(await order(installation, post, "publish")) == OUT


async def test_a_post_is_held_at_all_of_its_accounts_or_at_none(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", "TWITTER", scheduledFor=AT, latePolicy="hold")
    installation.clock.advance(hours=3)
    await installation.run_due()

    held = await installation.get(post["id"])

    assert [each["heldReason"] for each in held["platforms"]] == ["late", "late"]
    assert installation.posts("MASTODON") == installation.posts("TWITTER") == []


async def test_an_account_that_a_held_post_is_given_waits_with_the_others(
    installation: Installation,
) -> None:
    post = await missed(installation, late={"days": 2})
    both = [installation.account("MASTODON"), installation.account("TWITTER")]

    await patch(installation, post, accountIds=both)
    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "scheduled"
    assert installation.posts("TWITTER") == []

    out = await order(installation, post, "publish")
    assert [each["status"] for each in out["platforms"]] == ["published", "published"]


async def test_of_many_late_posts_each_goes_its_own_way(installation: Installation) -> None:
    policies = ["publish", "hold", "skip"] * 3
    posts = [
        await installation.create("MASTODON", scheduledFor=AT, latePolicy=policy)
        for policy in policies
    ]
    installation.clock.advance(hours=3)

    await installation.run_due()

    endings = [ending(await installation.get(post["id"])) for post in posts]
    assert endings == [OUT, HELD, SKIPPED] * 3
    assert len(installation.posts("MASTODON")) == 3


async def test_what_has_begun_to_go_out_is_not_held(installation: Installation) -> None:
    await settings(installation, latePolicy="hold")
    await installation.fault(kind="unavailable", platform="MASTODON")
    post = await installation.create("MASTODON", scheduledFor=AT)
    installation.clock.advance(hours=1)
    await installation.run_due()
    assert (await installation.get(post["id"]))["platforms"][0]["nextRetryAt"] is not None

    installation.clock.advance(days=2)  # the retry is as late as can be
    await installation.run_due()

    assert ending(await installation.get(post["id"])) == OUT


async def test_a_post_that_was_sent_out_by_hand_is_not_held_however_long_it_takes(
    installation: Installation,
) -> None:
    await settings(installation, latePolicy="hold")
    post = await installation.create("MASTODON")
    await installation.api.post(f"/v1/posts/{post['id']}/publish")

    installation.clock.advance(days=2)
    await installation.run_due()

    assert ending(await installation.get(post["id"])) == OUT


async def test_a_queued_post_that_is_late_gives_its_place_in_the_queue_up(
    installation: Installation,
) -> None:
    week = [{"day": day, "time": "13:00"} for day in ("SU", "MO", "TU", "WE", "TH", "FR", "SA")]
    await installation.api.put("/v1/queue/slots", json={"timezone": "UTC", "slots": week})
    late = await installation.create("MASTODON", queue=True, latePolicy="hold")
    other = await installation.create("MASTODON", queue=True)
    assert (late["scheduledFor"], late["queuePosition"]) == (AT, 1)

    installation.clock.advance(hours=3)
    await installation.run_due()

    held = await installation.get(late["id"])
    assert (ending(held), held["queuePosition"]) == (HELD, None)
    assert (await installation.get(other["id"]))["queuePosition"] == 1
