"""Native dialect, media: direct upload. Tickets, registration and rendering come later."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Form, Path, UploadFile
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, MediaReader, MediaWriter, Shared
from oncue.api.fields import MediaId, Text
from oncue.api.idempotency import CHUNK_BYTES, Idempotent, Replayed
from oncue.api.native.answers import MediaOut, show_media
from oncue.errors import AppError, Unavailable
from oncue.media import service as media
from oncue.media.service import Stored

router = APIRouter(prefix="/v1/media", tags=["media"], route_class=KeyedRoute)

MediaPath = Annotated[MediaId, Path(description="A file's id: a TypeID or its UUID.")]


@router.post("", status_code=201)
async def upload_media(
    file: UploadFile,
    caller: MediaWriter,
    shared: Shared,
    once: Idempotent,
    alt_text: Annotated[Text, Form(alias="altText", max_length=2_000)] = "",
) -> MediaOut:
    """Upload an image (multipart field `file`); its id can then be attached to posts."""
    await once.look()
    stored = await media.store(shared.media_dir, _chunks(file), shared.now())

    def work(session: Session) -> MediaOut:
        row = media.add(
            session,
            caller.workspace_id,
            stored,
            filename=file.filename or "file",
            alt_text=alt_text,
            now=shared.now(),
        )
        return show_media(row)

    with discarded_unless_written(stored):
        return await once.write(work, status=201)


@router.get("/{media_id}")
async def get_media(media_id: MediaPath, caller: MediaReader, shared: Shared) -> MediaOut:
    """What we know of a file."""
    return show_media(
        await shared.db.read(lambda session: media.get(session, caller.workspace_id, media_id))
    )


@contextmanager
def discarded_unless_written(stored: Stored | None) -> Iterator[None]:
    """Remove a file whose row is surely not written; it stays where nobody can know."""
    try:
        yield
    except Unavailable:
        raise
    except (AppError, Replayed):
        if stored is not None:
            media.discard(stored)
        raise


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk
