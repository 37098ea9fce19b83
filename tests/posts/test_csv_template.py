"""The file to fill in: whatever the day, its examples are rows that would be taken."""

from datetime import UTC, datetime

import pytest

from oncue.posts.csv_reader import COLUMNS, ImportFile, Row
from oncue.posts.csv_template import template
from statements import statements

DAYS = [
    datetime(2026, 11, 22, 12, tzinfo=UTC),
    datetime(2028, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC),
]


@statements("V306")
@pytest.mark.parametrize("now", DAYS)
def test_the_template_has_every_column_and_examples_that_lie_ahead(now: datetime) -> None:
    text = template(now)

    rows = [row for row in ImportFile(text.encode()) if isinstance(row, Row)]
    times = [row.post.scheduled_for for row in rows]
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert len(rows) == 3
    assert times[0] is None
    assert all(time is not None and time > now for time in times[1:])
