"""A first comment from the request to the network: where, when, and what is shown of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest

from comments.conftest import connected
from comments.under_posts import (
    TEXT,
    comment_of,
    published,
    shown_with,
    types_of_events,
    until_ended,
)
from installation import Installation
from oncue.connectors.base import Comments
from oncue.connectors.registry import CONNECTORS
from scripted_networks import SCRIPTED, Stand, Trouble, said
from statements import statements

pytestmark = pytest.mark.anyio

# The document's table, in its order; C2 has the names that are missing there.
TABLE: Final[Mapping[str, bool]] = {
    "INSTAGRAM": True,
    "LINKEDIN": True,
    "FACEBOOK": False,
    "THREADS": True,
    "TIKTOK": True,
    "YOUTUBE": True,
    "REDDIT": True,
    "TWITTER": False,
    "BLUESKY": False,
    "PINTEREST": False,
    "SNAPCHAT": False,
    "TELEGRAM": False,
    "GOOGLE_BUSINESS": False,
    "MASTODON": False,
}
NONE: Final = {"status": "pending", "commentId": None, "error": None}


@statements("V37", "V39", "V57", "V58", "V59", "V60", "V61", "V62", "V63", "V64", "V65", "V66")
@statements("V67", "V68", "V69", "V70", "V71")
@pytest.mark.parametrize(("platform", "supported"), TABLE.items(), ids=TABLE)
async def test_a_first_comment_is_posted_where_the_table_says_so_and_skipped_elsewhere(
    installation: Installation, stand: Stand, platform: str, *, supported: bool
) -> None:
    post = await published(installation, platform)
    await until_ended(installation)

    said_under = [(each.platform, each.text, each.parent) for each in stand.comments()]
    [shown] = (await installation.get(post["id"]))["platforms"]
    native_id = post["platforms"][0]["platformPostId"]
    assert said_under == ([(platform, TEXT, native_id)] if supported else [])
    assert (shown["firstComment"] is not None) is supported
    assert (shown["status"], shown["error"], shown["publishWarning"]) == ("published", None, None)


@statements("V65", "V66", "V69", "V71")
def test_no_connector_says_otherwise_than_the_table() -> None:
    built = {name: isinstance(connector, Comments) for name, connector in CONNECTORS.items()}

    assert built.items() <= TABLE.items()


@statements("V36", "V38", "V58")
async def test_a_comment_is_shown_from_its_waiting_to_its_end(installation: Installation) -> None:
    post = await published(installation, "INSTAGRAM", firstComment="x" * 2_200)
    before = await comment_of(installation, post)
    await installation.errands()

    after = await installation.get(post["id"])
    done = {"status": "published", "commentId": "instagram-2", "error": None}
    assert before == NONE
    assert after["platforms"][0]["firstComment"] == done
    assert {name: after[name] for name in after if name != "platforms"} == {
        name: post[name] for name in post if name != "platforms"
    }
    event = (await installation.api.get(f"/v1/posts/{post['id']}/events/latest")).json()
    assert (event["type"], event["data"]) == (
        "post.comment.published",
        {
            "postPlatformId": post["platforms"][0]["postPlatformId"],
            "accountId": installation.account("INSTAGRAM"),
            "platform": "instagram",
            "commentId": "instagram-2",
            "error": None,
        },
    )


@statements("V38", "V39")
@pytest.mark.parametrize("delay", [0, 1, 60])
async def test_a_comment_goes_out_so_many_seconds_after_its_post(
    installation: Installation, stand: Stand, delay: int
) -> None:
    await published(installation, "LINKEDIN", firstCommentDelay=delay)

    if delay:
        installation.clock.now += timedelta(seconds=delay, milliseconds=-1)
        await installation.errands()
        assert stand.comments() == []
        installation.clock.now += timedelta(milliseconds=1)
    await installation.errands()

    assert [each.text for each in stand.comments()] == [TEXT]


@statements("V37", "V57")
async def test_every_account_gets_its_own_comment_under_its_own_post(
    installation: Installation, stand: Stand
) -> None:
    other = await connected(installation, "REDDIT", "another")
    installation.accounts["another"] = other

    post = await installation.publish(
        "REDDIT", "another", "LINKEDIN", "MASTODON", firstComment=TEXT
    )
    await installation.errands()

    shown = (await installation.get(post["id"]))["platforms"]
    assert sorted((each.platform, each.parent) for each in stand.comments()) == sorted(
        (platform["platform"].upper(), platform["platformPostId"]) for platform in shown[:3]
    )
    assert [bool(platform["firstComment"]) for platform in shown] == [True, True, True, False]


@statements("V37")
@pytest.mark.parametrize("text", [None, "", " \n"])
async def test_nothing_to_say_is_no_comment(
    installation: Installation, stand: Stand, text: str | None
) -> None:
    post = await published(installation, "LINKEDIN", firstComment=text)
    await installation.errands()

    assert await comment_of(installation, post) is None
    assert stand.comments() == []


@statements("V37")
async def test_a_post_that_is_not_published_gets_no_comment(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST posts", Trouble(said(400)))

    post = await installation.publish("LINKEDIN", firstComment=TEXT)
    await installation.errands()

    assert (post["status"], await comment_of(installation, post)) == ("failed", None)
    assert stand.comments() == []


@statements("V58", "V179")
async def test_a_refused_comment_is_told_and_its_post_stays_published(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST comments", Trouble(said(400)))
    post = await published(installation, "INSTAGRAM")

    await until_ended(installation)

    after = await installation.get(post["id"])
    words = "Instagram answered with status 400"
    assert await comment_of(installation, post) == {
        "status": "failed",
        "commentId": None,
        "error": words,
    }
    assert (after["status"], after["updatedAt"]) == ("published", post["updatedAt"])
    assert after["platforms"][0]["error"] is None
    assert (await types_of_events(installation, post))[-1] == "post.comment.failed"


@statements("V62")
async def test_without_business_credentials_a_tiktok_account_has_no_comments(
    installation: Installation, stand: Stand
) -> None:
    personal = await connected(installation, "TIKTOK", "personal", accessToken="x")
    installation.accounts["personal"] = personal
    media = await shown_with(installation, "TIKTOK")

    post = await installation.publish("personal", firstComment=TEXT, **media)
    await installation.errands()

    assert (post["status"], await comment_of(installation, post)) == ("published", None)
    assert stand.comments() == []
    assert not any("comment" in name for name in await types_of_events(installation, post))


@statements("V303")
async def test_a_clone_says_its_own_first_comment(installation: Installation, stand: Stand) -> None:
    post = await published(installation, "LINKEDIN")
    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    await installation.api.post(f"/v1/posts/{copy['id']}/publish")
    await installation.run_due()
    await installation.errands()

    assert len({each.parent for each in stand.comments()}) == 2


def test_every_network_of_the_table_is_played_or_there() -> None:
    assert TABLE.keys() <= {*SCRIPTED, "TWITTER", "BLUESKY", "TELEGRAM", "MASTODON"}
