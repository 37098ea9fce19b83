"""Cursors and limits of lists. A cursor is good only in the workspace it was made for."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from oncue.errors import Invalid, Issue
from oncue.lib.clock import from_epoch_ms, to_epoch_ms

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100

Limit = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description="Results per page.", examples=[DEFAULT_LIMIT])
]
CursorText = Annotated[
    str | None, Query(description="next_cursor of the page before.", max_length=500)
]


def write_cursor(workspace_id: UUID, at: datetime, row_id: UUID) -> str:
    """Where the next page begins."""
    place = json.dumps([workspace_id.hex, to_epoch_ms(at), row_id.hex])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(workspace_id: UUID, cursor: str | None) -> tuple[datetime, UUID] | None:
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
