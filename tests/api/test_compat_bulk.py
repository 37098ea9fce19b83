"""The snake_case dialect: POST /api/v1/posts/bulk, its envelope and its errors."""

from typing import Any

import pytest
from sqlalchemy import update

from api.answers import NOBODY, rows
from installation import START, Installation
from oncue.lib import ids
from oncue.lib.clock import MILLISECOND, iso
from oncue.workspaces.models import Workspace
from posts.failures import plain
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
        "no post at all",
        item(installation, account_ids=[10**12]),
    )

    assert (status, answer["error"]) == (422, None)
    assert answer["summary"] == {"total": 5, "succeeded": 0, "failed": 5}
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
    assert answer["error"]["details"] == {"field": "posts", "limit": 50, "actual": 51}
    assert answer["meta"].keys() == {"request_id", "timestamp"}
    assert await rows(installation) == before


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


@statements("P11")
@pytest.mark.parametrize("field", ["scheduled_for", "scheduled_at"])
async def test_this_very_moment_is_not_the_future(installation: Installation, field: str) -> None:
    post = item(installation)
    del post["scheduled_for"]

    _, answer = await bulk(
        installation,
        post | {field: iso(START)},
        post | {field: iso(START + MILLISECOND), "timezone": "America/New_York"},
    )

    first, second = answer["results"]
    assert first["error"] == {
        "code": "validation_error",
        "message": "scheduled_for must be in the future",
    }
    assert second["post"]["scheduled_for"] == iso(START + MILLISECOND)


async def test_a_time_under_both_its_names_is_refused(installation: Installation) -> None:
    _, answer = await bulk(installation, item(installation, scheduled_at=LATER))

    error = answer["results"][0]["error"]
    assert error["code"] == "validation_error"
    assert "scheduled_at" in error["message"]


async def test_the_queue_gives_a_post_its_next_free_slot(installation: Installation) -> None:
    later = item(installation)
    queued = {name: value for name, value in later.items() if name != "scheduled_for"}
    queued["use_queue"] = True
    _, without = await bulk(installation, queued)
    slots = {"timezone": "UTC", "slots": [{"day": "MO", "time": "09:00"}]}
    await installation.api.put("/v1/queue/slots", json=slots)

    _, answer = await bulk(
        installation, queued, queued, queued | {"draft": True}, later | {"use_queue": True}
    )

    first, second, draft, both = answer["results"]
    assert without["results"][0]["error"]["code"] == "invalid_state"
    assert first["post"]["scheduled_for"] == "2026-11-23T09:00:00.000Z"
    assert second["post"]["scheduled_for"] == "2026-11-30T09:00:00.000Z"
    assert draft["post"]["status"] == "draft"
    assert both["error"]["code"] == "validation_error"
    assert "use_queue" in both["error"]["message"]


@pytest.mark.parametrize("field", ["media", "media_id", "mediaId", "attachments"])
async def test_files_under_a_wrong_name_are_not_ignored(
    installation: Installation, field: str
) -> None:
    status, answer = await bulk(installation, item(installation, **{field: []}), item(installation))

    assert status == 207
    assert answer["results"][0]["error"] == {
        "code": "invalid_field_name",
        "message": f"{field} is not a field here; did you mean media_ids?",
    }


async def test_a_post_may_have_files(installation: Installation) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30
    uploaded = await installation.api.post("/v1/media", files={"file": ("a.png", png)})
    media_id = plain("media", uploaded.json()["id"])

    status, answer = await bulk(
        installation,
        item(installation, media_ids=[media_id]),
        item(installation, media_ids=[str(NOBODY)]),
    )

    assert status == 207
    assert answer["results"][0]["post"]["media_ids"] == [media_id]
    assert answer["results"][1]["error"]["code"] == "validation_error"


async def test_what_is_wrong_is_said_in_this_dialects_words(installation: Installation) -> None:
    account = installation.accounts["MASTODON"].number
    wrong: list[dict[str, object]] = [
        {"account_ids": [account, 4_000]},
        {"account_ids": [account, account]},
        {"media_ids": [str(NOBODY)]},
        {"schedule_for": LATER},
    ]

    _, answer = await bulk(installation, *[item(installation, **each) for each in wrong])

    assert [result["error"]["message"] for result in answer["results"]] == [
        "account_ids[1]: No account with id 4000",
        f"account_ids[1]: {account} is named twice",
        f"media_ids: No media with id {ids.to_typeid('media', NOBODY)}",
        "schedule_for: is not a field here; did you mean scheduled_for?",
    ]


async def test_a_network_there_is_not_is_told_those_that_there_are(
    installation: Installation,
) -> None:
    filters = {"platform": "orkut"}

    answers = [
        await installation.api.post("/api/v1/posts/retry-failed", json=filters),
        await installation.api.get("/api/v1/accounts", params=filters),
    ]

    for answer in answers:
        message = answer.json()["error"]["message"]
        assert message.startswith("platform: is not one of x, linkedin, facebook, instagram, ")
        assert message.endswith(", google_business (it is 'orkut')")


async def test_a_bulk_that_is_sent_again_is_answered_again(installation: Installation) -> None:
    body = {"posts": [item(installation), item(installation, scheduled_for=PAST)]}
    headers = {"idempotency-key": "one"}

    first, again = [
        await installation.api.post("/api/v1/posts/bulk", json=body, headers=headers)
        for _ in range(2)
    ]

    assert (again.status_code, again.content) == (207, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await rows(installation))["post"] == 1


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


async def test_both_dialects_accept_both_forms_of_a_post_id(installation: Installation) -> None:
    _, answer = await bulk(installation, item(installation))
    plain = answer["results"][0]["post"]["post_id"]

    shown = await installation.get(plain)

    assert shown["id"] == ids.to_typeid("post", ids.from_typeid("post", plain))
