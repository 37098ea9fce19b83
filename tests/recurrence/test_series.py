"""When rules come round: starts, ends, exceptions, clock changes and downtime."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from oncue.recurrence.rules import parse
from oncue.recurrence.series import (
    COUNTED_AT_MOST,
    Missed,
    Series,
    missed,
    next_after,
    occurrences,
)
from statements import statements

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)  # a Monday


def series(text: str, *, start: datetime = START, zone: str = "UTC") -> Series:
    return Series(rule=parse(text, zone), start_at=start)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days_of(found: list[datetime]) -> list[date]:
    return [moment.date() for moment in found]


@statements("V278")
def test_the_first_run_is_the_first_occurrence_at_or_after_the_start() -> None:
    mornings = parse("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "UTC")

    on_time = next_after(Series(rule=mornings, start_at=START))
    late = next_after(Series(rule=mornings, start_at=START + timedelta(seconds=1)))

    assert on_time == START
    assert late == START + timedelta(days=1)


@statements("V278")
def test_nothing_runs_before_a_start_that_lies_ahead() -> None:
    ahead = series("FREQ=DAILY")

    assert next_after(ahead, START - timedelta(days=300)) == START


def test_what_follows_is_strictly_later() -> None:
    daily = series("FREQ=DAILY")

    assert next_after(daily, START) == START + timedelta(days=1)
    assert next_after(daily, START - timedelta(milliseconds=1)) == START


def test_a_rule_without_a_time_takes_the_posts() -> None:
    rule = parse("FREQ=WEEKLY;BYDAY=TU", "Asia/Kathmandu").with_time(time(18, 30))

    assert next_after(Series(rule=rule, start_at=START)) == utc("2027-01-05T12:45")


def test_a_rules_own_hour_stands_and_only_the_minute_is_the_posts() -> None:
    rule = parse("FREQ=DAILY;BYHOUR=7", "UTC").with_time(time(18, 30))

    assert next_after(Series(rule=rule, start_at=START)) == utc("2027-01-05T07:30")


def test_hours_are_counted_from_the_posts_time_of_day() -> None:
    rule = parse("FREQ=HOURLY;INTERVAL=6", "UTC").with_time(time(20, 15))

    assert occurrences(Series(rule=rule, start_at=START), 3) == [
        utc("2027-01-04T14:15"),
        utc("2027-01-04T20:15"),
        utc("2027-01-05T02:15"),
    ]


def test_a_count_counts_from_the_start_wherever_one_asks_from() -> None:
    thrice = series("FREQ=DAILY;COUNT=3")

    assert len(occurrences(thrice, 10)) == 3
    assert occurrences(thrice, 10, START) == [START + timedelta(days=1), START + timedelta(days=2)]
    assert next_after(thrice, START + timedelta(days=2)) is None


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20270106T090000Z", "2027-01-06T09:00"),
        ("20270106T085959Z", "2027-01-05T09:00"),
        ("20270106", "2027-01-06T09:00"),
        ("20260101", None),
    ],
)
def test_until_is_the_last_moment_that_counts(until: str, last: str | None) -> None:
    found = occurrences(series(f"FREQ=DAILY;UNTIL={until}"), 10)

    assert found[-1:] == ([utc(last)] if last else [])


def test_dates_taken_out_are_skipped_and_still_counted() -> None:
    rule = parse("FREQ=DAILY;COUNT=4", "UTC")
    without = frozenset({START, START + timedelta(days=2)})

    found = occurrences(Series(rule=rule, start_at=START, exdates=without), 10)

    assert found == [START + timedelta(days=1), START + timedelta(days=3)]


@statements("V281")
def test_the_local_time_stays_when_the_clocks_change() -> None:
    rule = parse("RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR", "America/New_York").with_time(time(9))

    found = occurrences(Series(rule=rule, start_at=utc("2027-03-10T00:00")), 4)

    assert found == [
        utc("2027-03-10T14:00"),
        utc("2027-03-12T14:00"),
        utc("2027-03-15T13:00"),
        utc("2027-03-17T13:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        (
            "America/New_York",
            "2026-03-07T02:30",
            ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"],
        ),
        (
            "America/New_York",
            "2026-10-31T01:30",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
        ),
        (
            "Europe/Berlin",
            "2027-03-27T02:30",
            ["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-03T02:15",
            ["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"],
        ),
        (
            "Australia/Lord_Howe",
            "2027-04-03T01:45",
            ["2027-04-02T14:45", "2027-04-03T14:45", "2027-04-04T15:15"],
        ),
        (
            "Asia/Kathmandu",
            "2027-03-27T09:00",
            ["2027-03-27T03:15", "2027-03-28T03:15", "2027-03-29T03:15"],
        ),
        (
            "Pacific/Apia",
            "2011-12-29T10:00",
            ["2011-12-29T20:00", "2011-12-30T10:00", "2011-12-30T20:00"],
        ),
        (
            "Pacific/Apia",
            "2027-03-27T09:00",
            ["2027-03-26T20:00", "2027-03-27T20:00", "2027-03-28T20:00"],
        ),
    ],
)
def test_a_day_with_a_clock_change_has_one_run_like_any_other(
    zone: str, at: str, expected: list[str]
) -> None:
    local = datetime.fromisoformat(at)
    rule = parse("FREQ=DAILY", zone).with_time(local.time())
    midnight = utc(expected[0]) - timedelta(hours=1)

    found = occurrences(Series(rule=rule, start_at=midnight), 3)

    assert found == [utc(moment) for moment in expected]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-08T06:00", ["2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T08:00"]),
        ("2026-11-01T04:00", ["2026-11-01T04:00", "2026-11-01T05:00", "2026-11-01T07:00"]),
    ],
)
def test_an_hour_that_is_skipped_or_repeated_does_not_fire_twice(
    start: str, expected: list[str]
) -> None:
    hourly = series("FREQ=HOURLY;COUNT=3", start=utc(start), zone="America/New_York")

    assert occurrences(hourly, 9) == [utc(moment) for moment in expected]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        (
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "1997-05-12",
            ["1997-05-12", "1998-05-11", "1999-05-17"],
        ),
        ("FREQ=YEARLY;BYWEEKNO=20", "1997-05-12", ["1997-05-12", "1998-05-11", "1999-05-17"]),
        (
            "FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=WE",
            "2026-01-01",
            ["2026-12-30", "2027-01-06", "2027-12-29", "2028-01-05"],
        ),
        (
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO",
            "2024-01-01",
            ["2024-01-01", "2024-12-30", "2025-12-29", "2027-01-04"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
            "1997-01-01",
            ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01", "2000-04-09", "2000-07-18"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            ["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "1997-09-02",
            ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"],
        ),
        ("FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22", ["1997-09-22", "1997-10-20", "1997-11-17"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", ["1997-09-28", "1997-10-29", "1997-11-28"]),
        ("FREQ=MONTHLY", "2027-01-31", ["2027-01-31", "2027-03-31", "2027-05-31"]),
        ("FREQ=YEARLY", "2028-02-29", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        (
            "FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=10,11",
            "1997-09-10",
            ["1997-09-10", "1997-09-11", "1999-03-10", "1999-03-11", "2000-09-10"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09-04",
            ["1997-09-04", "1997-10-07", "1997-11-06"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29",
            ["1997-09-29", "1997-10-30", "1997-11-27", "1997-12-30", "1998-01-29"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=1MO,FR",
            "2027-01-01",
            ["2027-01-01", "2027-01-04", "2027-01-08", "2027-01-15", "2027-01-22", "2027-01-29"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"],
        ),
        (
            "FREQ=WEEKLY;BYDAY=TU,FR;BYSETPOS=1",
            "2026-12-30",
            ["2027-01-05", "2027-01-12", "2027-01-19"],
        ),
    ],
)
def test_the_days_are_those_of_the_standard(text: str, start: str, expected: list[str]) -> None:
    found = occurrences(series(text, start=utc(f"{start}T09:00")), len(expected))

    assert days_of(found) == [date.fromisoformat(day) for day in expected]
    assert {moment.time() for moment in found} == {time(9)}


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


@pytest.mark.parametrize(
    "start",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime(1969, 12, 31, tzinfo=UTC),
        datetime(9950, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_start_at_the_edges_of_time_has_no_occurrences(start: datetime, zone: str) -> None:
    assert next_after(series("FREQ=DAILY", start=start, zone=zone)) is None


def test_a_start_far_ahead_is_fine() -> None:
    far = series("FREQ=DAILY", start=datetime(9900, 12, 31, 9, tzinfo=UTC))

    assert days_of(occurrences(far, 2)) == [date(9900, 12, 31), date(9901, 1, 1)]
