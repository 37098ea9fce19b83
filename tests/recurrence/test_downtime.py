"""What a downtime missed, told without living through it again."""

from datetime import UTC, datetime, timedelta

import pytest

from oncue.recurrence.rules import parse
from oncue.recurrence.series import COUNTED_AT_MOST, Missed, Series, missed

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def series(text: str) -> Series:
    return Series(rule=parse(text, "UTC"), start_at=START)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_downtime_is_told_by_how_many_were_missed_and_the_last_of_them() -> None:
    daily = series("FREQ=DAILY")

    told = missed(daily, START, START + timedelta(days=5, hours=1))

    assert told == Missed(count=5, last=START + timedelta(days=5))


def test_one_that_is_due_this_moment_is_among_the_missed() -> None:
    daily = series("FREQ=DAILY")

    assert missed(daily, None, START) == Missed(count=1, last=START)


def test_nothing_missed_is_nothing() -> None:
    assert missed(series("FREQ=DAILY"), START, START + timedelta(hours=23)) is None


def test_dates_taken_out_are_not_missed() -> None:
    rule = parse("FREQ=DAILY", "UTC")
    without = Series(rule=rule, start_at=START, exdates=frozenset({START + timedelta(days=2)}))

    told = missed(without, START, START + timedelta(days=2))

    assert told == Missed(count=1, last=START + timedelta(days=1))


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("FREQ=HOURLY", "2036-12-31T23:00"),
        ("FREQ=HOURLY;BYMONTH=1", "2036-01-31T23:00"),
        ("FREQ=HOURLY;UNTIL=20300101T000000Z", "2030-01-01T00:00"),
        ("FREQ=HOURLY;COUNT=1000", "2027-02-15T00:00"),
        ("FREQ=HOURLY;BYMONTH=1,2;UNTIL=20270215T010000Z", "2027-02-15T01:00"),
    ],
)
def test_many_missed_are_not_all_counted_and_the_last_is_still_the_last(
    text: str, last: str
) -> None:
    told = missed(series(text), None, utc("2036-12-31T23:30"))

    assert told == Missed(count=COUNTED_AT_MOST, last=utc(last))
