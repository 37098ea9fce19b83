"""End the process at every point of a comment, start it again: it is public once, or unknown.

With two processes, and with one that stood still, likewise.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeVar

import pytest
from sqlalchemy.orm import Session

from comments.under_posts import comment_of, commenter, lease_over, published, until_ended
from connectors.scripted import Crash, Fuse
from installation import Installation
from oncue.connectors.registry import CONNECTORS
from scripted_networks import Keyed, Stand

pytestmark = pytest.mark.anyio

T = TypeVar("T")


def fuses() -> Iterator[Fuse]:
    """Ever longer ones, until a comment ends before its fuse does."""
    length = 0
    while True:
        length += 1
        fuse = Fuse(length)
        yield fuse
        if not fuse.is_spent:
            return


@pytest.fixture
def burning(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Fuse], None]:
    """Lets the process die before or after every commit and every request, as a fuse says."""
    write = installation.db.write

    async def burnt(work: Callable[[Session], T]) -> T:
        stand.fuse.burn()
        result = await write(work)
        stand.fuse.burn()
        return result

    monkeypatch.setattr(installation.db, "write", burnt)

    def light(fuse: Fuse) -> None:
        stand.fuse = fuse

    return light


async def killed_once(
    oncue: Installation, burning: Callable[[Fuse], None], fuse: Fuse, platform: str
) -> dict[str, Any]:
    """A post whose commenting process dies as the fuse says, and another takes over."""
    burning(Fuse())
    post = await published(oncue, platform)
    burning(fuse)
    with suppress(Crash):
        await oncue.errands()
    burning(Fuse())
    await until_ended(oncue)
    return post


@pytest.mark.parametrize("platform", ["INSTAGRAM", "THREADS", "keyed"])
async def test_wherever_it_dies_the_comment_is_public_once(
    installation: Installation,
    stand: Stand,
    burning: Callable[[Fuse], None],
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
) -> None:
    if platform == "keyed":
        platform = "LINKEDIN"
        monkeypatch.setitem(CONNECTORS, platform, Keyed())

    for fuse in fuses():
        post = await killed_once(installation, burning, fuse, platform)

        native_id = post["platforms"][0]["platformPostId"]
        made = [each.id for each in stand.comments() if each.parent == native_id]
        assert await comment_of(installation, post) == {
            "status": "published",
            "commentId": made[0],
            "error": None,
        }, f"killed at point {fuse.length}"
        assert len(made) == 1, f"killed at point {fuse.length}"


async def test_where_nobody_can_tell_it_is_sent_once_or_said_to_be_unknown(
    installation: Installation, stand: Stand, burning: Callable[[Fuse], None]
) -> None:
    ends = []

    for fuse in fuses():
        before = len(stand.comments())
        post = await killed_once(installation, burning, fuse, "TIKTOK")
        comment = await comment_of(installation, post)
        unknown = (comment["error"] or "").startswith("OUTCOME_UNKNOWN")
        assert unknown is (comment["status"] == "failed")
        ends.append((len(stand.comments()) - before, comment["status"]))

    # Before the intent, between it and the request, before the reply is recorded, and after.
    assert [end for end, _ in groupby(ends)] == [
        (1, "published"),
        (0, "failed"),
        (1, "failed"),
        (1, "published"),
    ]


async def test_of_two_processes_each_comment_is_sent_by_one(
    installation: Installation, stand: Stand
) -> None:
    for _ in range(6):
        await published(installation, "INSTAGRAM")

    await asyncio.gather(commenter(installation).act(), commenter(installation).act())

    parents = [each.parent for each in stand.comments()]
    assert len(parents) == len(set(parents)) == 6


async def test_a_run_that_was_overtaken_before_its_request_does_not_make_it(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "THREADS")

    async def stall() -> None:
        stand.before.clear()
        await lease_over(installation)
        await commenter(installation).act()

    stand.before["POST containers"] = stall
    await installation.errands()

    assert len(stand.comments()) == 1
    assert len(stand.bodies("THREADS", "POST publish")) == 1
    assert (await comment_of(installation, post))["status"] == "published"


async def test_a_run_that_was_overtaken_after_its_request_writes_nothing(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "INSTAGRAM")

    async def stall() -> None:
        stand.after.clear()
        await lease_over(installation)
        await until_ended(installation)

    stand.after["POST comments"] = stall
    await installation.errands()

    [made] = stand.comments()
    assert (await comment_of(installation, post))["commentId"] == made.id


Act = Callable[[Installation, dict[str, Any]], Awaitable[None]]


async def unpublish(oncue: Installation, post: dict[str, Any]) -> None:
    assert (await oncue.api.post(f"/v1/posts/{post['id']}/unpublish")).status_code == 200


async def archive(oncue: Installation, post: dict[str, Any]) -> None:
    assert (await oncue.api.post(f"/v1/posts/{post['id']}/archive")).status_code == 200


@pytest.mark.parametrize("take_back", [unpublish, archive])
async def test_a_post_that_is_taken_back_meanwhile_gets_no_comment(
    installation: Installation, stand: Stand, take_back: Act
) -> None:
    post = await published(installation, "LINKEDIN", firstCommentDelay=60)

    await take_back(installation, post)
    installation.clock.advance(minutes=2)
    await until_ended(installation)

    assert stand.comments() == []
    cancelled = {"status": "cancelled", "commentId": None, "error": None}
    assert await comment_of(installation, post) == cancelled


async def test_a_comment_in_the_middle_of_its_steps_is_not_sent_once_its_post_is_taken_back(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "THREADS")

    async def meanwhile() -> None:
        await unpublish(installation, post)

    stand.after["POST containers"] = meanwhile
    await until_ended(installation)

    assert stand.comments() == []
    assert (await comment_of(installation, post))["status"] == "cancelled"


async def test_a_deleted_post_gets_no_comment(installation: Installation, stand: Stand) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish(
        "LINKEDIN", "TWITTER", firstComment="First!", firstCommentDelay=60
    )
    assert post["status"] == "partial"

    answer = await installation.api.delete(f"/v1/posts/{post['id']}")
    installation.clock.advance(minutes=2)
    await until_ended(installation)

    assert answer.status_code == 200
    assert stand.comments() == []
