"""Local time: IANA zones, and what a wall clock's time means on the days clocks change."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

MINUTE: Final = timedelta(minutes=1)
NOT_A_PLACE: Final = {
    "Factory",
    "localtime",
}  # listed among the zones; they mean "unset" and "here"


class UnknownZone(Exception):
    """No IANA time zone has this name."""


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, in its own spelling; raises UnknownZone."""
    if name not in _names():
        raise UnknownZone(name)
    return ZoneInfo(name)


def to_utc(wall: datetime, place: ZoneInfo) -> datetime:
    """The instant at which a clock at `place` shows `wall`, which is naive and on a whole minute.

    A time that clocks skip is the first minute after the gap; one they show twice is the first
    of the two. So a later wall time is never an earlier instant.
    """
    moment = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if moment.astimezone(place).replace(tzinfo=None) == wall:
        return moment
    return _end_of_gap(wall, place)


def _end_of_gap(wall: datetime, place: ZoneInfo) -> datetime:
    """Read with the offset after the gap, a skipped time is before it, and the other way round."""
    before = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    minutes = range((after - before) // MINUTE)
    new_offset = after.astimezone(place).utcoffset()

    def is_over(minute: int) -> bool:
        return (before + minute * MINUTE).astimezone(place).utcoffset() == new_offset

    return before + bisect_left(minutes, x=True, key=is_over) * MINUTE


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_A_PLACE)
