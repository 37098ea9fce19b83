"""Idempotency-Key: sent again, answered again, done once (quality bars of A1)."""

import asyncio

import pytest
from sqlalchemy import func, select

from installation import Installation
from oncue.posts.models import Post
from statements import statements

pytestmark = pytest.mark.anyio


async def count_posts(installation: Installation) -> int:
    counted = await installation.db.read(
        lambda session: session.scalar(select(func.count()).select_from(Post))
    )
    return counted or 0


def body_of(installation: Installation, **fields: object) -> dict[str, object]:
    return {"content": "Once", "accountIds": [installation.account("MASTODON")]} | fields


async def test_a_write_sent_again_is_answered_again_byte_for_byte(
    installation: Installation,
) -> None:
    body, headers = body_of(installation), {"Idempotency-Key": "k1"}

    first = await installation.api.post("/v1/posts", json=body, headers=headers)
    second = await installation.api.post("/v1/posts", json=body, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await count_posts(installation) == 1


async def test_fifty_at_once_make_one_post(installation: Installation) -> None:
    body, headers = body_of(installation), {"Idempotency-Key": "k1"}

    answers = await asyncio.gather(
        *(installation.api.post("/v1/posts", json=body, headers=headers) for _ in range(50))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count_posts(installation) == 1


async def test_a_key_used_for_another_request_is_a_conflict(installation: Installation) -> None:
    headers = {"Idempotency-Key": "k1"}
    await installation.api.post("/v1/posts", json=body_of(installation), headers=headers)

    other = body_of(installation, content="Another")
    answer = await installation.api.post("/v1/posts", json=other, headers=headers)

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert await count_posts(installation) == 1


async def test_a_refused_request_does_not_use_up_its_key(installation: Installation) -> None:
    headers = {"Idempotency-Key": "k1"}
    refused = await installation.api.post("/v1/posts", json={"content": "x"}, headers=headers)

    answer = await installation.api.post("/v1/posts", json=body_of(installation), headers=headers)

    assert (refused.status_code, answer.status_code) == (400, 201)


@pytest.mark.parametrize(("hours", "seconds", "posts"), [(23, 3540, 1), (24, 1, 2)])
async def test_a_key_is_remembered_for_a_day(
    installation: Installation, hours: int, seconds: int, posts: int
) -> None:
    body, headers = body_of(installation), {"Idempotency-Key": "k1"}
    await installation.api.post("/v1/posts", json=body, headers=headers)

    installation.clock.advance(hours=hours, seconds=seconds)
    await installation.api.post("/v1/posts", json=body, headers=headers)

    assert await count_posts(installation) == posts


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tkey"])
async def test_what_cannot_be_a_key_is_refused(installation: Installation, key: str) -> None:
    answer = await installation.api.post(
        "/v1/posts", json=body_of(installation), headers={"Idempotency-Key": key}
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "IDEMPOTENCY_INVALID_KEY"
    assert await count_posts(installation) == 0


async def test_a_replay_checks_the_keys_rights_again(installation: Installation) -> None:
    body, headers = body_of(installation), {"Idempotency-Key": "k1"}
    await installation.api.post("/v1/posts", json=body, headers=headers)
    reader = await installation.new_key("posts:read")

    answer = await installation.api.post(
        "/v1/posts", json=body, headers=headers | {"Authorization": f"Bearer {reader}"}
    )

    assert answer.status_code == 403


@statements("V157")
async def test_a_retry_sent_again_counts_once(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await installation.publish("MASTODON")
    path, headers = f"/v1/posts/{post['id']}/retry", {"Idempotency-Key": "attempt-1"}

    first = await installation.api.post(path, headers=headers)
    second = await installation.api.post(path, headers=headers)

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    [platform] = (await installation.get(post["id"]))["platforms"]
    assert platform["retryCount"] == 1
