"""A thread on X: whatever happens to an item, each is out once, below the one before."""

from typing import Any

import pytest

from installation import Installation
from oncue.lib import ids
from scenarios.stories import by_platform, end_of, fix, until_settled, uploaded

pytestmark = pytest.mark.anyio

ITEMS = [f"Item {number}" for number in range(1, 6)]


async def thread_with(oncue: Installation, **fault: object) -> dict[str, Any]:
    """Publish a thread of five whose third item has this trouble."""
    items = [{"sequence": n, "content": text} for n, text in enumerate(ITEMS, start=1)]
    post = await oncue.create("TWITTER", contentType="THREAD", threadPosts=items)
    await oncue.fault(kind="slow", platform="TWITTER", seconds=0, times=2)
    await oncue.fault(platform="TWITTER", **fault)
    await oncue.api.post(f"/v1/posts/{post['id']}/publish")
    await oncue.run_due()
    return await until_settled(oncue, post["id"])


def hangs_together(oncue: Installation) -> bool:
    entries = oncue.posts("TWITTER")
    parents = [None, *(entry.id for entry in entries[:-1])]
    return [entry.text for entry in entries] == ITEMS and [e.parent for e in entries] == parents


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_500", "garbage", "slow"])
async def test_an_item_whose_answer_is_lost_is_looked_for_and_the_thread_goes_on(
    installation: Installation, kind: str
) -> None:
    post = await thread_with(installation, kind=kind, seconds=0)

    assert post["status"] == "published"
    assert hangs_together(installation)


@pytest.mark.parametrize("kind", ["reject", "duplicate"])
async def test_a_refused_item_ends_the_thread_there_until_somebody_orders_it_on(
    installation: Installation, kind: str
) -> None:
    failed = await thread_with(installation, kind=kind)
    held = [entry.text for entry in installation.posts("TWITTER")]

    fixed = await fix(installation, failed, "TWITTER")

    assert (failed["status"], held) == ("failed", ITEMS[:2])
    assert fixed["status"] == "published"
    assert hangs_together(installation)


async def test_a_retry_by_hand_goes_on_where_the_thread_stopped(
    installation: Installation,
) -> None:
    failed = await thread_with(installation, kind="reject")

    answer = await installation.api.post(f"/v1/posts/{failed['id']}/retry")
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert answer.json()["status"] == "publishing"
    assert (await installation.get(failed["id"]))["status"] == "published"
    assert hangs_together(installation)


async def test_an_item_of_a_thread_that_stopped_is_not_taken_for_another_post_of_the_same_words(
    installation: Installation,
) -> None:
    stopped = await thread_with(installation, kind="reject")
    installation.clock.advance(seconds=30)
    await installation.fault(kind="garbage", platform="TWITTER")

    lost = await installation.publish("TWITTER", content=ITEMS[0])
    lost = await until_settled(installation, lost["id"])

    assert stopped["status"] == "failed"
    assert end_of(by_platform(lost)["TWITTER"]) == "unknown"
    assert [entry.text for entry in installation.posts("TWITTER")] == ITEMS[:2]


async def test_what_a_deleted_post_left_on_x_is_not_taken_for_another_post_of_the_same_words(
    installation: Installation,
) -> None:
    stopped = await thread_with(installation, kind="reject")
    installation.clock.advance(seconds=30)
    lost = await sent_into_silence(installation, ITEMS[0])

    gone = await installation.api.delete(f"/v1/posts/{stopped['id']}")
    lost = await until_settled(installation, lost["id"])

    assert gone.status_code == 200, gone.text
    assert end_of(by_platform(lost)["TWITTER"]) == "unknown"


async def test_nor_what_a_destination_left_there_that_was_taken_from_its_post(
    installation: Installation,
) -> None:
    stopped = await thread_with(installation, kind="reject")
    installation.clock.advance(seconds=30)
    lost = await sent_into_silence(installation, ITEMS[0])

    other = await installation.new_account("TWITTER", "another")
    elsewhere = {"accountIds": [ids.to_typeid("acc", other.id)]}
    moved = await installation.api.patch(f"/v1/posts/{stopped['id']}", json=elsewhere)
    lost = await until_settled(installation, lost["id"])

    assert moved.status_code == 200, moved.text
    assert end_of(by_platform(lost)["TWITTER"]) == "unknown"


async def test_nor_a_published_post_that_was_deleted_for_it_failed_elsewhere(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    partly = await installation.publish("TWITTER", "MASTODON", content=ITEMS[0])
    installation.clock.advance(seconds=30)
    lost = await sent_into_silence(installation, ITEMS[0])

    await installation.api.delete(f"/v1/posts/{partly['id']}")
    lost = await until_settled(installation, lost["id"])

    assert partly["status"] == "partial"
    assert end_of(by_platform(lost)["TWITTER"]) == "unknown"


async def sent_into_silence(oncue: Installation, content: str) -> dict[str, Any]:
    """Publish a post to X that never gets there, and of which nobody says so."""
    await oncue.fault(kind="garbage", platform="TWITTER")
    return await oncue.publish("TWITTER", content=content)


async def test_pictures_of_items_that_are_out_are_not_sent_again(
    installation: Installation,
) -> None:
    pictures = [await uploaded(installation, number, alt=f"Alt {number}") for number in (1, 2)]
    items = [
        {"sequence": n, "content": f"Item {n}", "mediaIds": [picture]}
        for n, picture in enumerate(pictures, start=1)
    ]
    await installation.fault(kind="slow", platform="TWITTER", seconds=0)
    await installation.fault(kind="unavailable", platform="TWITTER")

    post = await installation.publish("TWITTER", contentType="THREAD", threadPosts=items)
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"
    assert [entry.media[0]["alt"] for entry in installation.posts("TWITTER")] == ["Alt 1", "Alt 2"]
    files = installation.ledger.entries(platform="TWITTER", kind="upload")
    assert len([entry for entry in files if entry.text is None]) == 2


async def test_where_there_are_no_threads_the_posts_own_text_goes_out(
    installation: Installation,
) -> None:
    items = [{"sequence": n, "content": text} for n, text in enumerate(ITEMS, start=1)]

    post = await installation.publish(
        "TWITTER", "MASTODON", content="In short", contentType="THREAD", threadPosts=items
    )

    assert post["status"] == "published"
    assert hangs_together(installation)
    assert [entry.text for entry in installation.posts("MASTODON")] == ["In short"]
