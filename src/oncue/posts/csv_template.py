"""A file to fill in: what an import file looks like, by example."""

import csv
import io
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from oncue.lib.clock import iso
from oncue.lib.ids import to_typeid
from oncue.posts.csv_reader import COLUMNS
from oncue.posts.values import ContentType

AHEAD: Final = timedelta(days=30)

# Nobody's accounts: a template that is sent back as it is must not publish anything.
ACCOUNTS: Final = tuple(
    to_typeid("acc", UUID(int=0x0197A5B2_7C3D_7ABC_8DEF_000000000000 + number)) for number in (1, 2)
)


def template(now: datetime) -> str:
    """The header and example rows, with times that lie ahead (V306)."""
    first, second = ACCOUNTS
    day = (now + AHEAD).replace(hour=9, minute=0, second=0, microsecond=0)
    local = (day + AHEAD).replace(tzinfo=None).isoformat()
    rows = [
        COLUMNS,
        ("A draft needs a text and an account.", first),
        (
            "This one goes out by itself.\nA text may have several lines.",
            f"{first};{second}",
            iso(day),
            ContentType.TEXT,
            "launch;news",
            "And a comment below it.",
            "",
            "false",
        ),
        ("A local time says how far it is from UTC.", second, f"{local}+02:00"),
    ]
    written = io.StringIO(newline="")
    csv.writer(written).writerows([*row, *[""] * (len(COLUMNS) - len(row))] for row in rows)
    return written.getvalue()
