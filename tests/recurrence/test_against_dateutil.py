"""Two implementations of the standard agree: ours, and python-dateutil's on rules it can finish.

Left out are the rules on which dateutil strays from RFC 5545: numbered and plain weekdays in one
list (it takes days that are both), a first week cut short by the start before BYSETPOS chooses,
BYWEEKNO alone (it takes all seven days) and week numbers at the turn of a year.
"""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import TypeAlias, TypeVar

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from oncue.recurrence.expansion import HORIZON_YEARS
from oncue.recurrence.rules import DAYS, parse
from oncue.recurrence.series import Series, occurrences

T = TypeVar("T")
Parts: TypeAlias = dict[str, st.SearchStrategy[str]]

COMPARED = 15
STARTS = st.datetimes(
    datetime(1999, 1, 1),  # noqa: DTZ001  (Hypothesis adds the zone)
    datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda start: start.replace(second=0, microsecond=0))
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


def some(values: st.SearchStrategy[T], most: int = 4) -> st.SearchStrategy[str]:
    found = st.lists(values.map(str), min_size=1, max_size=most, unique=True)
    return found.map(",".join)


def either_end(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most) | st.integers(-most, -least)


def numbered(most: int) -> st.SearchStrategy[str]:
    return some(st.builds("{}{}".format, either_end(1, most), st.sampled_from(DAYS)))


WEEKDAYS: Parts = {"BYDAY": some(st.sampled_from(DAYS), most=7)}
NUMBERED: Parts = {"BYDAY": numbered(4)}
NUMBERED_IN_YEAR: Parts = {"BYDAY": numbered(52)}
MONTHS: Parts = {"BYMONTH": some(st.integers(1, 12))}
MONTH_DAYS: Parts = {"BYMONTHDAY": some(either_end(1, 28))}
YEAR_DAYS: Parts = {"BYYEARDAY": some(either_end(1, 365))}
WEEK_NUMBERS: Parts = {"BYWEEKNO": some(st.integers(2, 51))}
HOURS: Parts = {"BYHOUR": some(st.integers(0, 23))}
MINUTES: Parts = {"BYMINUTE": some(st.integers(0, 59))}
TIMES: list[Parts] = [{}, HOURS, MINUTES, HOURS | MINUTES]
ONE_OF_THEM: Parts = {"BYSETPOS": st.sampled_from(["1", "-1", "-1,1"])}

# Frequency, intervals, day parts: combined so that dateutil always finds another occurrence.
SHAPES: list[tuple[str, list[int], Parts]] = [
    *(("HOURLY", [1, 2, 3, 5, 8, 12, 24], days) for days in ({}, WEEKDAYS, MONTH_DAYS, MONTHS)),
    *(("DAILY", [1, 2, 3, 6], days) for days in ({}, WEEKDAYS, MONTH_DAYS, MONTHS)),
    ("DAILY", [1], MONTHS | MONTH_DAYS | WEEKDAYS),
    *(("WEEKLY", [1, 2, 5, 52], days) for days in ({}, WEEKDAYS)),
    ("WEEKLY", [1], WEEKDAYS | MONTHS),
    *(("MONTHLY", [1, 2, 5, 12], days) for days in (WEEKDAYS, NUMBERED, MONTH_DAYS)),
    *(("MONTHLY", [1], days | MONTHS) for days in (NUMBERED, MONTH_DAYS | WEEKDAYS)),
    *(("YEARLY", [1, 2, 4], days) for days in ({}, WEEKDAYS, NUMBERED_IN_YEAR, YEAR_DAYS)),
    *(("YEARLY", [1, 3], days | MONTHS) for days in (WEEKDAYS, NUMBERED, MONTH_DAYS)),
    *(("YEARLY", [1, 2], days | WEEKDAYS) for days in (MONTH_DAYS, YEAR_DAYS, WEEK_NUMBERS)),
]


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency, intervals, days = draw(st.sampled_from(SHAPES))
    interval = draw(st.sampled_from(intervals))
    times = draw(st.sampled_from(TIMES))
    is_choosy = draw(st.booleans())
    position: Parts = ONE_OF_THEM if is_choosy and (days or times) else {}
    week_start: Parts = {"WKST": st.sampled_from(DAYS)}
    parts = draw(st.fixed_dictionaries({**days, **times, **position, **week_start}))
    named = {"FREQ": frequency, "INTERVAL": str(interval), **parts}
    return ";".join(f"{name}={value}" for name, value in named.items())


@st.composite
def series(draw: st.DrawFn) -> tuple[str, datetime]:
    """A rule and its start, which is where a week begins if that matters to dateutil."""
    text, start = draw(rules()), draw(STARTS)
    if "FREQ=WEEKLY" in text and "BYSETPOS" in text:
        week_start = parse(text, "UTC").week_start
        start -= timedelta(days=(start.weekday() - week_start) % 7)
        start = start.replace(hour=0, minute=0)
    return text, start


def reference(text: str, start: datetime) -> list[datetime]:
    """What dateutil finds as far as we would look."""
    try:
        rule = rrulestr(text, dtstart=start)
    except ValueError as never:
        assert "empty set" in str(never)  # noqa: PT017  (hours its interval does not reach)
        return []
    last = start.year + HORIZON_YEARS
    return list(takewhile(lambda found: found.year <= last, islice(rule, COMPARED)))


@settings(deadline=None)
@given(series())
def test_a_rule_comes_round_when_dateutil_says(drawn: tuple[str, datetime]) -> None:
    text, start = drawn

    found = occurrences(Series(rule=parse(text, "UTC"), start_at=start), COMPARED)

    assert found == reference(text, start)


@settings(deadline=None)
@given(series(), st.integers(1, COMPARED))
def test_a_rule_that_counts_ends_where_dateutil_ends(
    drawn: tuple[str, datetime], count: int
) -> None:
    text, start = f"{drawn[0]};COUNT={count}", drawn[1]

    found = occurrences(Series(rule=parse(text, "UTC"), start_at=start), COMPARED + 1)

    assert found == reference(text, start)


@settings(deadline=None)
@given(series(), st.integers(0, 400))
def test_a_rule_with_an_end_ends_where_dateutil_ends(
    drawn: tuple[str, datetime], days: int
) -> None:
    until = drawn[1] + timedelta(days=days)
    text, start = f"{drawn[0]};UNTIL={until:%Y%m%dT%H%M%SZ}", drawn[1]

    found = occurrences(Series(rule=parse(text, "UTC"), start_at=start), COMPARED)

    assert found == reference(text, start)


@pytest.mark.parametrize("zone", ZONES)
@settings(deadline=None)
@given(series(), st.timedeltas(timedelta(days=-3), timedelta(days=900)))
def test_asking_from_anywhere_gives_the_rest_of_the_same_list(
    zone: str, drawn: tuple[str, datetime], later: timedelta
) -> None:
    text, start = drawn
    asked = Series(rule=parse(text, zone), start_at=start)
    after = start + later
    whole = occurrences(asked, 400)

    rest = occurrences(asked, 3, after)

    assert all(one < other for one, other in pairwise(whole))
    expected = [moment for moment in whole if moment > after]
    assert rest[: len(expected)] == expected[:3]
