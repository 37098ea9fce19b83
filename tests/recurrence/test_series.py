"""When rules come round: starts, ends, exceptions and clock changes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from oncue.recurrence.rules import parse
from oncue.recurrence.series import Series, next_after, occurrences
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
