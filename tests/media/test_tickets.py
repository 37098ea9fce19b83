"""POST /v1/media/upload: a ticket, the bytes, and a file that is ready; or why it is not."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from api.answers import problem, rows
from api.test_media import kept
from installation import Installation
from media.uploading import (
    PHOTO,
    SMALL,
    announce,
    content_of,
    processed,
    put,
    put_in_part,
    send,
    shown,
    stored,
    told,
    upload,
)
from oncue.lib.clock import iso

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
DAY = timedelta(days=1)


async def test_an_upload_with_a_ticket_is_ready_by_itself(site: Installation) -> None:
    ticket = await announce(site, SMALL, filename="holiday.png")
    before = await shown(site, ticket["mediaId"])
    await send(site, ticket, SMALL)
    await processed(site)
    after = await shown(site, ticket["mediaId"])

    assert ticket == {
        "mediaId": before["id"],
        "uploadUrl": ticket["uploadUrl"],
        "uploadHeaders": {"Content-Type": "image/png"},
        "expiresAt": "2026-11-22T12:15:00.000Z",
    }
    assert (before["status"], before["url"], before["dimensions"]) == ("pending", None, None)
    assert after == before | {
        "status": "ready",
        "dimensions": {"width": 64, "height": 48},
        "url": after["url"],
        "thumbnailUrl": after["thumbnailUrl"],
        "variants": {"thumbnail": after["thumbnailUrl"]},
    }
    assert after["url"].startswith("http://127.0.0.1:8080/media/media_")
    assert after["thumbnailUrl"].startswith("http://127.0.0.1:8080/media/media_")
    assert await content_of(site, after["id"]) == SMALL


async def test_that_a_file_is_ready_is_told(site: Installation) -> None:
    media = await upload(site)

    assert await told(site) == [
        {
            "id": media["id"],
            "filename": "a.png",
            "contentType": "image/png",
            "sizeBytes": len(PHOTO),
            "status": "ready",
        }
    ]


async def test_nothing_but_the_file_is_left_in_the_end(site: Installation) -> None:
    media = await upload(site)
    site.clock.advance(minutes=21)  # until when something might still arrive in a bucket
    await site.errands()

    [key] = await stored(site)
    assert UUID(key).version == 4
    assert await site.services.intake.storage.size_of(key) == media["sizeBytes"]


async def test_what_was_uploaded_is_what_its_bytes_are(site: Installation) -> None:
    media = await upload(site, contentType="video/mp4", filename="a.mp4")

    assert (media["contentType"], media["filename"]) == ("image/png", "a.mp4")


async def test_what_is_no_media_fails_and_says_why(site: Installation) -> None:
    media = await upload(site, b"<svg onload=alert(1)>")

    [reason] = media["validationResults"]
    assert (media["status"], media["url"]) == ("failed", None)
    assert reason == {
        "code": "MEDIA_TYPE_NOT_SUPPORTED",
        "message": reason["message"],
        "reason": "media_type_not_supported",
        "contentType": "image/svg+xml",
    }
    assert await told(site) == []


async def test_a_name_is_kept_for_display_alone(site: Installation) -> None:
    names = {
        "../../etc/passwd": "../../etc/passwd",
        "C:\\x\\a.png": "C:\\x\\a.png",
        "a\x00b\n.png": "ab.png",
        "x" * 300: "x" * 255,
        "\x00": "file",
        "": "file",
    }

    found = {name: (await upload(site, filename=name))["filename"] for name in names}

    assert found == names
    assert [UUID(key).version for key in await stored(site)] == [4] * len(await stored(site))


@pytest.mark.parametrize(
    ("content_type", "size", "refusal"),
    [
        ("image/jpeg", 20 * MB + 1, (422, "MEDIA_TOO_LARGE", {"limit": 20 * MB})),
        ("image/GIF", 500 * MB, (422, "MEDIA_TOO_LARGE", {"limit": 20 * MB})),
        ("video/mp4; codecs=avc1", 500 * MB + 1, (422, "MEDIA_TOO_LARGE", {"limit": 500 * MB})),
        ("application/pdf", 1, (415, "MEDIA_TYPE_NOT_SUPPORTED", {})),
        ("text/vtt", 1, (415, "MEDIA_TYPE_NOT_SUPPORTED", {})),
        ("image/svg+xml", 1, (415, "MEDIA_TYPE_NOT_SUPPORTED", {})),
        ("", 1, (415, "MEDIA_TYPE_NOT_SUPPORTED", {})),
    ],
)
async def test_what_would_not_be_taken_gets_no_ticket(
    installation: Installation, content_type: str, size: int, refusal: Any
) -> None:
    before = await rows(installation)
    asked = {"filename": "a", "contentType": content_type, "sizeBytes": size}

    answer = await installation.api.post("/v1/media/upload", json=asked)

    status, code, facts = problem(answer)
    assert (status, code, facts | refusal[2]) == (refusal[0], refusal[1], facts)
    assert await rows(installation) == before


async def test_a_ticket_is_for_as_many_bytes_as_were_announced(
    installation: Installation,
) -> None:
    ticket = await announce(installation)
    before = await rows(installation)

    async def chunked(content: bytes) -> AsyncIterator[bytes]:
        yield content

    sizes = (len(PHOTO) - 1, len(PHOTO) + 1)
    answers = [await put(installation, ticket["uploadUrl"], bytes(size)) for size in sizes]
    answers += [
        await put(installation, ticket["uploadUrl"], chunked(bytes(size))) for size in sizes
    ]

    limit = len(PHOTO)
    assert [problem(answer) for answer in answers] == [
        (400, "UPLOAD_SIZE_MISMATCH", {"limit": limit, "actual": actual})
        for actual in (limit - 1, limit + 1, limit - 1, None)
    ]
    assert (kept(installation), await rows(installation)) == ([], before)
    await send(installation, ticket)
    await processed(installation)
    assert (await shown(installation, ticket["mediaId"]))["status"] == "ready"


async def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_sent_again(
    installation: Installation,
) -> None:
    ticket = await announce(installation)
    before = await rows(installation)

    answer = await put_in_part(installation, ticket["uploadUrl"], PHOTO[:180])

    assert answer == 400
    assert (kept(installation), await rows(installation)) == ([], before)
    await send(installation, ticket)
    await processed(installation)
    assert (await shown(installation, ticket["mediaId"]))["status"] == "ready"


async def test_a_ticket_is_good_for_one_upload(installation: Installation) -> None:
    ticket = await announce(installation)
    await send(installation, ticket)

    at_once = await put(installation, ticket["uploadUrl"], PHOTO)
    await processed(installation)
    later = await put(installation, ticket["uploadUrl"], PHOTO)
    unknown = await installation.api.post(f"/v1/media/{ticket['mediaId']}/refresh-presign")

    assert [problem(answer) for answer in (at_once, later, unknown)] == [
        (409, "CONFLICT", {"status": "processing"}),
        (409, "CONFLICT", {"status": "ready"}),
        (409, "CONFLICT", {"status": "ready"}),
    ]
    assert len(kept(installation)) == 1


async def test_a_ticket_is_good_for_its_file_and_its_time_alone(
    installation: Installation,
) -> None:
    mine, other = await announce(installation), await announce(installation)
    url: str = mine["uploadUrl"]
    swapped = url.replace(mine["mediaId"], other["mediaId"])
    longer = url.replace("expires=", "expires=1")
    read = url.replace("/v1/media/uploads/", "/media/")

    forged = [await put(installation, address, PHOTO) for address in (swapped, longer)]
    unsigned = await put(installation, url.partition("?")[0], PHOTO)
    looked = await installation.api.get(read, headers={"authorization": ""})
    installation.clock.advance(minutes=15)
    late = await put(installation, url, PHOTO)

    assert [problem(answer)[:2] for answer in (*forged, looked)] == [(403, "LINK_NOT_VALID")] * 3
    assert problem(unsigned)[:2] == (401, "UNAUTHORIZED")
    assert problem(late)[:2] == (403, "LINK_EXPIRED")
    assert kept(installation) == []


async def test_a_ticket_can_be_renewed_for_a_while_after_its_end(site: Installation) -> None:
    ticket = await announce(site)
    site.clock.advance(minutes=70)
    await site.errands()

    answer = await site.api.post(f"/v1/media/{ticket['mediaId']}/refresh-presign")

    renewed = answer.json()
    assert (answer.status_code, renewed["mediaId"]) == (200, ticket["mediaId"])
    assert renewed["expiresAt"] == iso(site.clock() + timedelta(minutes=15))
    await send(site, renewed)
    await processed(site)
    assert (await shown(site, ticket["mediaId"]))["status"] == "ready"


async def test_a_ticket_that_nobody_used_fails_and_goes(site: Installation) -> None:
    ticket = await announce(site)
    site.clock.advance(minutes=76)
    await site.errands()

    media = await shown(site, ticket["mediaId"])
    renewed = await site.api.post(f"/v1/media/{ticket['mediaId']}/refresh-presign")
    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", "UPLOAD_EXPIRED")
    assert problem(renewed) == (409, "CONFLICT", {"status": "failed"})

    site.clock.advance(days=7, hours=2)
    await site.errands()
    gone = await site.api.get(f"/v1/media/{ticket['mediaId']}")
    assert problem(gone) == (404, "NOT_FOUND", None)
    assert await stored(site) == {}


async def test_a_file_can_be_removed_before_it_comes(site: Installation) -> None:
    ticket = await announce(site)

    removed = await site.api.delete(f"/v1/media/{ticket['mediaId']}")
    await processed(site)
    site.clock.advance(minutes=21)
    await site.errands()

    assert (removed.status_code, removed.json()) == (200, {"success": True})
    assert await stored(site) == {}


async def test_a_ticket_sent_again_is_the_same_ticket(installation: Installation) -> None:
    asked = {"filename": "a.png", "contentType": "image/png", "sizeBytes": len(PHOTO)}
    key = {"Idempotency-Key": "once"}

    first, again = [
        await installation.api.post("/v1/media/upload", json=asked, headers=key) for _ in range(2)
    ]

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (await rows(installation))["media"] == 1
    await send(installation, again.json())
