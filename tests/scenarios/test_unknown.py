"""When nobody can tell whether a post went out: a person looks, and says."""

import pytest

from installation import Installation
from scenarios.stories import an_hour, by_platform, end_of, fix, resolve, until_settled

pytestmark = pytest.mark.anyio


async def test_what_a_person_saw_is_out_is_published_with_the_address_they_give(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    post = await installation.publish("TELEGRAM")

    url = "https://t.me/oncue/7"
    resolved = await resolve(installation, post, "TELEGRAM", published=True, platformPostUrl=url)
    await an_hour(installation)

    shown = by_platform(resolved)["TELEGRAM"]
    assert (resolved["status"], shown["platformPostUrl"], shown["error"]) == (
        "published",
        url,
        None,
    )
    assert len(installation.posts("TELEGRAM")) == 1


async def test_what_a_person_saw_is_not_out_can_be_retried(installation: Installation) -> None:
    await installation.fault(kind="garbage", platform="TELEGRAM")
    post = await installation.publish("TELEGRAM")

    resolved = await resolve(installation, post, "TELEGRAM", published=False)
    untouched = len(installation.posts("TELEGRAM"))
    await installation.api.post(f"/v1/posts/{post['id']}/retry")
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert (resolved["status"], untouched) == ("failed", 0)
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("TELEGRAM")) == 1


async def test_an_unknown_outcome_holds_up_nothing_else_of_the_post(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_500", platform="TELEGRAM")
    await installation.fault(kind="unavailable", platform="MASTODON")

    post = await installation.publish("TELEGRAM", "MASTODON", "BLUESKY")
    installation.clock.advance(minutes=2)
    await installation.run_due()
    later = await installation.get(post["id"])
    resolved = await resolve(installation, later, "TELEGRAM", published=True)

    assert (post["status"], later["status"], resolved["status"]) == (
        "partial",
        "partial",
        "published",
    )
    assert end_of(by_platform(later)["MASTODON"]) == "published"
    for name in ("TELEGRAM", "MASTODON", "BLUESKY"):
        assert len(installation.posts(name)) == 1


async def test_an_order_to_send_it_again_is_obeyed_though_it_may_be_out_twice(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    post = await installation.publish("TELEGRAM")

    fixed = await fix(installation, post, "TELEGRAM", content="Again")

    assert fixed["status"] == "published"
    assert [entry.text for entry in installation.posts("TELEGRAM")] == ["Hello", "Again"]


async def test_on_x_the_next_post_goes_out_while_the_last_is_looked_for(
    installation: Installation,
) -> None:
    await installation.fault(kind="accept_then_drop", platform="TWITTER")

    lost = await installation.publish("TWITTER", content="First")
    following = await installation.publish("TWITTER", content="Second")
    found = await until_settled(installation, lost["id"])

    assert (lost["status"], following["status"], found["status"]) == (
        "publishing",
        "published",
        "published",
    )
    entries = installation.posts("TWITTER")
    assert [entry.text for entry in entries] == ["First", "Second"]
    assert by_platform(found)["TWITTER"]["platformPostId"] == entries[0].id


async def test_on_x_the_same_words_of_another_post_are_not_taken_for_ours(
    installation: Installation,
) -> None:
    await installation.fault(kind="garbage", platform="TWITTER")

    lost = await installation.publish("TWITTER", content="The same")
    other = await installation.publish("TWITTER", content="The same")
    lost = await until_settled(installation, lost["id"])

    [entry] = installation.posts("TWITTER")
    assert by_platform(other)["TWITTER"]["platformPostId"] == entry.id
    assert end_of(by_platform(lost)["TWITTER"]) == "unknown"
