"""Lists in pages. A cursor is good only in the workspace it was made for."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from fastapi import Query
from sqlalchemy.orm import Session

from oncue.api.native.answers import PageOut
from oncue.db.database import Database
from oncue.errors import Invalid, Issue
from oncue.lib.clock import from_epoch_ms, to_epoch_ms

T = TypeVar("T")

Place: TypeAlias = tuple[datetime, UUID]
"""Where a row stands in its list: the time the list is ordered by, and the row's id."""

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100

Limit = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description="Results per page.", examples=[DEFAULT_LIMIT])
]
CursorText = Annotated[
    str | None, Query(description="next_cursor of the page before.", max_length=500)
]


class Made(Protocol):
    """What a list is ordered by, mostly."""

    @property
    def id(self) -> UUID: ...

    @property
    def created_at(self) -> datetime: ...


def creation(row: Made) -> Place:
    """The place of a row in a list that is ordered by creation."""
    return row.created_at, row.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Part of a list, and where the list goes on."""

    rows: Sequence[T]
    pagination: PageOut


async def read_page(
    db: Database,
    workspace_id: UUID,
    limit: int,
    cursor: str | None,
    read: Callable[[Session, int, Place | None], Sequence[T]],
    place: Callable[[T], Place],
) -> Page[T]:
    """The page of up to `limit` rows that begins at the cursor; raises Invalid.

    `read` gives up to so many rows behind a place, or from the list's beginning on.
    """
    after = read_cursor(workspace_id, cursor)
    found = await db.read(lambda session: read(session, limit + 1, after))
    rows, following = found[:limit], None
    if len(found) > limit:
        following = write_cursor(workspace_id, *place(rows[-1]))
    return Page(rows=rows, pagination=_show(following, limit))


def _show(next_cursor: str | None, limit: int) -> PageOut:
    has_more = next_cursor is not None
    return PageOut(
        next_cursor=next_cursor,
        has_more=has_more,
        limit=limit,
        next_cursor_=next_cursor,
        has_more_=has_more,
    )


def write_cursor(workspace_id: UUID, at: datetime, row_id: UUID) -> str:
    """Where the next page begins."""
    place = json.dumps([workspace_id.hex, to_epoch_ms(at), row_id.hex])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(workspace_id: UUID, cursor: str | None) -> Place | None:
    """The place a cursor names; raises Invalid for one that is not this workspace's."""
    if cursor is None:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        owner, milliseconds, row_id = json.loads(place)
        if UUID(hex=owner) != workspace_id or not isinstance(milliseconds, int):
            raise ValueError
        return from_epoch_ms(milliseconds), UUID(hex=row_id)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error):
        raise Invalid([Issue(field="cursor", message="is not a cursor of this list")]) from None
