"""Files are mended before their posts are due, so that what takes minutes makes nothing late."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.connectors.answers import Refused
from oncue.connectors.registry import CONNECTORS
from oncue.connectors.spec import Draft, Media, Spec
from oncue.db.database import Database, Topic
from oncue.lib.clock import Clock
from oncue.media.mending import Mender
from oncue.media.models import MediaUse
from oncue.posts.drafts import Files, draft_for, load_files, media_of
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination, Post
from oncue.publishing.duties import Duty

AHEAD: Final = timedelta(minutes=30)
EVERY: Final = timedelta(seconds=10)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """A destination that is due soon, and the files it will need."""

    workspace_id: UUID
    spec: Spec
    draft: Draft
    files: Files


@dataclass(kw_only=True)
class MendingAhead:
    """Looks for what is due within AHEAD. A look after a restart costs a query a file."""

    db: Database
    mender: Mender
    now: Clock
    _next: datetime | None = None
    _seen: Mapping[UUID, int] = field(default_factory=dict)  # destinations, by the fence they had

    def duty(self) -> Duty:
        return Duty(name="mending_ahead", topic=Topic.ERRAND, act=self.act)

    async def act(self) -> datetime:
        """Mend what is due soon and was not looked at yet; when to look again."""
        now = self.now()
        if self._next is not None and now < self._next <= now + EVERY:
            return self._next
        present = await self.db.read(lambda session: due_soon(session, now))
        new = [name for name, fence in present.items() if self._seen.get(name) != fence]
        again = set[UUID]()
        for destination_id in new:
            upcoming = await self.db.read(partial(load, destination_id=destination_id))
            if upcoming is not None and not await self._mend(destination_id, upcoming):
                again.add(destination_id)
        self._seen = {name: fence for name, fence in present.items() if name not in again}
        self._next = self.now() + EVERY
        return self._next

    async def _mend(self, destination_id: UUID, upcoming: Upcoming) -> bool:
        """Whether that is settled, and not only put off by the disk or the storage.

        What cannot be mended is told when the post is due: it may be changed until then.
        """
        try:
            await as_it_goes_out(
                upcoming.draft,
                lambda name: self.mender.mended(
                    upcoming.workspace_id, upcoming.spec, upcoming.files[UUID(name)]
                ),
            )
        except Refused as refused:
            log.warning("not_mended_ahead", destination=str(destination_id), reason=str(refused))
            return not refused.is_transient
        return True


async def as_it_goes_out(draft: Draft, mended: Callable[[str], Awaitable[Media]]) -> Draft:
    """The draft with each of its files as `mended` makes it, named by its id; each once."""
    files = [*draft.media, *(item for each in draft.thread for item in each.media)]
    names = dict.fromkeys(item.id for item in files)
    made = {name: await mended(name) for name in names}

    def swapped(media: Sequence[Media]) -> list[Media]:
        return [made[item.id] for item in media]

    thread = [replace(item, media=swapped(item.media)) for item in draft.thread]
    return replace(draft, media=swapped(draft.media), thread=thread)


def due_soon(session: Session, now: datetime) -> Mapping[UUID, int]:
    """The destinations of posts with files that are due within AHEAD, and their fences."""
    rows = session.execute(
        select(Destination.id, Destination.fence)
        .join(MediaUse, MediaUse.post_id == Destination.post_id)
        .where(
            Destination.state == State.WAITING,
            Destination.run_at > now,
            Destination.run_at <= now + AHEAD,
        )
        .distinct()
    )
    return {row.id: row.fence for row in rows}


def load(session: Session, destination_id: UUID) -> Upcoming | None:
    """What the destination will be sent; None where it is gone, or its files are not mended."""
    found = session.execute(
        select(Post, Destination)
        .join(Destination, Destination.post_id == Post.id)
        .where(Destination.id == destination_id)
    ).one_or_none()
    if found is None:
        return None
    post, row = found
    wanted = media_of(post, [row])
    files = load_files(session, row.workspace_id, wanted)
    if not files.are_mended or any(media_id not in files for media_id in wanted):
        return None
    connector = CONNECTORS[row.platform]
    draft = draft_for(post, row, connector, files, row.run_at or post.created_at)
    return Upcoming(workspace_id=row.workspace_id, spec=connector.spec, draft=draft, files=files)
