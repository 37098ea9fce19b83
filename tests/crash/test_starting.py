"""A server that lacks the keys to what it holds touches nothing; with the keys it goes on."""

import base64

import pytest

from crash.site import Site

ANOTHER_KEY = "test:" + base64.b64encode(b"w" * 32).decode()


@pytest.mark.parametrize(
    ("keys", "explained"),
    [
        ("", "There are no secret keys"),
        (ANOTHER_KEY, "The secret keys are not the ones"),
    ],
)
def test_without_its_keys_it_refuses_to_start(site: Site, keys: str, explained: str) -> None:
    site.publish("Hello", site.connect("MASTODON"))

    server = site.serve(ONCUE_SECRET_KEYS=keys)

    assert server.ended() == 1
    assert server.says().startswith(f"oncue: {explained}")
    assert not site.settings.key_file.exists()
    assert site.world.posts() == []
    site.serve()
    site.until_settled()
    assert site.verdict() == {"published": 1}
