"""POST /v1/posts/:id/platforms/:platformId/resolve: a person's word on an unknown outcome (C57)."""

from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import pytest

from api.answers import NOBODY, invalid, problem
from installation import Installation
from oncue.lib import ids

pytestmark = pytest.mark.anyio

URL = "https://t.me/oncue/7"


async def unknown(installation: Installation, *others: str) -> Mapping[str, Any]:
    """A post that Telegram took without an answer."""
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    return await installation.publish("TELEGRAM", *others)


async def resolve(
    installation: Installation, post: Mapping[str, Any], **body: object
) -> httpx.Response:
    platform_id = post["platforms"][0]["postPlatformId"]
    return await installation.api.post(
        f"/v1/posts/{post['id']}/platforms/{platform_id}/resolve", json=body
    )


async def test_an_outcome_nobody_knows_is_shown_as_such_and_not_tried_again(
    installation: Installation,
) -> None:
    post = await unknown(installation)

    installation.clock.advance(days=1)
    await installation.run_due()

    [telegram] = post["platforms"]
    assert post["status"] == "failed"
    assert (telegram["status"], telegram["needsReview"]) == ("failed", True)
    assert telegram["error"].startswith("OUTCOME_UNKNOWN")
    assert len(installation.posts("TELEGRAM")) == 1


async def test_seen_on_the_network_it_is_published(installation: Installation) -> None:
    post = await unknown(installation)

    answer = await resolve(installation, post, published=True, platformPostUrl=URL)

    resolved = answer.json()
    [telegram] = resolved["platforms"]
    now = "2026-11-22T12:00:00.000Z"
    assert (answer.status_code, resolved["status"]) == (200, "published")
    assert (post["publishedAt"], resolved["publishedAt"]) == (None, now)
    assert telegram == post["platforms"][0] | {
        "status": "published",
        "needsReview": False,
        "error": None,
        "publishedAt": now,
        "platformPostUrl": URL,
        "attempts": telegram["attempts"],
    }
    assert await installation.get(post["id"]) == resolved


async def test_not_seen_it_can_be_retried(installation: Installation) -> None:
    post = await unknown(installation)

    resolved = (await resolve(installation, post, published=False)).json()
    retried = (await installation.api.post(f"/v1/posts/{post['id']}/retry")).json()
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert (resolved["status"], resolved["platforms"][0]["needsReview"]) == ("failed", False)
    assert [again["platform"] for again in retried["retriedPlatforms"]] == ["telegram"]
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("TELEGRAM")) == 2


async def test_what_was_resolved_is_in_the_history(installation: Installation) -> None:
    post = await unknown(installation)

    await resolve(installation, post, published=False)

    latest = await installation.api.get(f"/v1/posts/{post['id']}/events/latest")
    assert (latest.json()["type"], latest.json()["data"]) == (
        "post.resolved",
        {
            "platformId": post["platforms"][0]["postPlatformId"],
            "published": False,
            "status": "failed",
        },
    )


async def test_a_word_on_one_destination_does_not_send_out_the_others(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await unknown(installation, "MASTODON")
    await installation.api.patch(
        f"/v1/posts/{post['id']}", json={"scheduledFor": "2026-11-22T13:00:00Z"}
    )

    resolved = (await resolve(installation, post, published=True)).json()
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert (resolved["status"], resolved["scheduledFor"]) == (
        "scheduled",
        "2026-11-22T13:00:00.000Z",
    )
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("TELEGRAM")) == len(installation.posts("MASTODON")) == 1


async def test_there_is_nothing_to_say_where_the_outcome_is_known(
    installation: Installation,
) -> None:
    post = await installation.publish("MASTODON")

    answer = await resolve(installation, post, published=False)

    assert problem(answer) == (409, "CONFLICT", None)
    assert await installation.get(post["id"]) == post


async def test_a_word_has_to_be_one(installation: Installation) -> None:
    post = await unknown(installation)
    path = f"/v1/posts/{post['id']}/platforms/{ids.to_typeid('pp', NOBODY)}/resolve"

    assert problem(await resolve(installation, post)) == invalid("published")
    assert problem(await resolve(installation, post, published="yes")) == invalid("published")
    elsewhere = await installation.api.post(path, json={"published": True})
    assert problem(elsewhere) == (404, "NOT_FOUND", None)
    assert await installation.get(post["id"]) == post
