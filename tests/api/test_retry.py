"""POST /v1/posts/:id/retry: what failed goes again, after two, four and eight minutes."""

from collections.abc import Mapping
from typing import Any

import pytest

from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio


async def retry(installation: Installation, post: Mapping[str, Any]) -> Any:
    answer = await installation.api.post(f"/v1/posts/{post['id']}/retry")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def counts(installation: Installation, post: Mapping[str, Any]) -> Mapping[str, int]:
    shown = await installation.get(post["id"])
    return {platform["platform"]: platform["retryCount"] for platform in shown["platforms"]}


@statements("V153", "V155", "V158", "V163", "V183", "V211")
async def test_a_retry_queues_what_failed_and_says_when(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON")

    answer = await retry(installation, post)

    assert answer == {
        "id": post["id"],
        "status": "publishing",
        "retriedPlatforms": [
            {
                "platform": "twitter",
                "accountId": installation.account("TWITTER"),
                "retryCount": 1,
                "nextRetryAt": "2026-11-22T12:02:00.000Z",
            }
        ],
        "skippedPlatforms": [],
    }
    shown = await installation.get(post["id"])
    twitter, mastodon = shown["platforms"]
    assert shown["status"] == "publishing"
    assert (twitter["status"], twitter["nextRetryAt"]) == ("pending", "2026-11-22T12:02:00.000Z")
    assert mastodon == post["platforms"][1]


@statements("V154", "V155", "V158", "V180")
async def test_a_retry_goes_out_when_its_time_has_come_and_leaves_the_published_alone(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON")
    await retry(installation, post)

    installation.clock.advance(minutes=1, seconds=59)
    await installation.run_due()
    assert installation.posts("TWITTER") == []

    installation.clock.advance(seconds=1)
    await installation.run_due()
    shown = await installation.get(post["id"])
    assert shown["status"] == "published"
    assert [len(platform["attempts"]) for platform in shown["platforms"]] == [2, 1]
    assert len(installation.posts("TWITTER")) == len(installation.posts("MASTODON")) == 1


@statements("V156", "V158", "V159", "V160", "V161", "V164", "V178")
async def test_a_platform_is_retried_three_times_and_then_exhausted(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON", times=4)
    post = await installation.publish("MASTODON")

    waits = []
    for _ in range(3):
        [again] = (await retry(installation, post))["retriedPlatforms"]
        waits.append((again["retryCount"], again["nextRetryAt"]))
        installation.clock.advance(minutes=2 ** len(waits))
        await installation.run_due()
    exhausted = await retry(installation, post)

    assert waits == [
        (1, "2026-11-22T12:02:00.000Z"),
        (2, "2026-11-22T12:06:00.000Z"),
        (3, "2026-11-22T12:14:00.000Z"),
    ]
    assert exhausted == {
        "id": post["id"],
        "status": "failed",
        "retriedPlatforms": [],
        "skippedPlatforms": [
            {
                "platform": "mastodon",
                "accountId": installation.account("MASTODON"),
                "retryCount": 3,
                "reason": "max_retries_exceeded",
            }
        ],
    }
    assert (await installation.get(post["id"]))["status"] == "failed"
    assert installation.posts("MASTODON") == []


@statements("V102", "V162")
async def test_each_platform_counts_for_itself(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    await installation.fault(kind="reject", platform="MASTODON", times=2)
    post = await installation.publish("TWITTER", "MASTODON", "TELEGRAM")

    await retry(installation, post)
    installation.clock.advance(minutes=2)
    await installation.run_due()
    second = await retry(installation, post)

    assert [again["platform"] for again in second["retriedPlatforms"]] == ["mastodon"]
    assert await counts(installation, post) == {"twitter": 1, "mastodon": 2, "telegram": 0}


@statements("V153", "V182", "V183")
async def test_a_failed_post_is_retried_everywhere(installation: Installation) -> None:
    await installation.fault(kind="reject", times=2)
    post = await installation.publish("TWITTER", "MASTODON")

    answer = await retry(installation, post)

    assert [again["platform"] for again in answer["retriedPlatforms"]] == ["twitter", "mastodon"]


@statements("V158", "V162")
async def test_a_retry_the_system_has_planned_already_counts_once(
    installation: Installation,
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON")
    post = await installation.publish("MASTODON")
    installation.clock.advance(minutes=1)

    answer = await retry(installation, post)

    [planned], [again] = post["platforms"], answer["retriedPlatforms"]
    assert (planned["status"], planned["retryCount"]) == ("failed", 1)
    assert again["retryCount"] == 1
    assert again["nextRetryAt"] == planned["nextRetryAt"] == "2026-11-22T12:02:00.000Z"


@statements("V158", "V159")
async def test_a_network_that_is_away_for_a_while_is_tried_again_by_itself(
    installation: Installation,
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON", times=2)
    post = await installation.publish("MASTODON")

    installation.clock.advance(minutes=2)
    await installation.run_due()
    waiting = await installation.get(post["id"])
    installation.clock.advance(minutes=4)
    await installation.run_due()

    [mastodon] = waiting["platforms"]
    assert (waiting["status"], mastodon["nextRetryAt"]) == ("failed", "2026-11-22T12:06:00.000Z")
    assert await counts(installation, post) == {"mastodon": 2}
    assert (await installation.get(post["id"]))["status"] == "published"


@statements("V155", "V164")
async def test_a_retry_leaves_alone_what_may_be_public_already(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    post = await installation.publish("TELEGRAM")

    answer = await retry(installation, post)

    assert answer["retriedPlatforms"] == []
    assert [(skip["retryCount"], skip["reason"]) for skip in answer["skippedPlatforms"]] == [
        (0, "outcome_unknown")
    ]
    assert len(installation.posts("TELEGRAM")) == 1


@statements("V223")
@pytest.mark.parametrize("platforms", [("TWITTER",), ("TWITTER", "MASTODON")])
async def test_a_new_time_instead_of_a_retry_sends_only_what_failed(
    installation: Installation, platforms: tuple[str, ...]
) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish(*platforms)

    answer = await installation.api.patch(
        f"/v1/posts/{post['id']}", json={"scheduledFor": "2026-11-22T13:00:00Z"}
    )
    installation.clock.advance(hours=1)
    await installation.run_due()

    shown = answer.json()
    assert (shown["status"], shown["platforms"][0]["status"]) == ("scheduled", "pending")
    assert shown["platforms"][1:] == post["platforms"][1:]
    assert (await installation.get(post["id"]))["status"] == "published"
    assert [len(installation.posts(platform)) for platform in platforms] == [1] * len(platforms)
