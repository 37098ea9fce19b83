"""POST /v1/posts/:id/cancel: withdrawn before it is published, and kept."""

import asyncio

import pytest

from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio

SOON = "2026-11-22T13:00:00.000Z"


@statements("V193", "V209", "V287", "V290")
async def test_a_cancelled_post_is_not_published_at_its_time(installation: Installation) -> None:
    post = await installation.create("TWITTER", "MASTODON", scheduledFor=SOON)

    answer = await installation.api.post(f"/v1/posts/{post['id']}/cancel")
    installation.clock.advance(days=1)
    await installation.run_due()

    cancelled = post | {"status": "cancelled", "updatedAt": "2026-11-22T12:00:00.001Z"}
    assert (answer.status_code, answer.json()) == (200, cancelled)
    assert await installation.get(post["id"]) == cancelled
    assert installation.ledger.entries() == []


@statements("V209", "V287")
async def test_a_draft_can_be_cancelled(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    answer = await installation.api.post(f"/v1/posts/{post['id']}/cancel")

    assert answer.json()["status"] == "cancelled"


@statements("V289")
async def test_a_cancelled_post_stays_in_the_list(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    cancelled = (await installation.api.post(f"/v1/posts/{post['id']}/cancel")).json()

    plain = await installation.api.get("/v1/posts")
    narrowed = await installation.api.get("/v1/posts?status=cancelled")

    assert plain.json()["data"] == narrowed.json()["data"] == [cancelled]


async def test_a_cancelled_post_can_be_scheduled_anew(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)
    await installation.api.post(f"/v1/posts/{post['id']}/cancel")

    answer = await installation.api.patch(f"/v1/posts/{post['id']}", json={"scheduledFor": SOON})
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert answer.json()["status"] == "scheduled"
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_a_post_is_either_cancelled_or_published(installation: Installation) -> None:
    posts = [await installation.create("MASTODON", scheduledFor=SOON) for _ in range(5)]
    installation.clock.advance(hours=1)

    answers = await asyncio.gather(
        *(installation.api.post(f"/v1/posts/{post['id']}/cancel") for post in posts),
        installation.run_due(),
    )

    cancelled = [answer is not None and answer.status_code == 200 for answer in answers[:-1]]
    statuses = [(await installation.get(post["id"]))["status"] for post in posts]
    assert statuses == ["cancelled" if done else "published" for done in cancelled]
    assert len(installation.posts("MASTODON")) == cancelled.count(False)
