"""Native dialect, media: uploads, tickets for them, files by URL, and what became of each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, UploadFile
from pydantic import Field, StrictInt
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, MediaReader, MediaWriter, Shared
from oncue.api.fields import WHOLE, Body, MediaId, Out, Said, Text, When
from oncue.api.idempotency import CHUNK_BYTES, Idempotent, Replayed
from oncue.api.native.answers import DeletedOut, PageOut
from oncue.api.native.media_answers import MediaOut, facts_of, show_media
from oncue.api.native.paging import (
    DEFAULT_LIMIT,
    CursorText,
    Limit,
    Place,
    creation,
    read_page,
)
from oncue.api.services import Services
from oncue.errors import AppError, Invalid, Issue, Unavailable
from oncue.lib import ids
from oncue.media import fetching, tickets
from oncue.media import service as media
from oncue.media.intake import Kept, discard
from oncue.media.links import UPLOAD_TIME
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.storage import new_key
from oncue.media.taken import MOST_BYTES, check_claim
from oncue.media.tickets import Announced
from oncue.posts import attachments

router = APIRouter(prefix="/v1/media", tags=["media"], route_class=KeyedRoute)

ALT_CHARACTERS: Final = 2_000
NAME_CHARACTERS: Final = 1_000
URL_CHARACTERS: Final = 2_048
LARGEST: Final = 10**15
PROMPTLY: Final = timedelta(seconds=10)  # what takes longer is fetched in the background

StatusName = Annotated[str, Said(enum=[*MediaStatus, "all"])]
MediaPath = Annotated[MediaId, Path(description="A file's id: a TypeID or its UUID.")]
Name = Annotated[str, Field(max_length=NAME_CHARACTERS)]
ContentType = Annotated[Text, Field(max_length=255)]


class RequestUpload(Body):
    """POST /v1/media/upload: a file that is going to be uploaded."""

    filename: Name
    content_type: ContentType
    size_bytes: Annotated[StrictInt, Field(ge=1, le=LARGEST), WHOLE]


class RegisterMedia(Body):
    """POST /v1/media/register: a file that is to be fetched."""

    url: Annotated[Text, Field(max_length=URL_CHARACTERS)]
    content_type: ContentType | None = None
    filename: Name | None = None


class UpdateMedia(Body):
    """PATCH /v1/media/:id."""

    alt_text: Annotated[Text, Field(max_length=ALT_CHARACTERS)] = ""


class TicketOut(Out):
    """Where to PUT the file's bytes, with these headers and without a key, and until when."""

    media_id: MediaId
    upload_url: str
    upload_headers: dict[str, str]
    expires_at: When


class RegisteredOut(MediaOut):
    """A file that is fetched. `publicUrl` is its `url`, once it is ready."""

    public_url: str | None


class MediaListOut(Out):
    """A page of files, newest first."""

    data: list[MediaOut]
    pagination: PageOut


@router.post("", status_code=201)
async def upload_media(
    file: UploadFile,
    caller: MediaWriter,
    shared: Shared,
    once: Idempotent,
    alt_text: Annotated[Text, Form(alias="altText", max_length=ALT_CHARACTERS)] = "",
) -> MediaOut:
    """Upload a file (multipart field `file`) that is ready at once, or refused."""
    await once.look()
    path = await shared.intake.receive(_chunks(file), MOST_BYTES)
    try:
        kept = await shared.intake.keep(caller.workspace_id, path)
    finally:
        discard(path)

    def work(session: Session) -> MediaOut:
        facts = {"filename": file.filename or "file", "alt_text": alt_text}
        row = media.add(session, caller.workspace_id, kept, **facts, now=shared.now())
        return show_media(row, shared.links)

    async with dropped_unless_written(shared, caller.workspace_id, kept):
        return await once.write(work, status=201)


@router.post("/upload", status_code=201)
async def request_upload(
    body: RequestUpload, caller: MediaWriter, shared: Shared, once: Idempotent
) -> TicketOut:
    """Announce an upload: the answer says where to PUT the bytes within 15 minutes."""
    claimed = check_claim(body.content_type, body.size_bytes)
    announced = Announced(filename=body.filename, content_type=claimed, size_bytes=body.size_bytes)
    media_id, upload_key = ids.new_id(shared.now()), new_key()
    in_bucket = await shared.intake.storage.upload_url(upload_key, UPLOAD_TIME)

    def work(session: Session) -> TicketOut:
        row = tickets.issue(
            session,
            caller.workspace_id,
            media_id,
            announced,
            upload_key if in_bucket else None,
            shared.now(),
        )
        return _show_ticket(shared, row, in_bucket)

    return await once.write_secret(work, status=201)


@router.post("/register", status_code=201)
async def register_media(
    body: RegisterMedia, caller: MediaWriter, shared: Shared, once: Idempotent
) -> RegisteredOut:
    """Have a file fetched from an https:// URL. Its id is there at once; so is the file, if it
    comes promptly, and otherwise its `status` is `processing`.
    """  # noqa: D205
    await once.look()
    kept = await _promptly(shared, caller.workspace_id, body.url)
    filename = body.filename or fetching.name_of(body.url)

    def work(session: Session) -> RegisteredOut:
        now, owner = shared.now(), caller.workspace_id
        if kept is not None:
            row = media.add(session, owner, kept, filename=filename, alt_text="", now=now)
        else:
            claimed = body.content_type or "application/octet-stream"
            row = media.await_fetch(session, owner, body.url, filename, claimed, now)
        facts = facts_of(row, shared.links)
        return RegisteredOut(**facts, public_url=facts["url"])

    async with dropped_unless_written(shared, caller.workspace_id, kept):
        return await once.write(work, status=201)


@router.get("")
async def list_media(
    caller: MediaReader,
    shared: Shared,
    status: Annotated[StatusName | None, Query(description="A status, or all.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> MediaListOut:
    """The workspace's files, newest first."""
    wanted = _status(status)

    def read(session: Session, most: int, after: Place | None) -> Sequence[MediaFile]:
        return media.list_page(session, caller.workspace_id, status=wanted, limit=most, after=after)

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    data = [show_media(row, shared.links) for row in page.rows]
    return MediaListOut(data=data, pagination=page.pagination)


@router.get("/{media_id}")
async def get_media(media_id: MediaPath, caller: MediaReader, shared: Shared) -> MediaOut:
    """What we know of a file. An upload that has just arrived is noticed."""
    row = await shared.db.read(lambda session: media.get(session, caller.workspace_id, media_id))
    with suppress(Unavailable):
        row = await shared.processor.notice(row)
    return show_media(row, shared.links)


@router.patch("/{media_id}")
async def update_media(
    media_id: MediaPath, body: UpdateMedia, caller: MediaWriter, shared: Shared, once: Idempotent
) -> MediaOut:
    """Change the alternative text, which goes out with every later publication of the file."""
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}

    def work(session: Session) -> MediaOut:
        row = media.change(session, caller.workspace_id, media_id, values)
        return show_media(row, shared.links)

    return await once.write(work)


@router.delete("/{media_id}")
async def delete_media(
    media_id: MediaPath, caller: MediaWriter, shared: Shared, once: Idempotent
) -> DeletedOut:
    """Remove a file that no post needs any more."""

    def work(session: Session) -> DeletedOut:
        attachments.remove(session, caller.workspace_id, media_id, shared.now())
        return DeletedOut()

    return await once.write(work)


@router.post("/{media_id}/refresh-presign")
async def refresh_upload(
    media_id: MediaPath, caller: MediaWriter, shared: Shared, once: Idempotent
) -> TicketOut:
    """Another 15 minutes, and another address, for an upload that has not arrived yet."""
    row = await shared.db.read(lambda session: media.get(session, caller.workspace_id, media_id))
    in_bucket = None
    if row.upload_key is not None:
        in_bucket = await shared.intake.storage.upload_url(row.upload_key, UPLOAD_TIME)

    def work(session: Session) -> TicketOut:
        renewed = tickets.renew(session, caller.workspace_id, media_id, shared.now())
        return _show_ticket(shared, renewed, in_bucket)

    return await once.write_secret(work)


@asynccontextmanager
async def dropped_unless_written(
    shared: Services, workspace_id: UUID, kept: Kept | None
) -> AsyncIterator[None]:
    """Remove a file whose row is surely not written; it stays where nobody can know."""
    try:
        yield
    except Unavailable:
        raise
    except (AppError, Replayed):
        if kept is not None:
            await shared.intake.drop(workspace_id, kept.objects)
        raise


async def _promptly(shared: Services, workspace_id: UUID, url: str) -> Kept | None:
    """The file behind a URL; None where that takes too long for somebody who waits."""
    try:
        async with asyncio.timeout(PROMPTLY.total_seconds()):
            return await fetching.fetch(
                shared.outbound, shared.intake, workspace_id, url, field="url"
            )
    except TimeoutError:
        return None


def _show_ticket(shared: Services, row: MediaFile, in_bucket: str | None) -> TicketOut:
    assert row.upload_expires_at is not None, "a file that is awaited is awaited until then"
    return TicketOut(
        media_id=row.id,
        upload_url=in_bucket or shared.links.upload(row.id, row.upload_expires_at),
        upload_headers={"Content-Type": row.content_type},
        expires_at=row.upload_expires_at,
    )


def _status(wanted: str | None) -> MediaStatus | None:
    """The status a filter names; `all` narrows nothing."""
    if wanted is None or wanted.lower() == "all":
        return None
    try:
        return MediaStatus(wanted.lower())
    except ValueError:
        known = ", ".join([*MediaStatus, "all"])
        issue = Issue(field="status", message=f"{wanted[:40]} is not one of {known}")
        raise Invalid([issue]) from None


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk
