"""What a wall clock's time means, above all on the days clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.lib.zones import UnknownZone, to_utc, zone

PLACES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]
).map(ZoneInfo)
WALLS = st.datetimes(datetime(2010, 1, 1), datetime(2060, 1, 1)).map(  # noqa: DTZ001
    lambda wall: wall.replace(second=0, microsecond=0)
)


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Asia/Kathmandu", "EST5EDT"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "Mars/Olympus", "America", "europe/berlin", "UTC+2", "+02:00", " UTC"),
        *("../etc/passwd", "/etc/localtime", "localtime", "Factory", "right/UTC", "U\0C"),
        "A" * 5000,
    ],
)
def test_anything_else_is_no_zone(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


@pytest.mark.parametrize(
    ("place", "wall", "utc"),
    [
        ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59"),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T02:59", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T03:01", "2026-03-08T07:01"),
        ("America/New_York", "2026-11-01T00:59", "2026-11-01T04:59"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45"),
        ("Asia/Kathmandu", "2027-01-01T05:45", "2027-01-01T00:00"),
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2027-01-01T09:00", "2026-12-31T20:00"),
    ],
)
def test_a_skipped_time_is_the_end_of_the_gap_and_a_repeated_one_its_first_showing(
    place: str, wall: str, utc: str
) -> None:
    moment = to_utc(datetime.fromisoformat(wall), ZoneInfo(place))

    assert moment == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(WALLS, WALLS, PLACES)
def test_a_later_wall_time_is_never_an_earlier_instant(
    one: datetime, other: datetime, place: ZoneInfo
) -> None:
    earlier, later = sorted([one, other])

    assert to_utc(earlier, place) <= to_utc(later, place)


@given(WALLS, PLACES)
def test_an_instant_is_shown_as_the_wall_time_or_later_by_no_more_than_the_gap(
    wall: datetime, place: ZoneInfo
) -> None:
    shown = to_utc(wall, place).astimezone(place).replace(tzinfo=None)

    assert shown >= wall
    assert (shown - wall).days <= 1
