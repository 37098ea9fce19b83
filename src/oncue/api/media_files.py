"""Addresses that are signed and need no key: where an upload goes to, and where a file is."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from oncue.api.deps import Shared
from oncue.api.native.media import MediaPath
from oncue.api.services import Services
from oncue.errors import AppError, Malformed, NotAccepted
from oncue.lib.crashpoints import MEDIA_ARRIVED, reach
from oncue.media import copies, tickets
from oncue.media import service as media
from oncue.media.intake import THUMBNAIL_TYPE, discard, size_of
from oncue.media.kinds import ACCEPTED
from oncue.media.links import Purpose
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.storage import Missing
from oncue.media.tickets import NotAwaited

router = APIRouter(tags=["media"])

REDIRECTED_FOR: Final = timedelta(minutes=15)
SANDBOXED: Final = {
    "content-security-policy": "sandbox",
    "cache-control": "private, max-age=3600",
}

AsSigned = Annotated[str, Query(description="As it stands in the address.")]


def signed(purpose: Purpose) -> Callable[..., Coroutine[Any, Any, UUID]]:
    """A dependency: the file of an address that we signed for this, so that it needs no key."""

    async def check(
        request: Request,
        media_id: MediaPath,
        shared: Shared,
        expires: AsSigned = "",
        signature: AsSigned = "",
    ) -> UUID:
        key = request.path_params.get("key", "")
        shared.links.check(purpose, media_id, expires, signature, key)
        return media_id

    return check


ToUpload = Annotated[UUID, Depends(signed(Purpose.UPLOAD))]
ToShow = Annotated[UUID, Depends(signed(Purpose.FILE))]
ToPreview = Annotated[UUID, Depends(signed(Purpose.THUMBNAIL))]
ToSend = Annotated[UUID, Depends(signed(Purpose.SENT))]


class WrongLength(AppError):
    """An upload has other bytes than its ticket says."""

    code = "UPLOAD_SIZE_MISMATCH"
    status = 400

    def __init__(self, announced: int, actual: int | None) -> None:
        super().__init__(announced, actual)
        self.announced = announced
        self.actual = actual

    def __str__(self) -> str:
        sent = "more" if self.actual is None else self.actual
        return f"{self.announced} bytes were announced, and {sent} sent. Send them again."

    @property
    def details(self) -> dict[str, int | None]:
        return {"limit": self.announced, "actual": self.actual}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Bytes to show, and as what."""

    key: str | None
    content_type: str
    filename: str


@router.put(
    "/v1/media/uploads/{media_id}",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("application/octet-stream", "*/*")
            }
        }
    },
)
async def put_upload(request: Request, media_id: ToUpload, shared: Shared) -> Response:
    """Send the bytes of a file that POST /v1/media/upload has announced. It needs no key."""
    row = await shared.db.read(lambda session: _awaited(session, media_id))
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) != row.size_bytes:
        raise WrongLength(row.size_bytes, int(length))
    try:
        path = await shared.intake.receive(request.stream(), row.size_bytes)
    except NotAccepted:
        raise WrongLength(row.size_bytes, None) from None
    except ClientDisconnect:
        raise Malformed("The upload was cut off") from None
    try:
        if (actual := size_of(path)) != row.size_bytes:
            raise WrongLength(row.size_bytes, actual)
        raw = await shared.intake.keep_raw(row.workspace_id, path)
    finally:
        discard(path)
    reach(MEDIA_ARRIVED)
    try:
        await shared.db.write(lambda session: tickets.arrived(session, row, shared.now(), raw))
    except NotAwaited:
        await shared.intake.drop(row.workspace_id, [raw])
        raise
    return Response()


@router.api_route("/media/{media_id}", methods=["HEAD"], include_in_schema=False)
@router.get("/media/{media_id}", response_class=Response)
async def media_file(request: Request, media_id: ToShow, shared: Shared) -> Response:
    """A file's bytes, or parts of them (Range). It needs no key."""
    row = await shared.db.read(lambda session: media.get_by_link(session, media_id))
    file = _Shown(key=row.storage_key, content_type=row.content_type, filename=row.filename)
    return await _shown(request, shared, row, file)


@router.api_route("/media/{media_id}/thumbnail", methods=["HEAD"], include_in_schema=False)
@router.get("/media/{media_id}/thumbnail", response_class=Response)
async def media_thumbnail(request: Request, media_id: ToPreview, shared: Shared) -> Response:
    """A small picture of a file. It needs no key."""
    row = await shared.db.read(lambda session: media.get_by_link(session, media_id))
    file = _Shown(key=row.thumbnail, content_type=THUMBNAIL_TYPE, filename="thumbnail.jpg")
    return await _shown(request, shared, row, file)


@router.api_route("/media/{media_id}/sent/{key}", methods=["GET", "HEAD"], include_in_schema=False)
async def media_sent(request: Request, media_id: ToSend, key: str, shared: Shared) -> Response:
    """What a network that fetches files is sent for one. It needs no key."""

    def find(session: Session) -> tuple[MediaFile, str | None]:
        row = media.get_by_link(session, media_id)
        return row, copies.type_of(session, row, key)

    row, content_type = await shared.db.read(find)
    if content_type is None:
        raise media.not_found(media_id)
    file = _Shown(key=key, content_type=content_type, filename=row.filename)
    return await _shown(request, shared, row, file)


def _awaited(session: Session, media_id: UUID) -> MediaFile:
    row = media.get_by_link(session, media_id)
    if row.status != MediaStatus.PENDING or row.upload_key is not None:
        raise NotAwaited(media_id, row.status)
    return row


async def _shown(request: Request, shared: Services, row: MediaFile, file: _Shown) -> Response:
    """The bytes, so that no browser takes them for anything else than they are."""
    storage, key = shared.intake.storage, file.key
    if key is None:
        raise media.not_found(row.id)
    elsewhere = await storage.download_url(key, REDIRECTED_FOR)
    if elsewhere is not None and request.method == "GET":
        return RedirectResponse(elsewhere, 307, {**SANDBOXED, "cache-control": "no-store"})
    if elsewhere is not None:  # signed for GET alone
        length = {"content-length": str(await storage.size_of(key) or 0)}
        return Response(None, 200, SANDBOXED | length, file.content_type)
    try:
        path = await storage.path_of(key)
    except Missing:
        raise media.not_found(row.id) from None
    return FileResponse(
        path,
        headers=SANDBOXED,
        media_type=file.content_type,
        filename=file.filename.replace("\\", "/").rpartition("/")[2] or "file",
        content_disposition_type="inline" if file.content_type in ACCEPTED else "attachment",
    )
