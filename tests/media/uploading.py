"""Whoever uploads: asks for a ticket, sends the bytes, looks what became of them."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import httpx2 as httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

import buckets
from api.test_media import png
from installation import Installation
from oncue.lib import ids
from oncue.media.models import MediaFile, MediaObject
from oncue.outbox import Event

PHOTO: Final = png(64, 48, size=200)
SMALL: Final = png(64, 48, size=191) + b"thumbnail"  # a picture of which a small one is made


async def announce(site: Installation, content: bytes = PHOTO, **fields: Any) -> dict[str, Any]:
    """POST /v1/media/upload; the ticket."""
    asked = {"filename": "a.png", "contentType": "image/png", "sizeBytes": len(content)} | fields
    answer = await site.api.post("/v1/media/upload", json=asked)
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


async def send(site: Installation, ticket: Mapping[str, Any], content: bytes = PHOTO) -> None:
    """PUT the bytes where the ticket says, without a key."""
    if site.services.settings.media_bucket is not None:
        buckets.put(ticket["uploadUrl"], content, ticket["uploadHeaders"]["Content-Type"])
        return
    answer = await put(site, ticket["uploadUrl"], content, **ticket["uploadHeaders"])
    assert answer.status_code == 200, answer.text


async def put(site: Installation, url: str, content: Any, **headers: str) -> httpx.Response:
    """A PUT without a key."""
    return await site.api.put(url, content=content, headers={"authorization": ""} | headers)


async def put_in_part(site: Installation, url: str, part: bytes) -> int:
    """Send a part and hang up; the status that nobody is there to read."""
    transport: Any = site.api._transport
    path, _, query = url.partition("?")
    told = [
        {"type": "http.request", "body": part, "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Any] = []

    async def receive() -> Any:
        return told.pop(0) if len(told) > 1 else told[0]

    async def answer(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": path.partition("8080")[2],
        "raw_path": b"",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    await transport.app(scope, receive, answer)
    status: int = said[0]["status"]
    return status


async def processed(site: Installation) -> None:
    """Let a few seconds pass, and the worker do what there is to do meanwhile."""
    site.clock.advance(seconds=3)
    await site.errands()


async def upload(site: Installation, content: bytes = PHOTO, **fields: Any) -> dict[str, Any]:
    """A file by ticket, as it is shown once it is processed."""
    ticket = await announce(site, content, **fields)
    await send(site, ticket, content)
    await processed(site)
    return await shown(site, ticket["mediaId"])


async def shown(site: Installation, media_id: str) -> dict[str, Any]:
    answer = await site.api.get(f"/v1/media/{media_id}")
    assert answer.status_code == 200, answer.text
    media: dict[str, Any] = answer.json()
    return media


async def row(site: Installation, media_id: str) -> MediaFile:
    wanted = ids.from_typeid("media", media_id)
    found = await site.db.read(
        lambda session: session.scalar(select(MediaFile).where(MediaFile.id == wanted))
    )
    assert found is not None
    return found


async def content_of(site: Installation, media_id: str) -> bytes:
    """The bytes that a post would publish."""
    key = (await row(site, media_id)).storage_key
    assert key is not None
    return (await site.services.intake.storage.path_of(key)).read_bytes()


async def stored(site: Installation) -> Mapping[str, UUID]:
    """Every key that the database knows to have bytes, and whose they are."""

    def look(session: Session) -> dict[str, UUID]:
        return {found.key: found.workspace_id for found in session.scalars(select(MediaObject))}

    return await site.db.read(look)


async def told(site: Installation) -> list[Mapping[str, Any]]:
    """What was told of files, in order."""
    asked = select(Event.data).where(Event.type == "media.uploaded").order_by(Event.seq)
    return list(await site.db.read(lambda session: session.scalars(asked).all()))
