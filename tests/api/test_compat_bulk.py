"""The snake_case dialect: POST /api/v1/posts/bulk, its envelope and its errors."""

from typing import Any

import pytest
from sqlalchemy import update

from api.answers import rows
from installation import Installation
from oncue.lib import ids
from oncue.workspaces.models import Workspace
from statements import statements

pytestmark = pytest.mark.anyio

LATER = "2026-11-23T09:00:00Z"
PAST = "2026-11-22T11:59:59Z"


def item(installation: Installation, **fields: object) -> dict[str, object]:
    number = installation.accounts["MASTODON"].number
    return {"content": "Hello", "account_ids": [number], "scheduled_for": LATER} | fields


async def bulk(installation: Installation, *posts: object) -> tuple[int, Any]:
    answer = await installation.api.post("/api/v1/posts/bulk", json={"posts": posts})
    return answer.status_code, answer.json()


@statements("P1", "P2", "P5", "P8", "P9", "P12", "P15", "P19")
async def test_when_all_are_made_the_answer_is_201(installation: Installation) -> None:
    status, answer = await bulk(installation, item(installation), item(installation))

    assert status == 201
    assert answer["error"] is None
    assert answer["data"]["summary"] == {"total": 2, "succeeded": 2, "failed": 0}
    assert answer["summary"] == answer["data"]["summary"]
    assert answer["results"] == answer["data"]["results"]
    for index, result in enumerate(answer["results"]):
        assert (result["index"], result["ok"]) == (index, True)
        post = await installation.get(result["post"]["post_id"])
        assert post["scheduledFor"] == "2026-11-23T09:00:00.000Z"


@statements("P10", "P11", "P14", "P16")
async def test_when_some_are_made_the_answer_is_207(installation: Installation) -> None:
    status, answer = await bulk(
        installation, item(installation, scheduled_for=PAST), item(installation)
    )

    assert status == 207
    assert answer["results"][0] == {
        "index": 0,
        "ok": False,
        "error": {
            "code": "validation_error",
            "message": "scheduled_for must be in the future",
        },
    }
    assert answer["results"][1]["ok"] is True


@statements("P13")
async def test_when_none_is_made_the_answer_is_422_with_its_data(
    installation: Installation,
) -> None:
    before = await rows(installation)

    status, answer = await bulk(
        installation,
        item(installation, account_ids=[987_654]),
        item(installation, content=5),
        item(installation, surprise=True),
    )

    assert (status, answer["error"]) == (422, None)
    assert answer["summary"] == {"total": 3, "succeeded": 0, "failed": 3}
    assert {result["error"]["code"] for result in answer["results"]} == {"validation_error"}
    assert await rows(installation) == before


@statements("P6", "P36")
async def test_fifty_posts_are_taken(installation: Installation) -> None:
    status, answer = await bulk(installation, *[item(installation)] * 50)

    assert (status, answer["summary"]["succeeded"]) == (201, 50)


@statements("P7")
async def test_fifty_one_are_refused_whole(installation: Installation) -> None:
    before = await rows(installation)

    status, answer = await bulk(installation, *[item(installation)] * 51)

    assert status == 400
    assert answer["data"] is None
    assert answer["error"]["code"] == "bulk_limit_exceeded"
    assert answer["error"]["retryable"] is False
    assert answer["meta"].keys() == {"request_id", "timestamp"}
    assert await rows(installation) == before


@pytest.mark.parametrize("body", [{}, {"posts": []}, {"posts": 5}])
async def test_a_request_of_no_posts_is_a_validation_error(
    installation: Installation, body: dict[str, object]
) -> None:
    answer = await installation.api.post("/api/v1/posts/bulk", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")


async def test_without_a_time_a_post_goes_out_at_once_and_a_draft_stays(
    installation: Installation,
) -> None:
    now = item(installation)
    del now["scheduled_for"]

    _, answer = await bulk(installation, now, item(installation, draft=True))
    await installation.run_due()

    posts = [await installation.get(result["post"]["post_id"]) for result in answer["results"]]
    assert [post["status"] for post in posts] == ["published", "draft"]


@statements("P5")
async def test_a_time_without_a_zone_is_utc(installation: Installation) -> None:
    _, answer = await bulk(installation, item(installation, scheduled_for="2026-11-23T09:00:00"))

    assert answer["results"][0]["post"]["scheduled_for"] == "2026-11-23T09:00:00.000Z"


@statements("P3")
async def test_a_call_counts_as_one_request(installation: Installation) -> None:
    async def remaining() -> int:
        answer = await installation.api.get("/v1/health")
        return int(answer.headers["x-ratelimit-remaining"])

    before = await remaining()
    await bulk(installation, *[item(installation)] * 10)

    assert await remaining() == before - 2


@statements("P4", "P17", "P18")
async def test_a_days_limit_lets_the_first_through_and_refuses_the_rest(
    installation: Installation,
) -> None:
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(posts_per_day={"MASTODON": 2}))
    )

    status, answer = await bulk(installation, *[item(installation)] * 3)

    assert status == 207
    assert [result["ok"] for result in answer["results"]] == [True, True, False]
    assert answer["results"][2]["error"]["code"] == "limit_exceeded"


async def test_a_missing_key_is_told_in_this_dialects_words(installation: Installation) -> None:
    answer = await installation.api.post(
        "/api/v1/posts/bulk", json={}, headers={"Authorization": "Bearer nobody"}
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_both_dialects_accept_both_forms_of_a_post_id(installation: Installation) -> None:
    _, answer = await bulk(installation, item(installation))
    plain = answer["results"][0]["post"]["post_id"]

    shown = await installation.get(plain)

    assert shown["id"] == ids.to_typeid("post", ids.from_typeid("post", plain))
