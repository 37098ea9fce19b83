"""Idempotency-Key where a write is more than one transaction: files, networks, long answers."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import update

from api.answers import problem, rows
from api.test_media import kept, png
from api.test_publish import until_publishing
from installation import Installation
from oncue.workspaces.models import ApiKey

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "once"}
MARIA = {"platform": "TWITTER", "credentials": {"accessToken": "sandbox:maria"}}


async def upload(
    installation: Installation, content: bytes, name: str = "a.png", **form: str
) -> httpx.Response:
    file = {"file": (name, content, "image/png")}
    return await installation.api.post("/v1/media", files=file, data=form, headers=KEY)


async def test_a_file_sent_again_is_one_file(installation: Installation) -> None:
    large = png(size=3_000_000)

    first = await upload(installation, large, altText="A beach")
    again = await upload(installation, large, altText="A beach")  # another boundary, the same form

    assert (first.status_code, first.content) == (201, again.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(kept(installation)) == 1


@pytest.mark.parametrize(
    ("content", "name", "form"),
    [
        (png(size=65), "a.png", {"altText": "A beach"}),
        (png(), "b.png", {"altText": "A beach"}),
        (png(), "a.png", {"altText": "A beech"}),
        (png(), "a.png", {}),
    ],
)
async def test_a_form_that_says_something_else_is_another_request(
    installation: Installation, content: bytes, name: str, form: dict[str, str]
) -> None:
    await upload(installation, png(), altText="A beach")

    answer = await upload(installation, content, name, **form)

    assert problem(answer)[:2] == (409, "IDEMPOTENCY_CONFLICT")
    assert len(kept(installation)) == 1


async def test_files_sent_at_once_are_one_file_and_leave_no_other(
    installation: Installation,
) -> None:
    answers = await asyncio.gather(*(upload(installation, png()) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert kept(installation) == kept(installation)[:1]
    assert (await rows(installation))["media"] == 1


async def test_a_file_that_was_refused_leaves_the_key_to_a_better_one(
    installation: Installation,
) -> None:
    refused = await upload(installation, b"no image")
    answer = await upload(installation, png())

    assert (refused.status_code, answer.status_code) == (422, 201)


async def test_a_body_of_another_kind_than_the_route_reads_is_refused(
    installation: Installation,
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    to_media = await installation.api.post("/v1/media", content=b"a=1", headers=KEY | form)
    to_posts = await installation.api.post(
        "/v1/posts", files={"file": ("a.png", png(), "image/png")}, headers=KEY
    )

    assert [answer.status_code for answer in (to_media, to_posts)] == [400, 400]


async def test_an_account_sent_again_is_not_asked_about_again(installation: Installation) -> None:
    first = await installation.api.post("/v1/accounts", json=MARIA, headers=KEY)
    await installation.fault(kind="revoked_token", platform="TWITTER")
    again = await installation.api.post("/v1/accounts", json=MARIA, headers=KEY)
    other = MARIA | {"displayName": "Maria at work"}
    reused = await installation.api.post("/v1/accounts", json=other, headers=KEY)

    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert problem(reused)[:2] == (409, "IDEMPOTENCY_CONFLICT")


async def test_an_account_its_network_refuses_leaves_the_key_alone(
    installation: Installation,
) -> None:
    await installation.fault(kind="revoked_token", platform="TWITTER")

    refused = await installation.api.post("/v1/accounts", json=MARIA, headers=KEY)
    answer = await installation.api.post("/v1/accounts", json=MARIA, headers=KEY)

    assert (refused.status_code, answer.status_code) == (400, 201)


async def test_an_unpublish_sent_again_asks_no_network_again(installation: Installation) -> None:
    post = await installation.publish("BLUESKY", "MASTODON")
    path = f"/v1/posts/{post['id']}/unpublish"

    first = await installation.api.post(path, headers=KEY)
    again = await installation.api.post(path, headers=KEY)
    without = await installation.api.post(path)

    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert problem(without)[:2] == (409, "CONFLICT")
    assert len(installation.ledger.entries(kind="delete")) == 2


async def test_an_unpublish_that_was_refused_leaves_the_key_alone(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}"

    refused = await installation.api.post(f"{path}/unpublish", headers=KEY)
    await installation.api.post(f"{path}/publish")
    await installation.run_due()
    answer = await installation.api.post(f"{path}/unpublish", headers=KEY)

    assert (refused.status_code, answer.status_code) == (409, 200)


async def sync(installation: Installation, post_id: str, seconds: int = 30) -> httpx.Response:
    path = f"/v1/posts/{post_id}/publish?sync=true&timeout={seconds}"
    return await installation.api.post(path, headers=KEY)


async def test_a_publish_with_sync_is_answered_again_with_how_it_ended(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    first = asyncio.create_task(sync(installation, post["id"]))
    await until_publishing(installation, post["id"])
    meanwhile = asyncio.create_task(sync(installation, post["id"]))
    await installation.run_due()

    answers = [await first, await meanwhile, await sync(installation, post["id"])]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["status"] == "published"
    assert answers[2].headers["idempotent-replayed"] == "true"
    assert len(installation.posts("MASTODON")) == 1


async def test_a_publish_whose_wait_was_cut_off_is_waited_for_again(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    first = asyncio.create_task(sync(installation, post["id"]))
    await until_publishing(installation, post["id"])
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await installation.run_due()

    again = await sync(installation, post["id"])

    assert (again.status_code, again.json()["status"]) == (200, "published")
    assert again.content == (await sync(installation, post["id"])).content
    assert len(installation.posts("MASTODON")) == 1


async def test_a_publish_with_sync_that_is_refused_leaves_the_key_alone(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", content="x" * 281)
    path = f"/v1/posts/{post['id']}"

    refused = await sync(installation, post["id"], 1)
    await installation.api.patch(path, json={"content": "Short"})
    answer = await sync(installation, post["id"], 1)

    assert (refused.status_code, answer.status_code) == (400, 200)
    assert "idempotent-replayed" not in answer.headers


async def test_the_same_key_with_another_query_is_another_request(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}/publish"
    await installation.api.post(path, headers=KEY)

    answer = await sync(installation, post["id"], 1)

    assert problem(answer)[:2] == (409, "IDEMPOTENCY_CONFLICT")


async def bulk(installation: Installation, *contents: object) -> httpx.Response:
    number = installation.accounts["MASTODON"].number
    later = "2026-11-23T09:00:00Z"
    posts: list[dict[str, Any]] = [
        {"content": content, "account_ids": [number], "scheduled_for": later}
        for content in contents
    ]
    return await installation.api.post("/api/v1/posts/bulk", json={"posts": posts}, headers=KEY)


@pytest.mark.parametrize(("contents", "status"), [(["A", "B"], 201), (["A", 5, "B"], 207)])
async def test_a_bulk_call_of_the_other_dialect_is_answered_again_whole(
    installation: Installation, contents: list[object], status: int
) -> None:
    first = await bulk(installation, *contents)
    again = await bulk(installation, *contents)

    assert (first.status_code, again.status_code) == (status, status)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert again.headers["idempotent-replayed"] == "true"
    assert (await rows(installation))["post"] == 2


async def test_a_bulk_call_that_made_nothing_leaves_the_key_alone(
    installation: Installation,
) -> None:
    refused = await bulk(installation, 5)
    answer = await bulk(installation, "A")

    assert (refused.status_code, answer.status_code) == (422, 201)


async def test_a_conflict_is_told_in_the_words_of_the_other_dialect(
    installation: Installation,
) -> None:
    await bulk(installation, "A")

    answer = await bulk(installation, "B")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "idempotency_conflict")


async def test_a_key_that_lost_its_scope_or_was_revoked_gets_no_old_answer(
    installation: Installation,
) -> None:
    body = {"content": "Once", "accountIds": [installation.account("MASTODON")]}
    await installation.api.post("/v1/posts", json=body, headers=KEY)

    await installation.db.write(
        lambda session: session.execute(update(ApiKey).values(scopes=["posts:read"]))
    )
    lost = await installation.api.post("/v1/posts", json=body, headers=KEY)
    await installation.db.write(
        lambda session: session.execute(update(ApiKey).values(revoked_at=installation.clock()))
    )
    revoked = await installation.api.post("/v1/posts", json=body, headers=KEY)

    assert [answer.status_code for answer in (lost, revoked)] == [403, 401]
    assert "Once" not in lost.text + revoked.text
