"""What the tests of the native API share: reading a refusal, counting rows, setting a scene."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx2 as httpx
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from installation import Installation
from oncue.db.base import Base
from oncue.lib import ids
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import Destination, Post
from oncue.workspaces.models import RateWindow

Problem: TypeAlias = tuple[int, str, Any]

NOBODY: Final = UUID("0197a5b2-7c3d-7abc-8def-0123456789ab")  # an id that nothing has

# Destinations as a post of each status may have them: of a first and of a second account.
SCENES: Final[Mapping[Status, tuple[State, State]]] = {
    Status.DRAFT: (State.IDLE, State.IDLE),
    Status.APPROVED: (State.IDLE, State.IDLE),
    Status.SCHEDULED: (State.IDLE, State.IDLE),
    Status.PUBLISHING: (State.PARKED, State.PARKED),
    Status.PUBLISHED: (State.PUBLISHED, State.PUBLISHED),
    Status.PARTIAL: (State.FAILED, State.PUBLISHED),
    Status.FAILED: (State.FAILED, State.FAILED),
    Status.CANCELLED: (State.IDLE, State.IDLE),
    Status.UNPUBLISHED: (State.PUBLISHED, State.PUBLISHED),
    Status.ARCHIVED: (State.PUBLISHED, State.PUBLISHED),
    Status.PENDING_APPROVAL: (State.IDLE, State.IDLE),
}


def problem(answer: httpx.Response) -> Problem:
    """A refusal as status, code and facts. Its words, which are for people, must only exist."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert error.keys() <= {"code", "message", "details"}, error
    assert error["message"]
    return answer.status_code, error["code"], _facts(error.get("details"))


def invalid(field: str, **facts: object) -> Problem:
    """The refusal of a body or query for what stands in one field."""
    return 400, "VALIDATION_ERROR", {"field": field, **facts}


def too_long(field: str, limit: int, actual: int | None = None, **facts: object) -> Problem:
    """The refusal of a text with more characters than `limit`, by one unless told."""
    length = limit + 1 if actual is None else actual
    return invalid(field, maxLength=limit, actualLength=length, **facts)


def _facts(details: Any) -> Any:
    match details:
        case {"errors": list(several)}:
            return [_facts(one) for one in several]
        case dict():
            return {name: value for name, value in details.items() if name != "message"}
        case _:
            return details


async def rows(installation: Installation) -> Mapping[str, int]:
    """How many rows every table has: what a refused request must not change.

    But for the one that counts requests, refused ones too.
    """

    def count(session: Session) -> dict[str, int]:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
            if table is not RateWindow.__table__
        }

    return await installation.db.read(count)


async def put_in(installation: Installation, post: Mapping[str, Any], status: Status) -> None:
    """Give a post of up to two destinations a status, without what leads there."""
    post_id = ids.from_typeid("post", post["id"])
    named = [ids.from_typeid("pp", platform["id"]) for platform in post["platforms"]]

    def work(session: Session) -> None:
        session.execute(update(Post).where(Post.id == post_id).values(status=status))
        for destination_id, state in zip(named, SCENES[status], strict=False):
            session.execute(
                update(Destination)
                .where(Destination.id == destination_id)
                .values(state=state, run_at=None)
            )

    await installation.db.write(work)
