"""Weekly slots: what is taken, and the instants they stand for."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncue.queue.slots import (
    DAYS,
    HORIZON_WEEKS,
    BadSlots,
    Slot,
    Slots,
    free,
    parse,
    upcoming,
    written,
)

ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]
MONDAY = datetime(2027, 1, 4, tzinfo=UTC)


class EverySlot:
    def __contains__(self, slot: object) -> bool:
        return True


def daily(at: str) -> list[dict[str, str]]:
    return [{"day": day, "time": at} for day in DAYS]


def first(count: int, slots: Slots, after: datetime) -> list[datetime]:
    return list(islice(upcoming(slots, after), count))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_slots_are_kept_in_the_order_of_the_week() -> None:
    slots = parse(
        "America/New_York",
        [
            {"day": "SU", "time": "23:59"},
            {"day": "MO", "time": "09:00"},
            {"day": "MO", "time": "00:00"},
        ],
    )

    assert slots == Slots(
        ZoneInfo("America/New_York"),
        (Slot(0, time(0)), Slot(0, time(9)), Slot(6, time(23, 59))),
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"day": "MON", "time": "09:00"}, "slots[1].day: 'MON' is not one of MO, TU, WE, TH, FR"),
        ({"day": "mo", "time": "09:00"}, "slots[1].day: 'mo' is not one of"),
        ({"day": 1, "time": "09:00"}, "slots[1].day: 1 is not one of"),
        ({"day": ["MO"], "time": "09:00"}, "slots[1].day: ['MO'] is not one of"),
        ({"time": "09:00"}, "slots[1].day: None is not one of"),
        ({"day": "MO"}, "slots[1].time: None is not a time from 00:00 to 23:59"),
        ({"day": "MO", "time": "9:00"}, "slots[1].time: '9:00' is not a time"),
        ({"day": "MO", "time": "24:00"}, "slots[1].time: '24:00' is not a time"),
        ({"day": "MO", "time": "09:60"}, "slots[1].time: '09:60' is not a time"),
        ({"day": "MO", "time": "09:00:00"}, "slots[1].time: '09:00:00' is not a time"),
        ({"day": "MO", "time": "09:00Z"}, "slots[1].time: '09:00Z' is not a time"),
        ({"day": "MO", "time": "٠٩:00"}, "slots[1].time: '٠٩:00' is not a time"),
        ({"day": "MO", "time": 900}, "slots[1].time: 900 is not a time"),
        ({"day": "TU", "time": "09:00"}, "slots[1]: TU 09:00 is there twice"),
    ],
)
def test_a_slot_is_refused_by_its_index_and_value(given: dict[str, object], words: str) -> None:
    with pytest.raises(BadSlots) as refused:
        parse("UTC", [{"day": "TU", "time": "09:00"}, given])

    assert str(refused.value).startswith(words)


def test_two_hundred_slots_are_the_most() -> None:
    slots = [
        {"day": day, "time": f"{hour:02}:{minute:02}"}
        for day in DAYS
        for hour in range(24)
        for minute in (0, 30)
    ]

    assert len(parse("UTC", slots[:200]).weekly) == 200
    with pytest.raises(BadSlots, match="slots: has 201 entries; 200 are the most"):
        parse("UTC", slots[:201])


def test_slots_need_a_zone_that_exists() -> None:
    with pytest.raises(BadSlots, match="timezone: 'Mars/Olympus' is no IANA time zone"):
        parse("Mars/Olympus", [])


def test_the_next_slots_come_in_order_and_strictly_after() -> None:
    slots = parse(
        "America/New_York", [{"day": "MO", "time": "09:00"}, {"day": "WE", "time": "18:00"}]
    )

    assert first(3, slots, utc("2027-01-04T14:00")) == [
        utc("2027-01-06T23:00"),
        utc("2027-01-11T14:00"),
        utc("2027-01-13T23:00"),
    ]
    assert first(1, slots, utc("2027-01-04T13:59:59.999")) == [utc("2027-01-04T14:00")]


def test_slots_are_written_as_they_are_read() -> None:
    given = [{"day": "MO", "time": "00:05"}, {"day": "SU", "time": "23:59"}]

    assert written(parse("UTC", given)) == given


def test_no_slots_have_no_next() -> None:
    nothing = parse("UTC", [])

    assert list(free(nothing, MONDAY, set())) == []


@pytest.mark.parametrize(
    ("zone", "at", "after", "expected"),
    [
        (
            "America/New_York",
            "02:30",
            "2026-03-07T07:00",
            ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"],
        ),
        (
            "America/New_York",
            "01:30",
            "2026-10-31T05:00",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
        ),
        (
            "Europe/Berlin",
            "02:30",
            "2027-03-27T01:00",
            ["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30"],
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-02T15:00",
            ["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"],
        ),
        (
            "Asia/Kathmandu",
            "09:00",
            "2027-03-27T00:00",
            ["2027-03-27T03:15", "2027-03-28T03:15", "2027-03-29T03:15"],
        ),
        (
            "Pacific/Apia",
            "10:00",
            "2011-12-29T10:00",
            ["2011-12-29T20:00", "2011-12-30T10:00", "2011-12-30T20:00"],
        ),
    ],
)
def test_a_day_with_a_clock_change_has_its_slot_once(
    zone: str, at: str, after: str, expected: list[str]
) -> None:
    slots = parse(zone, daily(at))

    assert first(3, slots, utc(after)) == [utc(moment) for moment in expected]


def test_asking_between_the_two_showings_of_a_slot_does_not_give_it_again() -> None:
    slots = parse("America/New_York", daily("01:30"))
    between = utc("2026-11-01T06:00")

    assert first(1, slots, between) == [utc("2026-11-02T06:30")]


def test_slots_that_meet_at_the_end_of_a_gap_are_one() -> None:
    slots = parse("America/New_York", [*daily("02:00"), *daily("02:30"), *daily("03:00")])

    assert first(4, slots, utc("2026-03-08T06:59")) == [
        utc("2026-03-08T07:00"),
        utc("2026-03-09T06:00"),
        utc("2026-03-09T06:30"),
        utc("2026-03-09T07:00"),
    ]


def test_the_next_free_slot_is_the_first_that_is_not_taken() -> None:
    slots = parse("UTC", daily("09:00"))
    taken = {utc("2027-01-04T09:00"), utc("2027-01-05T09:00"), utc("2027-01-07T09:00")}

    assert next(free(slots, MONDAY, taken)) == utc("2027-01-06T09:00")


def test_a_queue_that_is_full_as_far_as_it_reaches_has_no_free_slot() -> None:
    slots = parse("UTC", daily("09:00"))

    assert list(free(slots, MONDAY, EverySlot())) == []
    assert list(upcoming(slots, MONDAY))[-1] == MONDAY + timedelta(weeks=HORIZON_WEEKS, hours=9)


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sets(st.tuples(st.sampled_from(DAYS), st.times()), min_size=1, max_size=12),
    st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_upcoming_slots_ascend_and_are_shown_by_the_local_clock(
    zone: str, chosen: set[tuple[str, time]], after: datetime
) -> None:
    given_slots = {(day, at.strftime("%H:%M")) for day, at in chosen}
    slots = parse(zone, [{"day": day, "time": at} for day, at in given_slots])

    moments = [after, *first(20, slots, after)]
    shown = [moment.astimezone(slots.zone) for moment in moments[1:]]

    assert all(one < other for one, other in pairwise(moments))
    assert len(shown) == 20
    in_a_gap = [at for at in shown if (DAYS[at.weekday()], f"{at:%H:%M}") not in given_slots]
    assert len(in_a_gap) <= 2  # a gap is once in half a year, twenty slots within months
