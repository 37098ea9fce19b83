"""Reading rules: what is taken, and what is refused in which words."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.recurrence.rules import PARTS, BadRule, Frequency, Rule, Weekday, parse

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "text",
    [
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        " rrule:freq=weekly;byday=mo,we,fr\n",
        "BYDAY=MO,WE,FR;FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYSECOND=0",
    ],
)
def test_a_rule_reads_the_same_in_any_spelling_ical_allows(text: str) -> None:
    rule = parse(text, "America/New_York")

    assert rule == Rule(
        zone=NEW_YORK,
        frequency=Frequency.WEEKLY,
        weekdays=(Weekday(0), Weekday(2), Weekday(4)),
    )


def test_every_part_finds_its_place() -> None:
    rule = parse(
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;WKST=SU;BYMONTH=12,1;BYYEARDAY=-1,1;BYMONTHDAY=31,1,-1"
        ";BYDAY=-1SU,+2MO,TU;BYHOUR=18,9;BYMINUTE=30,00;BYSECOND=00;BYSETPOS=-1,1",
        "UTC",
    )

    assert rule == Rule(
        zone=ZoneInfo("UTC"),
        frequency=Frequency.YEARLY,
        interval=2,
        count=10,
        week_start=6,
        months=(1, 12),
        year_days=(-1, 1),
        month_days=(-1, 1, 31),
        weekdays=(Weekday(6, -1), Weekday(0, 2), Weekday(1)),
        hours=(9, 18),
        minutes=(0, 30),
        positions=(-1, 1),
    )


def test_week_numbers_are_for_years() -> None:
    rule = parse("FREQ=YEARLY;BYWEEKNO=20,-1,20;BYDAY=MO", "UTC")

    assert (rule.week_numbers, rule.weekdays) == ((-1, 20), (Weekday(0),))


@pytest.mark.parametrize(
    ("until", "moment"),
    [
        ("20270131T090000Z", datetime(2027, 1, 31, 9, tzinfo=UTC)),
        ("20270131T090000", datetime(2027, 1, 31, 14, tzinfo=UTC)),
        ("20270131T235959", datetime(2027, 2, 1, 4, 59, tzinfo=UTC)),
        ("20270131", datetime(2027, 2, 1, 4, 59, tzinfo=UTC)),
        ("20270314T023000", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ],
)
def test_until_is_utc_or_local_or_a_whole_local_day(until: str, moment: datetime) -> None:
    assert parse(f"FREQ=DAILY;UNTIL={until}", "America/New_York").until == moment


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_until_may_stand_for_always_and_for_never(timezone: str) -> None:
    always = [
        parse(f"FREQ=DAILY;UNTIL={until}", timezone).until
        for until in ("99991231", "99991231T235959", "99991231T235959Z")
    ]
    never = parse("FREQ=DAILY;UNTIL=00010101", timezone).until

    assert all(until is not None and until.year >= 9998 for until in always)
    assert never is not None
    assert never.year <= 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "RRULE"),
        ("RRULE:", "RRULE"),
        ("every day", "RRULE"),
        ("FREQ=DAILY;", "RRULE"),
        ("FREQ=DAILY" + ";BYHOUR=9" * 60, "RRULE"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=MINUTELY", "FREQ"),
        ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ"),
        ("FREQ=DAILY\nRRULE:FREQ=WEEKLY", "FREQ"),
        ("FREQ=DAILY;DTSTART=20270101T090000", "DTSTART"),
        ("DTSTART:20270101T090000\nRRULE:FREQ=DAILY", "DTSTART"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=١", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=" + "9" * 400, "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=1001", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "UNTIL"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270101T250000Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL"),
        ("FREQ=DAILY;WKST=1", "WKST"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=", "BYMONTH"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
        ("FREQ=WEEKLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16,17", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE"),
        ("FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))), "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=30", "BYSECOND"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=MO,", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=-6MO", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS"),
        ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=3", "BYSETPOS"),
        ("FREQ=HOURLY;BYHOUR=9,10;BYMINUTE=0,30;BYSETPOS=3", "BYSETPOS"),
        ("FREQ=DAILY;BYHOUR=9;BYSETPOS=2", "BYSETPOS"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-8", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYHOUR=9,10;BYSETPOS=63", "BYSETPOS"),
    ],
)
def test_a_rule_is_refused_naming_the_part_that_is_wrong(text: str, part: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse(text, "UTC")

    assert refused.value.part == part
    assert str(refused.value).startswith(f"{part}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FREQ=MINUTELY", "FREQ: 'MINUTELY' is not one of HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: '0' is not a number from 1 to 1000"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: '24' is not a number from 0 to 23"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=40",
            "BYMONTHDAY: '40' is not a number from 1 to 31 or -31 to -1",
        ),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY: cannot be combined with FREQ=WEEKLY"),
        ("DTSTART:20270101T090000", "DTSTART: is not part of a rule: say it with startAt"),
    ],
)
def test_a_refusal_says_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse(text, "UTC")

    assert str(refused.value) == words


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "EST5EDT4", "../UTC"])
def test_a_rule_needs_a_zone_that_exists(timezone: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse("FREQ=DAILY", timezone)

    assert refused.value.part == "timezone"
    assert str(refused.value) == f"timezone: {timezone!r} is no IANA time zone"


def test_a_time_of_day_comes_without_its_seconds() -> None:
    rule = parse("FREQ=DAILY", "UTC").with_time(time(9, 30, 15, 250))

    assert rule.local_time == time(9, 30)


@given(
    st.text()
    | st.lists(
        st.tuples(
            st.sampled_from([*PARTS, "BYEASTER", ""]),
            st.sampled_from(["=", "", ":"]),
            st.sampled_from(["DAILY", "YEARLY", "MO,1TU", "0", "1,2", "-1", "20270101", "²", ""]),
        ).map("".join)
    ).map(";".join)
)
def test_whatever_is_written_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse(text, "UTC")
    except BadRule as refused:
        assert refused.reason  # noqa: PT017  (one of the two allowed ends)
    else:
        assert rule.frequency in Frequency
