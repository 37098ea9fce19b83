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
def test_without_its_keys_it_refuses_to_start(on_sqlite: Site, keys: str, explained: str) -> None:
    on_sqlite.publish("Hello", on_sqlite.connect("MASTODON"))

    server = on_sqlite.serve(ONCUE_SECRET_KEYS=keys)

    assert server.ended() == 1
    assert server.says().startswith(f"oncue: {explained}")
    assert not on_sqlite.settings.key_file.exists()
    assert on_sqlite.world.posts() == []
    on_sqlite.serve()
    on_sqlite.until_settled()
    assert on_sqlite.verdict() == {"published": 1}
