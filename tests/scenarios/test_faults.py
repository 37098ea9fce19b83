"""Misfortunes from close by: retries and their times, renewals, threads, one after the other."""

from typing import Any

import pytest

from installation import Installation

pytestmark = pytest.mark.anyio


async def only(post: dict[str, Any]) -> dict[str, Any]:
    """The post's one destination."""
    [platform] = post["platforms"]
    shown: dict[str, Any] = platform
    return shown


async def test_where_nobody_can_tell_a_person_is_asked_and_nothing_is_sent_again(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")

    post = await installation.publish("TELEGRAM")
    held = len(installation.posts("TELEGRAM"))
    retry = await installation.api.post(f"/v1/posts/{post['id']}/retry")
    installation.clock.advance(hours=1)
    await installation.run_due()

    platform = await only(post)
    assert (post["status"], platform["needsReview"]) == ("failed", True)
    assert platform["error"].startswith("OUTCOME_UNKNOWN")
    assert platform["nextRetryAt"] is None
    assert [skipped["reason"] for skipped in retry.json()["skippedPlatforms"]] == [
        "outcome_unknown"
    ]
    assert len(installation.posts("TELEGRAM")) == held


async def test_a_passing_refusal_is_tried_again_by_itself_after_two_minutes(
    installation: Installation,
) -> None:
    await installation.fault(kind="rate_limit", platform="TELEGRAM", retryAfter=30)

    failed = await installation.publish("TELEGRAM")
    installation.clock.advance(minutes=2)
    await installation.run_due()

    shown = await only(failed)
    assert (failed["status"], shown["status"], shown["retryCount"]) == ("failed", "failed", 1)
    assert shown["nextRetryAt"] == "2026-11-22T12:02:00.000Z"
    assert (await installation.get(failed["id"]))["status"] == "published"
    assert len(installation.posts("TELEGRAM")) == 1


async def test_a_network_that_names_a_later_time_is_waited_for(
    installation: Installation,
) -> None:
    await installation.fault(kind="rate_limit", platform="MASTODON", retryAfter=900)

    failed = await installation.publish("MASTODON")

    assert (await only(failed))["nextRetryAt"] == "2026-11-22T12:15:00.000Z"


async def test_three_retries_wait_two_four_and_eight_minutes_and_then_it_ends(
    installation: Installation,
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON", times=4)
    post = await installation.publish("MASTODON")

    delays = []
    while (at := (await only(post))["nextRetryAt"]) is not None:
        before = installation.clock()
        installation.clock.now = type(before).fromisoformat(at)
        delays.append((installation.clock() - before).total_seconds())
        await installation.run_due()
        post = await installation.get(post["id"])

    assert delays == [120, 240, 480]
    shown = await only(post)
    assert (post["status"], shown["retryCount"], len(shown["attempts"])) == ("failed", 3, 4)
    retried = (await installation.api.post(f"/v1/posts/{post['id']}/retry")).json()
    assert [each["reason"] for each in retried["skippedPlatforms"]] == ["max_retries_exceeded"]


async def test_an_expired_session_is_renewed_and_the_post_goes_out(
    installation: Installation,
) -> None:
    await installation.fault(kind="expired_token", platform="BLUESKY", effect="publish")

    post = await installation.publish("BLUESKY")

    assert post["status"] == "published"
    assert len(installation.posts("BLUESKY")) == 1


async def test_one_network_that_fails_makes_the_post_partial_and_a_retry_spares_the_others(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")

    post = await installation.publish("BLUESKY", "MASTODON")
    answer = await installation.api.post(f"/v1/posts/{post['id']}/retry")
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert post["status"] == "partial"
    assert [each["platform"] for each in answer.json()["retriedPlatforms"]] == ["mastodon"]
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("BLUESKY")) == len(installation.posts("MASTODON")) == 1


async def test_a_thread_goes_on_at_the_first_item_that_is_not_out(
    installation: Installation,
) -> None:
    items = [{"sequence": n, "content": f"Item {n}"} for n in range(1, 6)]
    post = await installation.create("TWITTER", contentType="THREAD", threadPosts=items)
    await installation.fault(kind="slow", platform="TWITTER", seconds=0, times=2)
    await installation.fault(kind="unavailable", platform="TWITTER")

    await installation.api.post(f"/v1/posts/{post['id']}/publish")
    await installation.run_due()
    before = [entry.text for entry in installation.posts("TWITTER")]
    installation.clock.advance(minutes=2)
    await installation.run_due()

    entries = installation.posts("TWITTER")
    assert before == ["Item 1", "Item 2"]
    assert [entry.text for entry in entries] == [f"Item {n}" for n in range(1, 6)]
    assert [entry.parent for entry in entries[1:]] == [entry.id for entry in entries[:-1]]
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_an_account_publishes_one_post_at_a_time_in_order(
    installation: Installation,
) -> None:
    contents = [f"Post {n}" for n in range(5)]
    for content in contents:
        post = await installation.create("MASTODON", content=content)
        await installation.api.post(f"/v1/posts/{post['id']}/publish")

    await installation.worker.promote()
    promoted = len(installation.engine.jobs)
    await installation.run_due()

    assert promoted == 1
    assert [entry.text for entry in installation.posts("MASTODON")] == contents
