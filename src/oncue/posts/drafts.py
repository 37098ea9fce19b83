"""A post as one network will see it: overrides applied, media resolved, thread where it fits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.connectors.base import Connector
from oncue.connectors.spec import Draft, Media, ThreadItem
from oncue.media.models import MediaFile, MediaStatus
from oncue.posts.models import Destination, Post

Files = Mapping[UUID, Media]


def media_of(post: Post, destinations: Iterable[Destination] = ()) -> list[UUID]:
    """Every file the post names, its own, its thread's and these destinations', each once."""
    named = [*post.media_ids, *(name for item in post.thread for name in item["mediaIds"])]
    named += [name for row in destinations for name in row.media_ids or ()]
    return [UUID(name) for name in dict.fromkeys(named)]


def load_files(session: Session, workspace_id: UUID, wanted: Iterable[UUID]) -> Files:
    """The workspace's files among `wanted` that are ready, as connectors see them."""
    chosen = list(wanted)
    if not chosen:
        return {}
    rows = session.scalars(
        select(MediaFile).where(
            MediaFile.workspace_id == workspace_id,
            MediaFile.id.in_(chosen),
            MediaFile.status == MediaStatus.READY,
        )
    )
    return {row.id: as_media(row) for row in rows}


def as_media(row: MediaFile) -> Media:
    return Media(
        id=str(row.id),
        key=row.storage_key or "",
        type=row.content_type,
        bytes=row.size_bytes,
        sha256=row.sha256 or "",
        filename=row.filename,
        alt=row.alt_text,
        width=row.width,
        height=row.height,
        seconds=row.seconds,
        frames=row.frames,
        fps=row.fps,
        video_codec=row.video_codec,
        audio_codec=row.audio_codec,
    )


def draft_for(
    post: Post, destination: Destination, connector: Connector, files: Files, begun_at: datetime
) -> Draft:
    """What `destination` is to publish. A thread is for networks that have threads."""
    platform = connector.spec.platform
    override: Mapping[str, Any] = post.platform_overrides.get(platform, {})
    text = destination.content or override.get("content") or post.content
    thread: Sequence[ThreadItem] = ()
    if connector.spec.thread_items and destination.content is None:
        thread = [
            ThreadItem(text=item["content"], media=_resolve(item["mediaIds"], files))
            for item in post.thread
        ]
    return Draft(
        text=text,
        key=str(destination.id),
        begun_at=begun_at,
        media=_resolve(destination.media_ids or post.media_ids, files),
        thread=thread,
        options=post.platform_metadata.get(platform, {}),
        kind=post.content_type or "",
    )


def _resolve(names: Iterable[str], files: Files) -> list[Media]:
    return [files[UUID(name)] for name in names]
