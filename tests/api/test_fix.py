"""POST /v1/posts/:id/platforms/:platformId/fix: one destination, at once, and corrected."""

from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import update

from api.answers import NOBODY, invalid, problem, rows, too_long
from installation import Installation
from oncue.lib import ids
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination
from scenarios.stories import uploaded
from statements import statements

pytestmark = pytest.mark.anyio


async def fix(
    installation: Installation, post: Mapping[str, Any], platform_id: str, **body: object
) -> httpx.Response:
    path = f"/v1/posts/{post['id']}/platforms/{platform_id}/fix"
    return await installation.api.post(path, json=body or None)


async def partial(installation: Installation, **fields: Any) -> tuple[Mapping[str, Any], str]:
    """A post that X refused and Mastodon took, and the id of the destination on X."""
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON", **fields)
    return post, post["platforms"][0]["postPlatformId"]


@statements("V92", "V166", "V169", "V174", "V176", "V177", "V183", "V211")
async def test_a_fix_without_a_body_sends_the_same_again_at_once(
    installation: Installation,
) -> None:
    post, twitter = await partial(installation)

    answer = await fix(installation, post, twitter)
    begun = await installation.get(post["id"])
    await installation.run_due()

    fixed = {"success": True, "platformId": twitter, "status": "publishing"}
    assert (answer.status_code, answer.json()) == (200, fixed)
    assert begun["status"] == "publishing"
    assert begun["platforms"][1] == post["platforms"][1]
    assert (await installation.get(post["id"]))["status"] == "published"
    assert [entry.text for entry in installation.posts("TWITTER")] == ["Hello"]


@statements("V172", "V180")
async def test_a_fix_with_content_changes_it_for_that_destination_only(
    installation: Installation,
) -> None:
    post, twitter = await partial(installation, platformOverrides={"TWITTER": {"content": "Old"}})

    await fix(installation, post, twitter, content="Corrected")
    await installation.run_due()

    assert [entry.text for entry in installation.posts("TWITTER")] == ["Corrected"]
    assert [entry.text for entry in installation.posts("MASTODON")] == ["Hello"]
    shown = await installation.get(post["id"])
    assert (shown["content"], shown["platformOverrides"]) == ("Hello", post["platformOverrides"])


@statements("V172")
async def test_a_fix_with_no_words_takes_the_words_away_and_needs_something_to_show(
    installation: Installation,
) -> None:
    pictured, picture = await partial(installation, media=[await uploaded(installation)])
    post, words = await partial(installation)

    shown = await fix(installation, pictured, picture, content="")
    bare = await fix(installation, post, words, content="")
    await installation.run_due()

    assert shown.status_code == 200, shown.text
    assert [(entry.text, len(entry.media)) for entry in installation.posts("TWITTER")] == [("", 1)]
    assert problem(bare) == invalid("content", code="CONTENT_REQUIRED", platform="TWITTER")


@statements("V168", "V169", "V178")
async def test_a_fix_resets_the_count_of_an_exhausted_platform(
    installation: Installation,
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON", times=4)
    post = await installation.publish("MASTODON")
    for minutes in (2, 4, 8):
        installation.clock.advance(minutes=minutes)
        await installation.run_due()
    [exhausted] = (await installation.get(post["id"]))["platforms"]

    await fix(installation, post, exhausted["postPlatformId"])
    [fixed] = (await installation.get(post["id"]))["platforms"]
    await installation.run_due()

    assert (exhausted["retryCount"], exhausted["nextRetryAt"]) == (3, None)
    assert (fixed["retryCount"], fixed["nextRetryAt"], fixed["error"]) == (0, None, None)
    assert len(installation.posts("MASTODON")) == 1


@statements("V173")
async def test_media_is_uploaded_again_where_that_is_asked_for(installation: Installation) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30
    media = await installation.api.post("/v1/media", files={"file": ("a.png", png, "image/png")})
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    post = await installation.publish("TWITTER", media=[media.json()["id"]])
    [twitter] = post["platforms"]

    async def uploads_after(**body: object) -> int:
        await fix(installation, post, twitter["id"], **body)
        await installation.run_due()
        return len(installation.ledger.entries(platform="TWITTER", kind="upload"))

    assert len(installation.ledger.entries(kind="upload")) == 1
    assert await uploads_after(refreshMedia=True) == 2
    assert await uploads_after(refreshMedia=True) == 3
    [entry] = installation.posts("TWITTER")
    assert len(entry.media) == 1


@statements("V167")
async def test_a_destination_that_is_published_or_skipped_is_not_to_be_fixed(
    installation: Installation,
) -> None:
    post, _ = await partial(installation)
    mastodon = post["platforms"][1]["postPlatformId"]
    before = await rows(installation)

    published = problem(await fix(installation, post, mastodon))
    await set_state(installation, mastodon, State.SKIPPED)
    skipped = problem(await fix(installation, post, mastodon))

    facts = {"platformId": mastodon}
    assert published == (409, "CONFLICT", facts | {"status": "published"})
    assert skipped == (409, "CONFLICT", facts | {"status": "skipped"})
    assert (await installation.get(post["id"]))["status"] == "partial"
    assert await rows(installation) == before


@statements("V167", "V184")
async def test_a_destination_that_is_pending_or_publishing_can_be_fixed(
    installation: Installation,
) -> None:
    for state in (State.IDLE, State.PARKED):
        post, twitter = await partial(installation, content=f"Hello {state}")
        await set_state(installation, twitter, state)
        answer = await fix(installation, post, twitter)
        await installation.run_due()
        assert answer.status_code == 200, state

    assert len(installation.posts("TWITTER")) == 2


async def set_state(installation: Installation, platform_id: str, state: State) -> None:
    destination_id = ids.from_typeid("pp", platform_id)
    await installation.db.write(
        lambda session: session.execute(
            update(Destination).where(Destination.id == destination_id).values(state=state)
        )
    )


@statements("V175")
async def test_a_destination_of_another_post_is_not_found(installation: Installation) -> None:
    post, _ = await partial(installation)
    other, _ = await partial(installation)
    wrong = [
        ids.to_typeid("pp", NOBODY),
        other["platforms"][0]["postPlatformId"],
    ]

    refused = [problem(await fix(installation, post, platform_id)) for platform_id in wrong]

    assert refused == [(404, "NOT_FOUND", None)] * 2
    assert problem(await fix(installation, post, post["id"])) == invalid("platform_id")
    assert await installation.get(post["id"]) == post


@statements("V172")
async def test_a_fix_that_the_network_would_refuse_is_refused_here(
    installation: Installation,
) -> None:
    post, twitter = await partial(installation)

    long = problem(await fix(installation, post, twitter, content="x" * 281))
    endless = problem(await fix(installation, post, twitter, content="x" * 10_001))

    assert long == too_long("content", 280, code="CONTENT_TOO_LONG", platform="TWITTER")
    assert endless == too_long("content", 10_000)
    assert await installation.get(post["id"]) == post


async def test_a_fix_of_an_unknown_outcome_is_an_order_to_send_again(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    post = await installation.publish("TELEGRAM")
    [telegram] = post["platforms"]

    await fix(installation, post, telegram["postPlatformId"])
    await installation.run_due()

    [fixed] = (await installation.get(post["id"]))["platforms"]
    assert (telegram["needsReview"], fixed["needsReview"]) == (True, False)
    assert fixed["status"] == "published"
    assert len(installation.posts("TELEGRAM")) == 2
