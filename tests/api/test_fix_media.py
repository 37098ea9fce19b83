"""POST .../fix with mediaUrl: a file from elsewhere, for one destination, fetched with care."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import pytest

from api.answers import NOBODY, invalid, problem, rows
from api.test_fix import fix, partial
from api.test_media import kept, not_taken, png, uploaded
from installation import Installation
from loopback import Served, answering, hang, serving
from oncue.lib import ids
from oncue.lib.addresses import Allowed
from oncue.media.taken import MOST_BYTES
from statements import statements

pytestmark = pytest.mark.anyio

PHOTO = png(1080, 1080, size=900)
DIGEST = hashlib.sha256(PHOTO).hexdigest()


def open_loopback(installation: Installation) -> None:
    """The operator has opened this machine to users' URLs."""
    installation.services.outbound.allowed = Allowed.parse("127.0.0.1")


def at(server: Served, path: str = "/corrected%20photo.png?size=1") -> str:
    return f"{server.url}{path}"


@statements("V170", "V171")
async def test_the_file_is_shown_by_that_destination_and_by_no_other(
    installation: Installation,
) -> None:
    open_loopback(installation)
    mine = await uploaded(installation)
    post, twitter = await partial(installation, media=[mine])
    async with serving(answering(200, PHOTO)) as server:
        answer = await fix(installation, post, twitter, mediaUrl=at(server))
    await installation.run_due()

    assert (answer.status_code, answer.json()["status"]) == (200, "publishing")
    [on_x], [on_mastodon] = installation.posts("TWITTER"), installation.posts("MASTODON")
    assert [file["sha256"] for file in on_x.media] == [DIGEST]
    assert [file["sha256"] for file in on_mastodon.media] != [DIGEST]
    shown = await installation.get(post["id"])
    assert shown["status"] == "published"
    assert shown["media"] == post["media"]
    await installation.errands()
    assert len(kept(installation)) == 2


@statements("V170", "V171", "V172")
async def test_the_file_and_the_text_can_both_be_corrected(installation: Installation) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    async with serving(answering(200, PHOTO)) as server:
        await fix(installation, post, twitter, mediaUrl=at(server), content="Corrected")
    await installation.run_due()

    [on_x] = installation.posts("TWITTER")
    assert (on_x.text, [file["sha256"] for file in on_x.media]) == ("Corrected", [DIGEST])


@statements("V171")
async def test_the_file_stays_with_the_destination_when_it_is_tried_again(
    installation: Installation,
) -> None:
    open_loopback(installation)
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    post = await installation.publish("TWITTER")
    [twitter] = post["platforms"]
    async with serving(answering(200, PHOTO)) as server:
        await fix(installation, post, twitter["id"], mediaUrl=at(server))
    await installation.run_due()

    await installation.api.post(f"/v1/posts/{post['id']}/retry")
    installation.clock.advance(minutes=2)
    await installation.run_due()

    [on_x] = installation.posts("TWITTER")
    assert [file["sha256"] for file in on_x.media] == [DIGEST]


async def test_a_later_change_of_the_whole_post_overrules_the_correction(
    installation: Installation,
) -> None:
    open_loopback(installation)
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    post = await installation.publish("TWITTER")
    [twitter] = post["platforms"]
    async with serving(answering(200, PHOTO)) as server:
        await fix(installation, post, twitter["id"], mediaUrl=at(server), content="Corrected")
    await installation.run_due()

    await installation.api.patch(f"/v1/posts/{post['id']}", json={"content": "New", "media": []})
    await fix(installation, post, twitter["id"])
    await installation.run_due()

    assert [(e.text, e.media) for e in installation.posts("TWITTER")] == [("New", [])]


@statements("V170")
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "https://127.0.0.1/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/a.png",
        "https://user@example.com/a.png",
        "https://example.com:22/a.png",
        "//example.com/a.png",
        "a.png",
        "",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused_and_nothing_changes(
    installation: Installation, url: str
) -> None:
    post, twitter = await partial(installation)
    before = await rows(installation)

    answer = await fix(installation, post, twitter, mediaUrl=url)

    assert problem(answer) == invalid("mediaUrl", code="URL_NOT_ALLOWED")
    assert await installation.get(post["id"]) == post
    assert await rows(installation) == before
    assert kept(installation) == []


UNREACHABLE: Mapping[str, Any] = {
    "not there": answering(404, b"no"),
    "broken off": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
    "not HTTP": b"SSH-2.0\r\n\r\n",
}


@pytest.mark.parametrize("name", UNREACHABLE)
async def test_an_address_that_gives_no_file_is_refused_and_nothing_changes(
    installation: Installation, name: str
) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    before = await rows(installation)
    async with serving(UNREACHABLE[name]) as server:
        answer = await fix(installation, post, twitter, mediaUrl=at(server))

    assert problem(answer) == invalid("mediaUrl", code="MEDIA_URL_UNREACHABLE")
    assert await installation.get(post["id"]) == post
    assert await rows(installation) == before
    assert kept(installation) == []


async def test_a_name_without_an_address_is_unreachable(installation: Installation) -> None:
    post, twitter = await partial(installation)

    answer = await fix(installation, post, twitter, mediaUrl="https://nobody.test/a.png")

    assert problem(answer) == invalid("mediaUrl", code="MEDIA_URL_UNREACHABLE")


async def test_a_file_of_another_kind_or_too_large_is_refused_and_nothing_is_kept(
    installation: Installation,
) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    lying = answering(200, b"<html>no image</html>", content_type="image/png")
    large = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MOST_BYTES + 1)
    async with serving(lying, large) as server:
        answers = [await fix(installation, post, twitter, mediaUrl=at(server)) for _ in range(2)]

    assert [problem(answer) for answer in answers] == [
        not_taken("text/html"),
        invalid("mediaUrl", code="MEDIA_TOO_LARGE", limit=MOST_BYTES),
    ]
    assert kept(installation) == []


async def test_a_redirect_to_where_nobody_may_go_is_refused(installation: Installation) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    async with serving(answering(302, location="http://10.0.0.1/a.png")) as server:
        answer = await fix(installation, post, twitter, mediaUrl=at(server))

    assert problem(answer) == invalid("mediaUrl", code="URL_NOT_ALLOWED")


async def test_nothing_is_fetched_for_what_cannot_be_fixed(installation: Installation) -> None:
    open_loopback(installation)
    post, _ = await partial(installation)
    draft = await installation.create("TWITTER")
    asks = [
        (post, post["platforms"][1]["id"]),  # published
        (post, ids.to_typeid("pp", NOBODY)),
        (draft, draft["platforms"][0]["id"]),
    ]
    async with serving(answering(200, PHOTO)) as server:
        answers = [await fix(installation, *ask, mediaUrl=at(server)) for ask in asks]

    assert [answer.status_code for answer in answers] == [409, 404, 409]
    assert server.asked == []


async def test_a_file_the_network_would_not_take_is_refused_and_not_kept(
    installation: Installation,
) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    await installation.api.patch("/v1/workspace", json={"mendMedia": False})
    before = await rows(installation)
    async with serving(answering(200, png(size=6_000_000))) as server:
        answer = await fix(installation, post, twitter, mediaUrl=at(server))

    assert problem(answer)[:2] == (400, "VALIDATION_ERROR")
    assert await installation.get(post["id"]) == post
    assert await rows(installation) == before
    assert kept(installation) == []


async def test_a_threads_items_keep_their_own_files(installation: Installation) -> None:
    open_loopback(installation)
    items = [{"sequence": 1, "content": "1/"}, {"sequence": 2, "content": "2/"}]
    post, twitter = await partial(installation, threadPosts=items)
    async with serving(answering(200, PHOTO)) as server:
        answer = await fix(installation, post, twitter, mediaUrl=at(server))

    assert problem(answer) == invalid("mediaUrl")
    assert kept(installation) == []


async def test_a_fix_sent_again_fetches_nothing_again(installation: Installation) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    path = f"/v1/posts/{post['id']}/platforms/{twitter}/fix"
    async with serving(answering(200, PHOTO)) as server:

        async def send() -> httpx.Response:
            return await installation.api.post(
                path, json={"mediaUrl": at(server)}, headers={"Idempotency-Key": "once"}
            )

        first = await asyncio.gather(send(), send())
        asked = len(server.asked)
        again = await send()

    assert {answer.status_code for answer in (*first, again)} == {200}
    assert len({answer.content for answer in (*first, again)}) == 1
    assert len(server.asked) == asked
    assert len(kept(installation)) == (await rows(installation))["media"] == 1
    await installation.run_due()
    assert len(installation.posts("TWITTER")) == 1


async def test_who_waits_for_a_slow_address_holds_up_nobody(installation: Installation) -> None:
    open_loopback(installation)
    post, twitter = await partial(installation)
    asked = asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await hang(writer)

    async with serving(slowly) as server:
        slow = asyncio.create_task(fix(installation, post, twitter, mediaUrl=at(server)))
        await asked.wait()
        changed = await installation.api.patch(
            f"/v1/posts/{post['id']}", json={"content": "Meanwhile"}
        )
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)

    assert changed.status_code == 200
    assert kept(installation) == []
