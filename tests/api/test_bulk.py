"""POST /v1/posts/bulk and bulk-video: items stand alone, in their order."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from api.answers import NOBODY, invalid, problem
from installation import Installation
from oncue.lib import ids
from oncue.media.models import MediaFile
from oncue.posts.models import Post
from statements import statements

pytestmark = pytest.mark.anyio

PAST = "2020-01-01T00:00:00Z"
LATER = "2026-11-23T09:30:00.000Z"


async def bulk(installation: Installation, *posts: object, **fields: object) -> tuple[int, Any]:
    answer = await installation.api.post("/v1/posts/bulk", json={"posts": posts, **fields})
    return answer.status_code, answer.json()


def item(installation: Installation, content: str = "One", **fields: object) -> dict[str, object]:
    return {"content": content, "accountIds": [installation.account("MASTODON")], **fields}


async def count_posts(installation: Installation) -> int:
    counted = await installation.db.read(
        lambda session: session.scalar(select(func.count()).select_from(Post))
    )
    return counted or 0


async def media(installation: Installation, status: str = "ready") -> str:
    """A file that was uploaded, in this state."""
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
    uploaded = await installation.api.post("/v1/media", files={"file": ("a.png", png)})
    media_id: str = uploaded.json()["id"]
    await installation.db.write(
        lambda session: session.execute(
            update(MediaFile)
            .where(MediaFile.id == ids.from_typeid("media", media_id))
            .values(status=status)
        )
    )
    return media_id


@statements("V247", "V255", "V256", "V257", "V258", "V259", "V263")
async def test_a_bad_item_does_not_stop_the_others(installation: Installation) -> None:
    status, answer = await bulk(
        installation,
        item(installation, "First"),
        {"content": "No accounts"},
        item(installation, "Late", scheduledFor=PAST),
        item(installation, "Last"),
    )

    first, second, third, last = answer.pop("results")
    assert status == 207
    assert answer == {"dry_run": False, "total": 4, "created": 2, "failed": 2}
    assert first == {"index": 0, "status": "created", "postId": first["postId"]}
    assert second == {
        "index": 1,
        "status": "failed",
        "errors": [{"field": "accountIds", "issue": "is required", "code": None}],
    }
    assert (third["index"], third["status"]) == (2, "failed")
    assert [error["field"] for error in third["errors"]] == ["scheduledFor"]
    assert (await installation.get(last["postId"]))["content"] == "Last"


@statements("V246")
@pytest.mark.parametrize("count", [0, 51])
async def test_a_call_takes_one_to_fifty_posts(installation: Installation, count: int) -> None:
    answer = await installation.api.post(
        "/v1/posts/bulk", json={"posts": [item(installation)] * count}
    )

    assert problem(answer)[:2] == (400, "VALIDATION_ERROR")
    assert await count_posts(installation) == 0


@statements("V246")
async def test_fifty_posts_are_taken(installation: Installation) -> None:
    status, answer = await bulk(installation, *[item(installation)] * 50)

    assert (status, answer["created"]) == (207, 50)


@statements("V248", "V249", "V250", "V251", "V252", "V253", "V254")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", "x" * 10_001),
        ("accountIds", [ids.to_typeid("acc", NOBODY)] * 11),
        ("media", ["media_00000000000000000000000000"] * 11),
        ("tags", ["tag"] * 21),
        ("firstComment", "x" * 2_201),
        ("firstCommentDelay", 61),
        ("threadPosts", [{"sequence": n, "content": "x"} for n in range(1, 27)]),
    ],
)
async def test_an_item_has_the_limits_of_bulk(
    installation: Installation, field: str, value: object
) -> None:
    status, answer = await bulk(installation, item(installation) | {field: value})

    assert status == 207
    [result] = answer["results"]
    assert [error["field"] for error in result["errors"]] == [field]


@pytest.mark.parametrize("spelling", ["dryRun", "dry_run"])  # C34
@statements("V260")
async def test_a_dry_run_says_what_would_happen_and_creates_nothing(
    installation: Installation, spelling: str
) -> None:
    status, answer = await bulk(
        installation, item(installation), {"content": "No accounts"}, **{spelling: True}
    )

    assert status == 200
    assert answer["dry_run"] is True
    assert [result["status"] for result in answer["results"]] == ["valid", "failed"]
    assert await count_posts(installation) == 0


async def test_atomic_creates_all_or_none(installation: Installation) -> None:
    good, bad = item(installation), {"content": "No accounts"}

    refused, told = await bulk(installation, good, bad, atomic=True)
    none = await count_posts(installation)
    taken, _ = await bulk(installation, good, good, atomic=True)

    assert (refused, told["created"], told["failed"], none) == (422, 0, 1, 0)
    assert [result["status"] for result in told["results"]] == ["valid", "failed"]
    assert (taken, await count_posts(installation)) == (207, 2)


@statements("V261")
async def test_a_replay_answers_the_whole_first_answer(installation: Installation) -> None:
    body = {"posts": [item(installation), {"content": "No accounts"}, item(installation)]}
    headers = {"Idempotency-Key": "batch-1"}

    first = await installation.api.post("/v1/posts/bulk", json=body, headers=headers)
    again = await installation.api.post("/v1/posts/bulk", json=body, headers=headers)

    assert (first.status_code, again.status_code) == (207, 207)
    assert first.content == again.content
    assert await count_posts(installation) == 2


@statements("V264", "V265", "V266", "V267", "V268", "V269", "V270")
async def test_videos_that_are_ready_become_posts_and_the_others_a_warning(
    installation: Installation,
) -> None:
    ready, pending = await media(installation), await media(installation, "processing")
    common = {"accountIds": [installation.account("MASTODON")], "scheduledFor": LATER}

    answer = await installation.api.post(
        "/v1/posts/bulk-video",
        json={
            "posts": [
                {"mediaId": ready, "content": "Watch", "tags": ["reel"], **common},
                {"mediaId": pending, **common},
            ]
        },
    )

    assert answer.status_code == 207
    [created], [warning] = answer.json()["created"], answer.json()["warnings"]
    assert (created["status"], created["scheduledFor"]) == ("scheduled", LATER)
    assert [file["id"] for file in created["media"]] == [ready]
    assert (warning["index"], warning["mediaId"], warning["code"]) == (
        1,
        pending,
        "MEDIA_NOT_READY",
    )


@statements("V264")
async def test_a_call_takes_twenty_videos(installation: Installation) -> None:
    video = {
        "mediaId": await media(installation),
        "accountIds": [installation.account("MASTODON")],
        "scheduledFor": LATER,
    }

    answer = await installation.api.post("/v1/posts/bulk-video", json={"posts": [video] * 21})

    assert problem(answer) == invalid("posts", limit=20, actual=21)


@statements("V9", "V10")
@pytest.mark.parametrize("path", ["bulk", "bulk-video"])
async def test_bulk_needs_posts_write(installation: Installation, path: str) -> None:
    reader = await installation.new_key("posts:read")

    answer = await installation.api.post(
        f"/v1/posts/{path}", json={"posts": []}, headers={"Authorization": f"Bearer {reader}"}
    )

    assert problem(answer)[:2] == (403, "AUTHORIZATION_ERROR")
