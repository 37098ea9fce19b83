"""A server dies by kill -9 at a named point of a publication; the next one finishes the work."""

import pytest

from crash.site import EVERYWHERE, Site
from oncue.lib.crashpoints import POINTS
from oncue.posts.remedies import OUTCOME_UNKNOWN
from processes import KILLED

THREAD = ("One", "Two", "Three")

# Telegram cannot be asked what it accepted: how it ends, and how often it has the post.
UNKNOWN = {
    ("TELEGRAM", "after_intent"): ("failed", True, 0),
    ("TELEGRAM", "after_accept"): ("failed", True, 1),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("platform", EVERYWHERE)
def test_what_one_network_has_and_what_oncue_says(
    on_sqlite: Site, platform: str, point: str
) -> None:
    post = on_sqlite.publish("Hello", on_sqlite.connect(platform))
    assert on_sqlite.serve(ONCUE_CRASH_AT=point).ended() == KILLED

    on_sqlite.serve()
    on_sqlite.until_settled()

    [shown] = on_sqlite.shown(post)["platforms"]
    found = shown["status"], shown["needsReview"], len(on_sqlite.world.posts())
    assert found == UNKNOWN.get((platform, point), ("published", False, 1))
    assert (shown["error"] or "").startswith(OUTCOME_UNKNOWN) is shown["needsReview"]


@pytest.mark.parametrize("time", [1, 3, 5])
@pytest.mark.parametrize("point", POINTS)
def test_everything_that_is_on_its_way_is_published_once(
    on_sqlite: Site, point: str, time: int
) -> None:
    kill_one_server_and_finish_with_the_next(on_sqlite, f"{point}:{time}")


@pytest.mark.parametrize("point", POINTS)
def test_likewise_on_postgresql(on_postgres: Site, point: str) -> None:
    kill_one_server_and_finish_with_the_next(on_postgres, f"{point}:3")


def kill_one_server_and_finish_with_the_next(site: Site, crash_at: str) -> None:
    accounts = site.connect(*EVERYWHERE)
    everywhere = site.publish("Hello", accounts)
    thread = site.publish("A thread", accounts[:1], *THREAD)
    assert site.serve(ONCUE_CRASH_AT=crash_at).ended() == KILLED
    unknown = "TELEGRAM" in site.in_doubt()

    site.serve()
    site.until_settled()

    assert site.verdict() == ({"published": 4, "unknown": 1} if unknown else {"published": 5})
    assert [platform["status"] for platform in site.shown(everywhere)["platforms"]] == [
        "published",
        "published",
        "published",
        "failed" if unknown else "published",
    ]
    assert site.shown(thread)["status"] == "published"


@pytest.mark.parametrize("item", [2, 3])
@pytest.mark.parametrize("point", POINTS[:-1])
def test_a_thread_goes_on_where_it_was_cut_off(on_sqlite: Site, point: str, item: int) -> None:
    on_sqlite.publish("A thread", on_sqlite.connect("TWITTER"), *THREAD)
    assert on_sqlite.serve(ONCUE_CRASH_AT=f"{point}:{item}").ended() == KILLED

    on_sqlite.serve()
    on_sqlite.until_settled()

    assert is_whole(on_sqlite)


def test_a_thread_survives_the_loss_of_a_server_after_every_item(on_sqlite: Site) -> None:
    on_sqlite.publish("A thread", on_sqlite.connect("TWITTER"), *THREAD)
    for _ in THREAD:
        assert on_sqlite.serve(ONCUE_CRASH_AT="after_reply").ended() == KILLED

    on_sqlite.serve()
    on_sqlite.until_settled()

    assert is_whole(on_sqlite)


def is_whole(site: Site) -> bool:
    """Whether the thread is on X once, each item in reply to the one before."""
    posts = site.world.posts()
    ids = [post["id"] for post in posts]
    assert [(post["text"], post["parent"]) for post in posts] == list(
        zip(THREAD, [None, *ids[:-1]], strict=True)
    )
    return site.verdict() == {"published": 1}


def test_a_post_that_kills_every_server_is_given_up(on_sqlite: Site) -> None:
    post = on_sqlite.publish("Poison", on_sqlite.connect("MASTODON"))
    for _ in range(6):
        assert on_sqlite.serve(ONCUE_CRASH_AT="before_intent").ended() == KILLED

    on_sqlite.serve(ONCUE_CRASH_AT="before_intent")
    on_sqlite.until_settled()

    [shown] = on_sqlite.shown(post)["platforms"]
    assert (shown["status"], shown["needsReview"]) == ("failed", False)
    assert "begun 6 times" in shown["error"]
    assert on_sqlite.world.posts() == []
