"""Native dialect, the posting queue: the week's slots, and which are free (C60)."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsReader, PostsWriter, Shared
from oncue.api.fields import Body, Key, Out, Said, TimeZone, When
from oncue.api.idempotency import Idempotent
from oncue.queue import service as queue
from oncue.queue.slots import DAYS, SLOTS, TIME, Slots, written

router = APIRouter(prefix="/v1/queue", tags=["queue"], route_class=KeyedRoute)


class SlotIn(Body):
    """A time of the week: MO to SU, and 00:00 to 23:59 on the zone's clocks."""

    day: Annotated[Key, Said(enum=[*DAYS])]
    time: Annotated[Key, Said(pattern=f"^({TIME.pattern})$")]


class QueueIn(Body):
    """PUT /v1/queue/slots."""

    timezone: TimeZone
    slots: Annotated[list[SlotIn], Field(max_length=SLOTS), Said(uniqueItems=True)]


class SlotOut(Out):
    """A time of the week."""

    day: str
    time: str


class QueueOut(Out):
    """The week's slots, in its order."""

    timezone: str
    slots: list[SlotOut]


class FreeOut(Out):
    """Slots that no post has taken, the next one first."""

    slots: list[When]


@router.get("/slots")
async def get_slots(caller: PostsReader, shared: Shared) -> QueueOut:
    """The slots that queued posts go out in."""
    return await shared.db.read(lambda session: _show(queue.slots_of(session, caller.workspace_id)))


@router.put("/slots")
async def set_slots(body: QueueIn, caller: PostsWriter, once: Idempotent) -> QueueOut:
    """Set the week's slots. Posts that have taken one already keep their time."""
    weekly = [slot.model_dump() for slot in body.slots]

    def work(session: Session) -> QueueOut:
        return _show(queue.set_slots(session, caller.workspace_id, body.timezone, weekly))

    return await once.write(work)


@router.get("/next")
async def next_slots(
    caller: PostsReader,
    shared: Shared,
    count: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 10,
) -> FreeOut:
    """The next free slots; none where none are set."""
    found = await shared.db.read(
        lambda session: queue.next_free(session, caller.workspace_id, count, shared.now())
    )
    return FreeOut(slots=found)


def _show(slots: Slots) -> QueueOut:
    return QueueOut(
        timezone=slots.zone.key, slots=[SlotOut.model_validate(slot) for slot in written(slots)]
    )
