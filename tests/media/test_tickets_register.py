"""Files by URL, and what can be done with a file: list, describe, attach."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from api.answers import invalid, problem, rows
from api.test_media import kept, not_taken, refusal
from installation import Installation
from loopback import Answer, Served, answering, endless, hang, serving
from media.test_storage_sharing import file_id
from media.uploading import PHOTO, announce, content_of, put, row, send, shown, told, upload
from oncue.api.native import media as endpoints
from oncue.lib import ids
from oncue.lib.addresses import Allowed
from oncue.media.taken import MOST_BYTES
from oncue.publishing.duties import Duty
from statements import statements

pytestmark = pytest.mark.anyio


@pytest.fixture
def web(site: Installation) -> Installation:
    """The site, whose operator lets users name addresses of this machine."""
    site.services.outbound.allowed = Allowed.parse("127.0.0.1")
    return site


async def register(site: Installation, url: str, **fields: Any) -> httpx.Response:
    return await site.api.post("/v1/media/register", json={"url": url} | fields)


def at(server: Served, path: str = "/holiday%20photo.png?size=1") -> str:
    return f"{server.url}{path}"


async def test_a_file_by_url_has_its_id_at_once_and_mostly_is_ready(web: Installation) -> None:
    async with serving(answering(200, PHOTO)) as server:
        answer = await register(web, at(server))

    media = answer.json()
    assert answer.status_code == 201
    assert (media["filename"], media["contentType"]) == ("holiday photo.png", "image/png")
    assert (media["status"], media["sizeBytes"]) == ("ready", len(PHOTO))
    assert media["publicUrl"] == media["url"]
    assert await shown(web, media["id"]) == {
        name: value for name, value in media.items() if name != "publicUrl"
    }
    assert await content_of(web, media["id"]) == PHOTO
    assert [event["id"] for event in await told(web)] == [media["id"]]


async def test_its_owner_may_say_what_it_is_called(web: Installation) -> None:
    async with serving(answering(200, PHOTO)) as server:
        answer = await register(web, at(server), filename="a\x00.png", contentType="text/html")

    assert (answer.json()["filename"], answer.json()["contentType"]) == ("a.png", "image/png")


async def test_a_file_that_takes_long_is_fetched_in_the_background(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "PROMPTLY", timedelta(milliseconds=200))
    answered = asyncio.Event()
    async with serving(only_after(answered, answering(200, PHOTO))) as server:
        answer = await register(web, at(server), contentType="image/webp")
        answered.set()
        waiting = answer.json()
        post = await web.api.post(
            "/v1/posts",
            json={
                "content": "x",
                "accountIds": [web.account("MASTODON")],
                "media": [waiting["id"]],
            },
        )
        await web.errands()

    assert answer.status_code == 201
    assert (waiting["status"], waiting["publicUrl"]) == ("processing", None)
    assert (waiting["contentType"], waiting["sizeBytes"]) == ("image/webp", 0)
    assert problem(post) == invalid("media", code="MEDIA_NOT_READY")
    ready = await shown(web, waiting["id"])
    assert (ready["status"], ready["contentType"]) == ("ready", "image/png")
    assert await content_of(web, ready["id"]) == PHOTO


def only_after(answered: asyncio.Event, answer: bytes) -> Answer:
    """A server that is slow as long as somebody waits, and answers then."""

    async def slowly(writer: asyncio.StreamWriter) -> None:
        if not answered.is_set():
            await hang(writer)
        writer.write(answer)
        await writer.drain()

    return slowly


async def test_files_that_come_slowly_hold_up_no_upload(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "PROMPTLY", timedelta(milliseconds=50))
    async with serving(hang) as server, asyncio.TaskGroup() as working:
        for _ in range(5):
            await register(web, at(server))
        uploaded = await announce(web)
        await send(web, uploaded)
        duties = [duty for duty in web.worker.duties if "media" in duty.name]
        tasks = [working.create_task(again_and_again(duty)) for duty in duties]
        for _ in range(500):
            media = await shown(web, uploaded["mediaId"])
            if media["status"] == "ready":
                break
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()

    assert media["status"] == "ready"


async def again_and_again(duty: Duty) -> None:
    while True:
        await duty.act()
        await asyncio.sleep(0)


BROKEN: dict[str, tuple[bytes, str]] = {
    "not there": (answering(404, b"no"), "MEDIA_URL_UNREACHABLE"),
    "not allowed": (answering(302, location="http://10.0.0.1/"), "URL_NOT_ALLOWED"),
    "no media": (answering(200, b"<html>"), "MEDIA_TYPE_NOT_SUPPORTED"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_file_that_cannot_be_had_in_the_background_fails_and_says_why(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(endpoints, "PROMPTLY", timedelta(milliseconds=200))
    installation.services.outbound.allowed = Allowed.parse("127.0.0.1")
    answer, code = BROKEN[name]
    answered = asyncio.Event()
    async with serving(only_after(answered, answer)) as server:
        waiting = (await register(installation, at(server))).json()
        answered.set()
        await installation.errands()

    media = await shown(installation, waiting["id"])
    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", code)
    attached = await installation.api.post(
        "/v1/posts/bulk-video",
        json={
            "posts": [
                {
                    "mediaId": media["id"],
                    "accountIds": [installation.account("MASTODON")],
                    "scheduledFor": "2027-01-01T00:00:00Z",
                }
            ]
        },
    )
    [warning] = attached.json()["warnings"]
    assert warning["code"] == "MEDIA_NOT_READY"
    assert reason["message"] in warning["message"]


async def test_what_is_refused_at_once_leaves_nothing(installation: Installation) -> None:
    installation.services.outbound.allowed = Allowed.parse("127.0.0.1")
    before = await rows(installation)
    large = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (MOST_BYTES + 1)
    async with serving(answering(200, b"<svg>"), answering(404), large) as server:
        answers = [await register(installation, at(server)) for _ in range(3)]
    wrong = ("http://example.com/a.png", "https://10.0.0.1/a.png", "file:///etc/passwd", "")
    answers += [await register(installation, url) for url in wrong]

    assert [problem(answer) for answer in answers] == [
        not_taken("image/svg+xml", 415),
        invalid("url", code="MEDIA_URL_UNREACHABLE"),
        invalid("url", code="MEDIA_TOO_LARGE", limit=MOST_BYTES),
        *[invalid("url", code="URL_NOT_ALLOWED")] * 4,
    ]
    assert await rows(installation) == before
    assert kept(installation) == []


async def test_bytes_without_end_are_stopped_at_the_limit(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oncue.media.fetching.MOST_BYTES", 1_000_000)
    installation.services.outbound.allowed = Allowed.parse("127.0.0.1")
    lying = endless(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
    async with serving(endless(b"HTTP/1.1 200 OK\r\n\r\n"), lying) as server:
        answers = [await register(installation, at(server)) for _ in range(2)]

    endless_one, lying_one = (problem(answer) for answer in answers)
    assert endless_one == invalid("url", code="MEDIA_TOO_LARGE", limit=1_000_000)
    assert lying_one in (  # ten bytes, as it said, and perhaps noticed to be more
        not_taken("application/octet-stream"),
        invalid("url", code="MEDIA_URL_UNREACHABLE"),
    )
    assert kept(installation) == []


async def test_files_are_listed_newest_first_and_by_status(installation: Installation) -> None:
    site = installation
    ready = [await file_id(site, PHOTO + bytes([number])) for number in range(3)]
    site.clock.advance(seconds=1)
    pending = (await announce(site))["mediaId"]
    key = await site.new_key(workspace_id=await site.new_workspace())

    async def listed(query: str, **headers: str) -> httpx.Response:
        return await site.api.get(f"/v1/media{query}", headers=headers or None)

    first = (await listed("?limit=3")).json()
    second = (await listed(f"?limit=3&cursor={first['pagination']['nextCursor']}")).json()
    found = [media["id"] for page in (first, second) for media in page["data"]]
    assert found == [pending, *reversed(ready)]
    assert (first["pagination"]["hasMore"], second["pagination"]["hasMore"]) == (True, False)
    assert len((await listed("?status=READY")).json()["data"]) == 3
    assert len((await listed("?status=pending")).json()["data"]) == 1
    assert len((await listed("?status=all")).json()["data"]) == 4
    assert (await listed("", authorization=f"Bearer {key}")).json()["data"] == []
    foreign = await listed(
        f"?cursor={first['pagination']['nextCursor']}", authorization=f"Bearer {key}"
    )
    assert problem(foreign) == invalid("cursor")
    assert problem(await listed("?status=lost")) == invalid("status")


async def test_what_a_picture_shows_can_be_said_later(installation: Installation) -> None:
    site = installation
    media_id = await file_id(site)

    described = await site.api.patch(f"/v1/media/{media_id}", json={"altText": "A fox"})
    nothing = await site.api.patch(f"/v1/media/{media_id}", json={})
    long = await site.api.patch(f"/v1/media/{media_id}", json={"altText": "x" * 2_001})
    unknown = await site.api.patch(
        f"/v1/media/{ids.to_typeid('media', site.workspace_id)}", json={"altText": "A fox"}
    )
    await site.publish("MASTODON", media=[media_id])

    assert (described.json()["altText"], nothing.json()) == ("A fox", described.json())
    assert problem(long) == invalid("altText", maxLength=2_000, actualLength=2_001)
    assert problem(unknown) == (404, "NOT_FOUND", None)
    [post] = site.posts("MASTODON")
    assert [file["alt"] for file in post.media] == ["A fox"]


@statements("V28", "V265", "V270")
async def test_a_file_that_is_not_ready_cannot_be_attached(installation: Installation) -> None:
    site = installation
    media_id = (await announce(site))["mediaId"]
    video = {
        "mediaId": media_id,
        "accountIds": [site.account("MASTODON")],
        "scheduledFor": "2027-01-01T00:00:00Z",
    }

    single = await site.api.post(
        "/v1/posts",
        json={"content": "x", "accountIds": [site.account("MASTODON")], "media": [media_id]},
    )
    bulk = await site.api.post("/v1/posts/bulk-video", json={"posts": [video]})

    assert problem(single) == invalid("media", code="MEDIA_NOT_READY")
    assert bulk.json()["created"] == []
    [warning] = bulk.json()["warnings"]
    assert (warning["index"], warning["mediaId"]) == (0, media_id)
    assert warning["code"] == "MEDIA_NOT_READY"
    assert "is pending, not ready" in warning["message"]


async def test_a_key_that_may_not_write_media_sends_nothing(installation: Installation) -> None:
    key = await installation.new_key("posts:write")
    sent = []

    async def body() -> AsyncIterator[bytes]:
        sent.append(1)
        yield b"--x\r\n"

    answer = await installation.api.post(
        "/v1/media",
        content=body(),
        headers={
            "authorization": f"Bearer {key}",
            "content-type": "multipart/form-data; boundary=x",
        },
    )

    assert problem(answer)[:2] == (403, "AUTHORIZATION_ERROR")
    assert sent == []


async def test_a_file_of_nobody_is_as_unknown_as_any(installation: Installation) -> None:
    links = installation.services.links
    nobody = links.upload(installation.workspace_id, installation.clock() + timedelta(minutes=1))

    assert problem(await put(installation, nobody, PHOTO)) == (404, "NOT_FOUND", None)


async def test_a_large_picture_is_refused_although_a_video_may_be_larger(
    installation: Installation,
) -> None:
    large = PHOTO + bytes(20 * 1024 * 1024)

    media = await upload(installation, large, contentType="video/mp4")

    [reason] = media["validationResults"]
    facts = {"limit": 20 * 1024 * 1024, "actual": len(large)}
    assert (422, reason["code"], {**facts, "reason": "media_too_large"}) == refusal(
        "MEDIA_TOO_LARGE", **facts
    )
    assert (await row(installation, media["id"])).storage_key is None
