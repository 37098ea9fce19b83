"""Addresses of files: good without a key, for one file, for a time, and for nothing else."""

from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import update

import buckets
from api.answers import NOBODY, problem
from api.test_media import png
from installation import Clock, Installation
from media.uploading import PHOTO, SMALL, announce, row, shown, upload
from oncue.accounts.vault import parse_keys
from oncue.lib import ids
from oncue.media.links import LinkExpired, LinkNotValid, Links, Purpose
from oncue.media.models import MediaFile

pytestmark = pytest.mark.anyio

VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + bytes(range(200))
OLD, NEW = "old:" + "b29v" * 10 + "b28=", "new:" + "bm5u" * 10 + "bm4="
FILE = UUID(int=7)


@pytest.fixture
def installation(folder_site: Installation) -> Installation:
    return folder_site


async def fetched(
    site: Installation, url: str, method: str = "GET", **headers: str
) -> httpx.Response:
    """What whoever has the address gets, without a key."""
    return await site.api.request(method, url, headers={"authorization": ""} | headers)


async def test_a_files_address_gives_its_bytes(installation: Installation) -> None:
    media = await upload(installation, SMALL, filename="../sommer größe.png")

    answer = await fetched(installation, media["url"])
    small = await fetched(installation, media["thumbnailUrl"])

    assert (answer.status_code, answer.content) == (200, SMALL)
    assert (
        dict(answer.headers).items()
        >= {
            "content-type": "image/png",
            "content-length": str(len(SMALL)),
            "content-disposition": "inline; filename*=utf-8''sommer%20gr%C3%B6%C3%9Fe.png",
            "content-security-policy": "sandbox",
            "x-content-type-options": "nosniff",
            "accept-ranges": "bytes",
            "cache-control": "private, max-age=3600",
        }.items()
    )
    assert small.content.startswith(b"thumbnail of")
    assert small.headers["content-type"] == "image/jpeg"
    assert small.headers["content-security-policy"] == "sandbox"


async def test_parts_of_a_video_can_be_had(installation: Installation) -> None:
    media = await upload(installation, VIDEO, contentType="video/mp4", filename="a.mp4")

    part = await fetched(installation, media["url"], range="bytes=32-41")
    rest = await fetched(installation, media["url"], range="bytes=-3")
    beyond = await fetched(installation, media["url"], range="bytes=5000-")

    assert (part.status_code, part.content) == (206, VIDEO[32:42])
    assert part.headers["content-range"] == f"bytes 32-41/{len(VIDEO)}"
    assert part.headers["content-type"] == "video/mp4"
    assert (rest.status_code, rest.content) == (206, VIDEO[-3:])
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(VIDEO)}")


async def test_it_can_be_asked_how_large_a_file_is(site: Installation) -> None:
    media = await upload(site, SMALL)

    head = await fetched(site, media["url"], "HEAD")
    small = await fetched(site, media["thumbnailUrl"], "HEAD")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(SMALL))
    assert head.headers["content-type"] == "image/png"
    assert int(small.headers["content-length"]) == len(b"thumbnail of ") + 32


async def test_a_file_in_a_bucket_is_fetched_from_there(bucket_site: Installation) -> None:
    media = await upload(bucket_site, SMALL)

    answer = await fetched(bucket_site, media["url"])
    small = await fetched(bucket_site, media["thumbnailUrl"])

    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
    assert buckets.get(answer.headers["location"]) == (SMALL, "image/png")
    assert buckets.get(small.headers["location"])[1] == "image/jpeg"


async def test_what_no_browser_should_show_is_for_saving(installation: Installation) -> None:
    media = await upload(installation)
    strange = update(MediaFile).values(content_type="application/x-from-a-later-version")
    await installation.db.write(lambda session: session.execute(strange).close())

    answer = await fetched(installation, media["url"])

    assert answer.headers["content-disposition"] == 'attachment; filename="a.png"'
    assert answer.headers["content-type"] == "application/x-from-a-later-version"


async def test_an_address_is_for_one_file_and_one_purpose(installation: Installation) -> None:
    one = await upload(installation, SMALL)
    other = await upload(installation, png(8, 8, size=191) + b"thumbnail")
    url: str = one["url"]
    path, _, query = url.partition("?")
    tried = [
        url.replace(one["id"], other["id"]),
        url.replace(one["id"], ids.to_typeid("media", NOBODY)),
        f"{path}/thumbnail?{query}",
        one["thumbnailUrl"].replace("/thumbnail", ""),
        url.replace("expires=1", "expires=2"),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url + "x",
        url.replace("signature=", "signature=%ff"),
        url.replace("expires=", "expires=%D9%A3"),
        f"{path}?signature=x",
    ]

    answers = [await fetched(installation, address) for address in tried]
    unsigned = [await fetched(installation, address) for address in (path, f"{path}?expires=1")]

    assert [problem(answer) for answer in answers] == [(403, "LINK_NOT_VALID", None)] * len(tried)
    assert [problem(answer) for answer in unsigned] == [(401, "UNAUTHORIZED", None)] * 2


async def test_another_workspaces_address_does_not_open_ones_own_file(
    installation: Installation,
) -> None:
    mine = await upload(installation, PHOTO)
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    theirs = await installation.api.post(
        "/v1/media",
        files={"file": ("b.png", PHOTO, "image/png")},
        headers={"authorization": f"Bearer {key}"},
    )

    answer = await fetched(
        installation, mine["url"].replace(mine["id"], theirs.json()["id"]), authorization=""
    )

    assert problem(answer) == (403, "LINK_NOT_VALID", None)


async def test_an_address_is_the_same_all_day_and_ends(installation: Installation) -> None:
    media = await upload(installation)
    installation.clock.advance(hours=11)
    later = await shown(installation, media["id"])
    installation.clock.advance(hours=1)
    next_day = await shown(installation, media["id"])

    still = await fetched(installation, media["url"])
    installation.clock.advance(hours=24)
    over = await fetched(installation, media["url"])
    new = await fetched(installation, next_day["url"])

    assert media["url"] == later["url"] != next_day["url"]
    assert (still.status_code, new.status_code) == (200, 200)
    assert problem(over) == (403, "LINK_EXPIRED", None)


async def test_what_is_not_ready_or_gone_is_not_there(installation: Installation) -> None:
    links = installation.services.links
    pending = ids.from_typeid("media", (await announce(installation))["mediaId"])
    media = await upload(installation)
    mine = ids.from_typeid("media", media["id"])
    no_small_one = await fetched(installation, links.thumbnail(mine))
    key = (await row(installation, media["id"])).storage_key
    await installation.services.intake.storage.drop(key or "")
    lost = await fetched(installation, media["url"])
    await installation.api.delete(f"/v1/media/{media['id']}")
    gone = await fetched(installation, media["url"])
    early = [await fetched(installation, links.file(each)) for each in (pending, NOBODY)]

    answers = [no_small_one, lost, gone, *early]
    assert [problem(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 5


async def test_addresses_begin_with_the_public_one_whatever_the_request_says(
    installation: Installation,
) -> None:
    ticket = await installation.api.post(
        "/v1/media/upload",
        json={"filename": "a.png", "contentType": "image/png", "sizeBytes": 1},
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )

    assert urlsplit(ticket.json()["uploadUrl"]).netloc == "127.0.0.1:8080"


def links_of(keys: str, clock: Clock) -> Links:
    vault = parse_keys(keys)
    return Links(
        base="https://oncue.example.com", now=clock, keys=partial(vault.derived, "media links")
    )


def checked(links: Links, url: str) -> None:
    said = parse_qs(urlsplit(url).query)
    links.check(Purpose.FILE, FILE, said["expires"][0], said["signature"][0])


def test_an_address_is_good_as_long_as_its_key_is_there(clock: Clock) -> None:
    before, both = links_of(OLD, clock), links_of(f"{NEW},{OLD}", clock)
    after = links_of(NEW, clock)
    old, new = before.file(FILE), both.file(FILE)

    checked(both, old)
    checked(both, new)
    checked(after, new)
    assert old.startswith("https://oncue.example.com/media/media_")
    with pytest.raises(LinkNotValid):
        checked(after, old)
    with pytest.raises(LinkExpired):
        checked(replace(after, now=Clock(clock().replace(day=24))), new)


def test_a_link_shows_nothing_of_the_keys(clock: Clock) -> None:
    vault = parse_keys(OLD)
    links = links_of(OLD, clock)

    assert vault.derived("media links") != vault.derived("other links")
    assert vault.derived("media links") != [b"o" * 32]
    assert "keys" not in repr(links)
