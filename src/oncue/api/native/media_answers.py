"""Native dialect: a file as every answer shows it."""

from typing import Any

from oncue.api.fields import MediaId, Out, When
from oncue.media.links import Links
from oncue.media.models import MediaFile, MediaStatus


class MediaOut(Out):
    """A file and what we know of it. What is not known is null.

    `url` and `thumbnailUrl` are there once it is ready, need no key, and are good for a day at
    least. `validationResults` says why a file failed. `variants` has the addresses of other
    pictures of it by their names: the `thumbnail`, where there is one. The copies made for
    networks are not among them, since they come and go with publications.
    """

    id: MediaId
    filename: str
    content_type: str
    size_bytes: int
    status: str
    alt_text: str
    url: str | None
    thumbnail_url: str | None
    variants: dict[str, str] | None
    dimensions: dict[str, int] | None
    duration_ms: int | None
    frame_rate: float | None
    video_codec: str | None
    audio_codec: str | None
    validation_results: list[dict[str, Any]] | None
    created_at: When


def show_media(row: MediaFile, links: Links) -> MediaOut:
    return MediaOut(**facts_of(row, links))


def facts_of(row: MediaFile, links: Links) -> dict[str, Any]:
    """The fields of a MediaOut."""
    is_ready = row.status == MediaStatus.READY
    thumbnail = links.thumbnail(row.id) if row.thumbnail is not None else None
    size = None
    if row.width is not None and row.height is not None:
        size = {"width": row.width, "height": row.height}
    return {
        "id": row.id,
        "filename": row.filename,
        "content_type": row.content_type,
        "size_bytes": row.size_bytes,
        "status": row.status,
        "alt_text": row.alt_text,
        "url": links.file(row.id) if is_ready else None,
        "thumbnail_url": thumbnail,
        "variants": None if thumbnail is None else {"thumbnail": thumbnail},
        "dimensions": size,
        "duration_ms": None if row.seconds is None else round(row.seconds * 1_000),
        "frame_rate": row.fps,
        "video_codec": row.video_codec,
        "audio_codec": row.audio_codec,
        "validation_results": row.failure,
        "created_at": row.created_at,
    }
