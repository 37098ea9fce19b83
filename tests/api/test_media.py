"""/v1/media in its first form: an image is uploaded whole, and attached by its id."""

import struct
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest

from api.answers import NOBODY, Problem, invalid, problem, rows
from installation import Installation
from oncue.lib import ids
from statements import statements

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024


def png(width: int = 2, height: int = 3, size: int = 64) -> bytes:
    """The head of a PNG, padded: what Oncue looks at, and no picture."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return head.ljust(size, b"\x00")


async def upload(
    installation: Installation, content: bytes, name: str = "a.png", **form: str
) -> httpx.Response:
    file = {"file": (name, content, "image/png")}
    return await installation.api.post("/v1/media", files=file, data=form)


async def uploaded(installation: Installation) -> str:
    answer = await upload(installation, png())
    assert answer.status_code == 201, answer.text
    media_id: str = answer.json()["id"]
    return media_id


def kept(installation: Installation) -> list[str]:
    """What lies in the media folder."""
    folder = installation.services.settings.media_dir
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


async def test_an_upload_is_shown_as_what_its_bytes_are(installation: Installation) -> None:
    answer = await upload(installation, png(640, 480), "holiday.jpg", altText="A beach")

    media = answer.json()
    assert answer.status_code == 201
    assert media == {
        "filename": "holiday.jpg",
        "contentType": "image/png",
        "sizeBytes": 64,
        "status": "ready",
        "altText": "A beach",
        "dimensions": {"width": 640, "height": 480},
        "url": media["url"],
        "thumbnailUrl": None,
        "variants": None,
        "durationMs": None,
        "frameRate": None,
        "videoCodec": None,
        "audioCodec": None,
        "validationResults": None,
        "createdAt": "2026-11-22T12:00:00.000Z",
        "id": media["id"],
    }
    assert (await installation.api.get(f"/v1/media/{media['id']}")).json() == media
    [file] = kept(installation)
    assert UUID(file).version == 4  # and says nothing of what it is


async def test_a_files_kind_is_what_it_begins_with(installation: Installation) -> None:
    kinds = {
        b"\xff\xd8\xff\xe0": "image/jpeg",
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"GIF89a\x01\x00\x01\x00": "image/gif",
        b"RIFF\x00\x00\x00\x00WEBP": "image/webp",
    }

    found = {head: (await upload(installation, head)).json()["contentType"] for head in kinds}

    assert found == kinds


async def test_a_name_is_for_display_and_never_a_path(installation: Installation) -> None:
    boundary = "x-boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="'
    tail = f"\r\n--{boundary}--\r\n".encode()

    async def shown(name: str) -> str:
        body = f'{head}{name}"\r\n\r\n'.encode() + png() + tail
        answer = await installation.api.post(
            "/v1/media",
            content=body,
            headers={"content-type": f"multipart/form-data; boundary={boundary}"},
        )
        assert answer.status_code == 201, answer.text
        filename: str = answer.json()["filename"]
        return filename

    assert await shown("../../etc/passwd") == "../../etc/passwd"
    assert await shown("sommer-größe 🏖.png") == "sommer-größe 🏖.png"
    assert await shown("a\x00b\x07.png") == "ab.png"
    assert await shown("x" * 300) == "x" * 255
    await installation.errands()
    assert [UUID(name).version for name in kept(installation)] == [4]  # the same bytes, kept once


UNKNOWN = "application/octet-stream"
WRONG = {
    b"": (UNKNOWN, 422),
    b"<svg onload=alert(1)>": ("image/svg+xml", 415),
    b"MZ\x90\x00": ("application/x-executable", 422),
    b"%PDF-1.7": ("application/pdf", 422),
    b"PNG\r\n\x1a\n": (UNKNOWN, 422),
}


def refusal(code: str, status: int = 422, **facts: object) -> Problem:
    """The refusal of a file for what it is."""
    return status, code, {"reason": code.lower(), **facts}


def not_taken(kind: str, status: int = 422) -> Problem:
    """The refusal of a file of a kind that nobody publishes."""
    return refusal("MEDIA_TYPE_NOT_SUPPORTED", status, contentType=kind)


async def test_what_is_no_image_is_refused_and_leaves_nothing(installation: Installation) -> None:
    before = await rows(installation)

    async def refused(content: bytes) -> object:
        return problem(await upload(installation, content))

    limit = {"limit": 20 * MEGABYTE, "actual": 20 * MEGABYTE + 1}
    assert [await refused(content) for content in WRONG] == [
        not_taken(kind, status) for kind, status in WRONG.values()
    ]
    assert await refused(png(size=20 * MEGABYTE + 1)) == refusal("MEDIA_TOO_LARGE", **limit)
    assert await rows(installation) == before
    assert kept(installation) == []


async def test_an_upload_that_is_far_too_large_is_not_read_to_its_end(
    installation: Installation,
) -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        while True:
            sent.append(MEGABYTE)
            yield bytes(MEGABYTE)

    multipart = {"content-type": "multipart/form-data; boundary=x"}
    claimed = await installation.api.post(
        "/v1/media", content=b"", headers={**multipart, "content-length": str(502 * MEGABYTE)}
    )
    elsewhere = await installation.api.post(
        "/v1/posts/import", content=endless(), headers=multipart
    )

    assert problem(claimed) == (413, "BAD_REQUEST", {"maxBytes": 501 * MEGABYTE})
    assert problem(elsewhere) == (413, "BAD_REQUEST", {"maxBytes": 6 * MEGABYTE})
    assert sum(sent) == 6 * MEGABYTE
    assert kept(installation) == []


async def test_an_upload_without_a_file_is_refused(installation: Installation) -> None:
    multipart = {"content-type": "multipart/form-data; boundary=x"}

    async def refused(content: bytes, headers: Mapping[str, str]) -> object:
        answer = await installation.api.post("/v1/media", content=content, headers=headers)
        return problem(answer)

    field = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n'
    assert await refused(b"--x--\r\n", multipart) == invalid("file")
    assert await refused(field, multipart) == invalid("file")
    assert await refused(b"{}", {"content-type": "application/json"}) == invalid("file")
    assert await refused(b"", {"content-type": "multipart/form-data"}) == (400, "BAD_REQUEST", None)
    assert kept(installation) == []


async def test_a_description_is_text_of_a_certain_length(installation: Installation) -> None:
    long = await upload(installation, png(), altText="x" * 2_001)
    nul = await upload(installation, png(), altText="a\x00b")

    assert problem(long) == invalid("altText", maxLength=2_000, actualLength=2_001)
    assert problem(nul) == invalid("altText")


@statements("V28", "V85", "V130")
async def test_media_is_attached_by_its_id_and_shown_whole(installation: Installation) -> None:
    first, second = await uploaded(installation), await uploaded(installation)
    shown = (await installation.api.get(f"/v1/media/{first}")).json()

    post = await installation.create("MASTODON", media=[first])
    path = f"/v1/posts/{post['id']}"
    both = (await installation.api.patch(path, json={"media": [second, first]})).json()
    none = (await installation.api.patch(path, json={"media": []})).json()

    assert post["media"] == [shown]
    assert [media["id"] for media in both["media"]] == [second, first]
    assert none["media"] == []


@statements("V28", "V130")
async def test_media_of_nobody_and_of_another_workspace_are_equally_unknown(
    installation: Installation,
) -> None:
    mine = await uploaded(installation)
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    headers = {"authorization": f"Bearer {key}"}
    theirs = await installation.api.post(
        "/v1/media", files={"file": ("b.png", png(), "image/png")}, headers=headers
    )
    wrong = [theirs.json()["id"], ids.to_typeid("media", NOBODY)]
    post = await installation.create("MASTODON", media=[mine])

    async def ask(media_id: str) -> list[object]:
        fields: dict[str, Any] = {
            "content": "x",
            "accountIds": [installation.account("TWITTER")],
        }
        thread = [{"sequence": 1, "content": "1/", "mediaIds": [media_id]}]
        path = f"/v1/posts/{post['id']}"
        return [
            problem(await installation.api.get(f"/v1/media/{media_id}")),
            problem(await installation.api.post("/v1/posts", json=fields | {"media": [media_id]})),
            problem(
                await installation.api.post("/v1/posts", json=fields | {"threadPosts": thread})
            ),
            problem(await installation.api.patch(path, json={"media": [media_id]})),
        ]

    answers = [await ask(media_id) for media_id in wrong]

    unknown = invalid("media", code="MEDIA_NOT_FOUND")
    threaded = invalid("threadPosts", code="MEDIA_NOT_FOUND")
    assert answers == [[(404, "NOT_FOUND", None), unknown, threaded, unknown]] * 2
    assert (await installation.get(post["id"])) == post


@statements("V109", "V34")
async def test_an_item_of_a_thread_has_media_of_its_own(installation: Installation) -> None:
    one, two = await uploaded(installation), await uploaded(installation)
    items = [
        {"sequence": 1, "content": "1/", "mediaIds": [one, two]},
        {"sequence": 2, "content": "2/"},
    ]

    post = await installation.publish("TWITTER", contentType="THREAD", threadPosts=items)

    assert post["threadPosts"] == [items[0], items[1] | {"mediaIds": []}]
    assert [len(entry.media) for entry in installation.ledger.entries(platform="TWITTER")] == [
        *(1, 1),  # uploads
        *(2, 0),  # posts
    ]
