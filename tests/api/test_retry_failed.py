"""POST /api/v1/posts/retry-failed: failures by filter, set by set."""

from datetime import timedelta
from typing import Any

import pytest

from installation import Installation
from oncue.lib import ids
from oncue.lib.clock import iso
from statements import statements

pytestmark = pytest.mark.anyio


async def fail(installation: Installation, platform: str, fault: str = "reject") -> dict[str, Any]:
    """A post that its network has refused."""
    await installation.fault(kind=fault, platform=platform)
    return await installation.publish(platform)


async def retry(installation: Installation, **fields: object) -> Any:
    answer = await installation.api.post("/api/v1/posts/retry-failed", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@statements("P20", "P29", "P30", "P31", "P32", "P33", "P34")
async def test_a_failure_is_queued_from_its_first_attempt_on(installation: Installation) -> None:
    post = await fail(installation, "MASTODON")
    [failed] = post["platforms"]

    told = await retry(installation, platform="mastodon")

    destination = {
        "destination_id": str(ids.from_typeid("pp", failed["id"])),
        "post_id": str(ids.from_typeid("post", post["id"])),
        "platform": "mastodon",
        "new_status": "queued",
    }
    assert told["data"] == {
        "retried_count": 1,
        "destinations": [destination],
        "message": "1 destinations queued for retry.",
    }
    assert told["retried_count"] == 1
    assert told["destinations"] == [destination]
    [queued] = (await installation.get(post["id"]))["platforms"]
    assert (queued["status"], queued["error"], queued["retryCount"]) == ("pending", None, 0)

    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "published"


@statements("P27")
@pytest.mark.parametrize("body", [{}, {"post_ids": []}])
async def test_without_a_filter_nothing_is_retried(
    installation: Installation, body: dict[str, object]
) -> None:
    answer = await installation.api.post("/api/v1/posts/retry-failed", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_filter")


@statements("P21", "P22", "P23", "P24", "P25", "P26", "P28", "P35", "P37", "P38")
async def test_filters_narrow_alone_and_together(installation: Installation) -> None:
    early = await fail(installation, "MASTODON")
    installation.clock.advance(hours=1)
    late = await fail(installation, "MASTODON")
    other = await fail(installation, "BLUESKY")
    await installation.publish("MASTODON", content="Fine")
    at = installation.clock()
    mastodon = installation.accounts["MASTODON"].number
    since, until = iso(at), iso(at - timedelta(minutes=30))

    async def found(**fields: object) -> set[str]:
        told = await retry(installation, dry_run=True, **fields)
        return {row["post_id"] for row in told["destinations"]}

    a, b, c = (str(ids.from_typeid("post", post["id"])) for post in (early, late, other))
    assert await found(post_ids=[a, c]) == {a, c}
    assert await found(account_id=mastodon) == {a, b}
    assert await found(platform="bluesky") == {c}
    assert await found(failed_after=since) == {b, c}
    assert await found(failed_before=until) == {a}
    assert await found(max_attempts=1) == set()
    assert await found(max_attempts=2) == {a, b, c}
    assert await found(account_id=mastodon, failed_after=since) == {b}
    assert await found(platform="x", failed_after=since) == set()


@statements("P21", "P23")
@pytest.mark.parametrize(
    "fields",
    [
        {"post_ids": ["0197a5b2-7c3d-7abc-8def-0123456789ab"] * 201},
        {"post_ids": ["nonsense"]},
        {"platform": "myspace"},
        {"failed_after": "yesterday"},
        {"account_id": "5"},
        {"surprise": 1},
    ],
)
async def test_a_filter_that_means_nothing_is_a_validation_error(
    installation: Installation, fields: dict[str, object]
) -> None:
    answer = await installation.api.post("/api/v1/posts/retry-failed", json=fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")


async def test_an_unknown_outcome_is_never_retried(installation: Installation) -> None:
    post = await fail(installation, "TELEGRAM", "accept_then_drop")

    told = await retry(installation, platform="telegram")
    await installation.run_due()

    assert post["platforms"][0]["needsReview"] is True
    assert told["retried_count"] == 0
    assert len(installation.posts("TELEGRAM")) == 1


async def test_a_dry_run_changes_nothing(installation: Installation) -> None:
    post = await fail(installation, "MASTODON")

    told = await retry(installation, platform="mastodon", dry_run=True)

    assert told["message"] == "1 destinations would be retried."
    assert (await installation.get(post["id"]))["status"] == "failed"


async def test_another_workspaces_failures_are_not_seen(installation: Installation) -> None:
    await fail(installation, "MASTODON")
    stranger = await installation.new_key(workspace_id=await installation.new_workspace())

    answer = await installation.api.post(
        "/api/v1/posts/retry-failed",
        json={"platform": "mastodon"},
        headers={"Authorization": f"Bearer {stranger}"},
    )

    assert answer.json()["retried_count"] == 0
