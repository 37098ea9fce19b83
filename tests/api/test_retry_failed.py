"""Failures by filter, in both dialects: which are meant, and how the answer reads."""

from datetime import timedelta
from typing import Any, Final

import pytest

from api.answers import NOBODY, invalid, problem
from installation import Installation
from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.posts.lifecycle import State
from oncue.posts.retry_failed import BATCH
from posts.failures import fail_many, plain, states
from statements import statements

pytestmark = pytest.mark.anyio

NATIVE: Final = "/v1/posts/retry-failed"
COMPAT: Final = "/api/v1/posts/retry-failed"
MANY: Final = BATCH + 1
NETWORKS: Final = [
    *("instagram", "facebook", "x", "linkedin", "youtube", "tiktok"),
    *("threads", "pinterest", "bluesky", "telegram", "discord"),
]


async def fail(installation: Installation, platform: str, fault: str = "reject") -> dict[str, Any]:
    """A post that its network has refused."""
    await installation.fault(kind=fault, platform=platform)
    return await installation.publish(platform)


async def retry(installation: Installation, **fields: object) -> Any:
    answer = await installation.api.post(COMPAT, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@statements("P1", "P20", "P29", "P30", "P31", "P32", "P33", "P34")
async def test_a_failure_is_queued_from_its_first_attempt_on(installation: Installation) -> None:
    post = await fail(installation, "MASTODON")
    [failed] = post["platforms"]

    told = await retry(installation, platform="mastodon")

    destination = {
        "destination_id": plain("pp", failed["id"]),
        "post_id": plain("post", post["id"]),
        "platform": "mastodon",
        "new_status": "queued",
    }
    assert told["error"] is None
    assert told["data"] == {
        "retried_count": 1,
        "destinations": [destination],
        "message": "1 destinations queued for retry.",
    }
    assert told | told["data"] == told
    [queued] = (await installation.get(post["id"]))["platforms"]
    assert (queued["status"], queued["error"], queued["retryCount"]) == ("pending", None, 0)

    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_the_native_dialect_says_it_in_its_own_words(installation: Installation) -> None:
    post = await fail(installation, "MASTODON")

    answer = await installation.api.post(
        NATIVE, json={"platform": "MASTODON", "postIds": [post["id"]]}
    )

    [failed] = post["platforms"]
    assert answer.json() == {
        "retriedCount": 1,
        "destinations": [
            {
                "platformId": failed["id"],
                "postId": post["id"],
                "platform": "mastodon",
                "status": "pending",
            }
        ],
        "message": "1 destinations queued for retry.",
    }
    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "published"


@statements("P27")
@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (NATIVE, {}, "NO_FILTER"),
        (NATIVE, {"postIds": []}, "NO_FILTER"),
        (COMPAT, {}, "no_filter"),
        (COMPAT, {"post_ids": []}, "no_filter"),
    ],
)
async def test_without_a_filter_nothing_is_retried(
    installation: Installation, path: str, body: dict[str, object], code: str
) -> None:
    answer = await installation.api.post(path, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


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

    a, b, c = (plain("post", post["id"]) for post in (early, late, other))
    assert await found(post_ids=[a, c]) == {a, c}
    assert await found(account_id=mastodon) == {a, b}
    assert await found(platform="bluesky") == {c}
    assert await found(failed_after=since) == {b, c}
    assert await found(failed_before=until) == {a}
    assert await found(max_attempts=1) == set()
    assert await found(max_attempts=2) == {a, b, c}
    assert await found(account_id=mastodon, failed_after=since) == {b}
    assert await found(platform="x", failed_after=since) == set()


@statements("P21")
async def test_two_hundred_posts_may_be_named(installation: Installation) -> None:
    post = await fail(installation, "MASTODON")
    named = [str(NOBODY)] * 199 + [plain("post", post["id"])]

    told = await retry(installation, post_ids=named)

    assert told["retried_count"] == 1


@statements("P23")
async def test_every_network_of_the_document_is_a_filter_and_x_has_two_names(
    installation: Installation,
) -> None:
    await fail(installation, "TWITTER")

    told = {
        name: [row["platform"] for row in (await dry(installation, name))["destinations"]]
        for name in [*NETWORKS, "X", "twitter"]
    }

    assert told == {name: [] for name in NETWORKS} | {name: ["x"] for name in ("x", "X", "twitter")}


async def dry(installation: Installation, platform: str) -> Any:
    return await retry(installation, platform=platform, dry_run=True)


@statements("P21", "P22", "P23")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("post_ids", [str(NOBODY)] * 201),
        ("post_ids", ["nonsense"]),
        ("platform", "myspace"),
        ("failed_after", "yesterday"),
        ("failed_before", 5),
        ("account_id", "5"),
        ("account_id", 10**12),
        ("account_id", 987_654),
        ("max_attempts", 0),
        ("max_attempts", 10**12),
        ("dry_run", "yes"),
        ("surprise", 1),
    ],
)
async def test_a_filter_that_means_nothing_is_a_validation_error(
    installation: Installation, field: str, value: object
) -> None:
    answer = await installation.api.post(COMPAT, json={"platform": "x", field: value})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "validation_error")
    assert field in error["message"]


@pytest.mark.parametrize(
    ("field", "value", "facts"),
    [
        ("postIds", [str(NOBODY)] * 201, {"limit": 200, "actual": 201}),
        ("accountId", ids.to_typeid("acc", NOBODY), {"code": "ACCOUNT_NOT_FOUND"}),
        ("platform", "MYSPACE", {}),
        ("failedAfter", "2026-11-22T12:00:00", {}),
        ("maxAttempts", 0, {"limit": 1}),
        ("post_ids", [str(NOBODY)], {}),
    ],
)
async def test_the_native_dialect_names_the_field(
    installation: Installation, field: str, value: object, facts: dict[str, object]
) -> None:
    answer = await installation.api.post(NATIVE, json={field: value})

    assert problem(answer) == invalid(field, **facts)


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
        COMPAT,
        json={"platform": "mastodon"},
        headers={"Authorization": f"Bearer {stranger}"},
    )

    assert answer.json()["retried_count"] == 0


@pytest.mark.parametrize("path", [NATIVE, COMPAT])
async def test_a_key_that_may_only_read_retries_nothing(
    installation: Installation, path: str
) -> None:
    await fail_many(installation, 1)
    reader = await installation.new_key("posts:read")

    answer = await installation.api.post(
        path, json={"platform": "mastodon"}, headers={"authorization": f"Bearer {reader}"}
    )

    assert answer.status_code == 403
    assert await states(installation) == {State.FAILED: 1}


@statements("P3")
async def test_a_retry_counts_as_one_request(installation: Installation) -> None:
    await fail_many(installation, MANY)
    before = await installation.api.get("/v1/health")

    answer = await installation.api.post(COMPAT, json={"platform": "mastodon"})

    remaining = [int(each.headers["x-ratelimit-remaining"]) for each in (before, answer)]
    assert remaining[1] == remaining[0] - 1


@statements("P30")
@pytest.mark.parametrize(
    ("path", "counted", "named"),
    [(NATIVE, "retriedCount", "platformId"), (COMPAT, "retried_count", "destination_id")],
)
async def test_a_long_answer_tells_every_destination_once(
    installation: Installation, path: str, counted: str, named: str
) -> None:
    failed = await fail_many(installation, MANY)

    answer = (await installation.api.post(path, json={"platform": "mastodon"})).json()

    assert answer[counted] == MANY
    assert answer["message"] == f"{MANY} destinations queued for retry."
    assert [ids.from_typeid("pp", row[named]) for row in answer["destinations"]] == failed
    if path == COMPAT:
        assert answer["data"]["destinations"] == answer["destinations"]
