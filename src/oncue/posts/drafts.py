"""A post as one network will see it: overrides applied, media resolved, thread where it fits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.connectors.base import Connector
from oncue.connectors.spec import Draft, Media, Problem, Spec, ThreadItem
from oncue.media.mending import as_sent
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.recipes import ANIMATION, NotMendable, decide
from oncue.posts.models import Destination, Post
from oncue.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Files:
    """Files by their ids, and whether their workspace has them mended for each network."""

    by_id: Mapping[UUID, Media]
    are_mended: bool = False

    def __contains__(self, media_id: UUID) -> bool:
        return media_id in self.by_id

    def __getitem__(self, media_id: UUID) -> Media:
        return self.by_id[media_id]

    def for_network(self, spec: Spec, names: Iterable[str]) -> list[Media]:
        """The files of these ids as the network of `spec` will be sent them."""
        found = [self.by_id[UUID(name)] for name in names]
        return [as_sent(spec, item) for item in found] if self.are_mended else found


def media_of(post: Post, destinations: Iterable[Destination] = ()) -> list[UUID]:
    """Every file the post names, its own, its thread's and these destinations', each once."""
    named = [*post.media_ids, *(name for item in post.thread for name in item["mediaIds"])]
    named += [name for row in destinations for name in row.media_ids or ()]
    return [UUID(name) for name in dict.fromkeys(named)]


def load_files(session: Session, workspace_id: UUID, wanted: Iterable[UUID]) -> Files:
    """The workspace's files among `wanted` that are ready, as connectors see them."""
    chosen = list(wanted)
    if not chosen:
        return Files({})
    rows = session.execute(
        select(MediaFile, Workspace.mend_media)
        .join(Workspace, Workspace.id == MediaFile.workspace_id)
        .where(
            MediaFile.workspace_id == workspace_id,
            MediaFile.id.in_(chosen),
            MediaFile.status == MediaStatus.READY,
        )
    ).all()
    are_mended = any(mended for _, mended in rows)
    return Files({row.id: as_media(row) for row, _ in rows}, are_mended)


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


def unmendable(spec: Spec, draft: Draft, files: Files) -> list[Problem]:
    """What keeps a file from being mended though the network might take it as it is.

    Everything else that cannot be mended is a rule of the network's, and found by its check.
    """
    if not files.are_mended:
        return []
    items = {media.id: media for item in draft.items() for media in item.media}
    decisions = [decide(spec, files[UUID(name)], "media") for name in items]
    return [
        problem
        for decision in decisions
        if isinstance(decision, NotMendable)
        for problem in decision.problems
        if problem.code == ANIMATION
    ]


def draft_for(
    post: Post, destination: Destination, connector: Connector, files: Files, begun_at: datetime
) -> Draft:
    """What `destination` is to publish. A thread is for networks that have threads."""
    spec = connector.spec
    platform = spec.platform
    override: Mapping[str, Any] = post.platform_overrides.get(platform, {})
    given = (destination.content, override.get("content"))  # "" too: files may speak for themselves
    text = next((words for words in given if words is not None), post.content)
    thread: Sequence[ThreadItem] = ()
    if spec.thread_items and destination.content is None:
        thread = [
            ThreadItem(text=item["content"], media=files.for_network(spec, item["mediaIds"]))
            for item in post.thread
        ]
    return Draft(
        text=text,
        key=str(destination.id),
        begun_at=begun_at,
        media=files.for_network(spec, destination.media_ids or post.media_ids),
        thread=thread,
        options=post.platform_metadata.get(platform, {}),
        kind=post.content_type or "",
    )
