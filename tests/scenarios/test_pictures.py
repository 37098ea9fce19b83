"""Posts with pictures: what each network holds of them, and what trouble with files does."""

import hashlib
from typing import Any

import pytest

from installation import Installation
from oncue.sandbox.ledger import Entry
from scenarios.stories import EVERYWHERE, PICTURES, by_platform, end_of, until_settled, uploaded

pytestmark = pytest.mark.anyio


def picture(number: int, type_: str = "image/png") -> str:
    """The digest of the picture with this number."""
    return hashlib.sha256(PICTURES[type_] + bytes([number]) * 40).hexdigest()


def held(entry: Entry) -> list[tuple[str, str | None]]:
    """Each file of a post, and how it is described."""
    return [(file["sha256"], file.get("alt")) for file in entry.media]


async def test_a_picture_reaches_every_network_with_its_description(
    installation: Installation,
) -> None:
    media = await uploaded(installation, 1, alt="A fox")

    post = await installation.publish(*EVERYWHERE, media=[media])

    assert post["status"] == "published"
    assert {name: held(installation.posts(name)[0]) for name in EVERYWHERE} == {
        "TWITTER": [(picture(1), "A fox")],
        "BLUESKY": [(picture(1), "A fox")],
        "MASTODON": [(picture(1), "A fox")],
        "TELEGRAM": [(picture(1), None)],  # it has no such thing
    }


async def test_four_pictures_stay_in_their_order(installation: Installation) -> None:
    media = [await uploaded(installation, number, alt=f"No. {number}") for number in (3, 1, 4, 2)]

    post = await installation.publish(*EVERYWHERE, media=media)

    assert post["status"] == "published"
    for name in EVERYWHERE:
        [entry] = installation.posts(name)
        assert [file for file, _alt in held(entry)] == [picture(n) for n in (3, 1, 4, 2)]


async def test_a_picture_without_words_is_a_post_too(installation: Installation) -> None:
    media = await uploaded(installation)

    post = await installation.publish(*EVERYWHERE, content="", media=[media])

    assert post["status"] == "published"
    assert [len(installation.posts(name)) for name in EVERYWHERE] == [1] * 4


@pytest.mark.parametrize("kind", ["unavailable", "rate_limit"])
async def test_an_upload_that_is_refused_for_now_is_tried_again_by_itself(
    installation: Installation, kind: str
) -> None:
    for name in ("TWITTER", "BLUESKY", "MASTODON"):
        await installation.fault(kind=kind, platform=name, effect="upload", retryAfter=10)
    media = await uploaded(installation)

    post = await installation.publish("TWITTER", "BLUESKY", "MASTODON", media=[media])
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert {end_of(shown) for shown in post["platforms"]} == {"planned"}
    assert (await installation.get(post["id"]))["status"] == "published"


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_500", "garbage"])
async def test_an_upload_whose_answer_is_lost_is_simply_done_again(
    installation: Installation, kind: str
) -> None:
    for name in ("TWITTER", "BLUESKY", "MASTODON"):
        await installation.fault(kind=kind, platform=name, effect="upload")
    media = await uploaded(installation)

    post = await installation.publish("TWITTER", "BLUESKY", "MASTODON", media=[media])

    assert post["status"] == "published"
    for name in ("TWITTER", "BLUESKY", "MASTODON"):
        assert [held(entry)[0][0] for entry in installation.posts(name)] == [picture(1)]


async def test_a_picture_is_not_sent_again_when_only_the_posts_answer_was_lost(
    installation: Installation,
) -> None:
    for name in ("TWITTER", "BLUESKY", "MASTODON"):
        await installation.fault(kind="accept_then_drop", platform=name)
    media = await uploaded(installation)

    post = await installation.publish("TWITTER", "BLUESKY", "MASTODON", media=[media])
    post = await until_settled(installation, post["id"])

    assert post["status"] == "published"
    for name in ("TWITTER", "BLUESKY", "MASTODON"):
        assert len(installation.posts(name)) == 1
        assert len(installation.ledger.entries(platform=name, kind="upload")) == 1


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("processing_failed", {"TWITTER": "failed", "MASTODON": "failed"}),
        ("processing_forever", {"TWITTER": "planned", "MASTODON": "planned"}),
    ],
)
async def test_a_file_the_network_cannot_process_fails_the_post_and_makes_nothing_public(
    installation: Installation, kind: str, ends: dict[str, str]
) -> None:
    for name in ends:
        await installation.fault(kind=kind, platform=name, times=100)
    gif = await uploaded(installation, type_="image/gif")

    post = await until_settled(installation, (await installation.publish(*ends, media=[gif]))["id"])

    assert {name: end_of(shown) for name, shown in by_platform(post).items()} == ends
    assert [installation.posts(name) for name in ends] == [[], []]


async def test_a_gif_is_waited_for_until_it_is_ready(installation: Installation) -> None:
    gif = await uploaded(installation, type_="image/gif")

    post: dict[str, Any] = await installation.publish(*EVERYWHERE, media=[gif])
    post = await until_settled(installation, post["id"])

    assert post["status"] == "published"
    digest = picture(1, "image/gif")
    assert {held(installation.posts(name)[0])[0][0] for name in EVERYWHERE} == {digest}
