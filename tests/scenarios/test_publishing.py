"""Whole stories: a post handed in over HTTP reaches every network once."""

from datetime import timedelta

import pytest

from installation import Installation
from oncue.lib.clock import iso

pytestmark = pytest.mark.anyio

EVERYWHERE = ("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")


async def test_a_post_reaches_every_network_once(installation: Installation) -> None:
    post = await installation.publish(*EVERYWHERE, content="Hello everyone")

    assert post["status"] == "published"
    assert [platform["status"] for platform in post["platforms"]] == ["published"] * 4
    for platform in EVERYWHERE:
        assert [entry.text for entry in installation.posts(platform)] == ["Hello everyone"]


async def test_a_scheduled_post_waits_for_its_time(installation: Installation) -> None:
    at = installation.clock() + timedelta(hours=1)
    post = await installation.create("MASTODON", scheduledFor=iso(at))

    await installation.run_due()
    assert installation.posts("MASTODON") == []

    installation.clock.advance(hours=1)
    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("MASTODON")) == 1
