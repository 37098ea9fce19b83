"""What a network would refuse and a machine can mend is mended: once for each file and recipe."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from oncue.connectors.answers import Refusal, Refused
from oncue.connectors.spec import Media, Spec
from oncue.errors import NotAccepted, NotFound, Unavailable
from oncue.lib.clock import Clock
from oncue.media import copies
from oncue.media.intake import Intake, discard
from oncue.media.models import MediaCopy
from oncue.media.objects import NewObject
from oncue.media.recipes import NotMendable, Recipe, VideoRecipe, decide
from oncue.media.render import Rendered
from oncue.media.storage import Missing, new_key

# A picture takes a second and some hundred megabytes, a video minutes: it waits for no other.
PICTURES_AT_ONCE: Final = 2
VIDEOS_AT_ONCE: Final = 1


class Render(Protocol):
    """What follows a recipe: oncue.media.render.render. Raises NotAccepted."""

    def __call__(self, source: Path, recipe: Recipe, target: Path) -> Awaitable[Rendered]: ...


def as_sent(spec: Spec, item: Media) -> Media:
    """What the network of `spec` will be sent for `item`, as far as that can be mended."""
    return decide(spec, item, "media").result


@dataclass(frozen=True, kw_only=True)
class Mender:
    """Makes the copies that are sent. One for the whole process."""

    intake: Intake
    render: Render
    now: Clock
    _pictures: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(PICTURES_AT_ONCE)
    )
    _videos: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(VIDEOS_AT_ONCE))
    _turns: WeakValueDictionary[tuple[UUID, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )

    async def mended(self, workspace_id: UUID, spec: Spec, item: Media) -> Media:
        """`item` as the network of `spec` takes it, its bytes in the storage.

        Raises Refused: for good where the file does not let itself be mended, to try again
        where the storage cannot be reached.
        """
        decision = decide(spec, item, "media")
        if isinstance(decision, NotMendable):
            return item  # the network's rules are checked next, and say what is wrong with it
        try:
            copy = await self._copy(workspace_id, item, decision.recipe)
        except (Missing, NotFound):
            raise Refused("A file of the post is gone", code="MEDIA_NOT_FOUND") from None
        except NotAccepted as refused:
            raise Refused(str(refused), code=refused.code) from refused
        except Unavailable as trouble:
            raise Refused(str(trouble), Refusal.TRY_LATER) from trouble
        return replace(
            decision.result,
            key=copy.storage_key,
            type=copy.content_type,
            bytes=copy.size_bytes,
            sha256=copy.sha256,
            width=copy.width or decision.result.width,
            height=copy.height or decision.result.height,
            seconds=copy.seconds or decision.result.seconds,
        )

    async def _copy(self, workspace_id: UUID, item: Media, recipe: Recipe) -> MediaCopy:
        media_id = UUID(item.id)
        turn = self._turns.setdefault((media_id, recipe.key), asyncio.Lock())
        async with turn:
            found = await self.intake.db.write(
                lambda session: copies.use(session, workspace_id, media_id, recipe.key, self.now())
            )
            if found is not None and await self._is_there(found):
                return found
            return await self._make(workspace_id, item, recipe)

    async def _is_there(self, copy: MediaCopy) -> bool:
        """Whether its bytes are: what was lost is made again as long as the file is there."""
        try:
            await self.intake.storage.path_of(copy.storage_key)
        except Missing:
            return False
        return True

    async def _make(self, workspace_id: UUID, item: Media, recipe: Recipe) -> MediaCopy:
        source = await self.intake.storage.path_of(item.key)
        target = self.intake.new_file()
        try:
            async with self._videos if isinstance(recipe, VideoRecipe) else self._pictures:
                rendered = await self.render(source, recipe, target)
            stored = NewObject(
                key=new_key(), sha256=rendered.sha256, size_bytes=rendered.size_bytes
            )
            await self.intake.reserve(workspace_id, [stored])
            await self.intake.store(workspace_id, target, stored, rendered.content_type)
        finally:
            discard(target)
        return await self.intake.db.write(
            lambda session: copies.add(
                session, workspace_id, UUID(item.id), recipe.key, rendered, stored, self.now()
            )
        )
