"""Weekly posting slots on the clocks of one time zone, and the instants they stand for."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from oncue.lib.zones import UnknownZone, to_utc, zone

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
SLOTS: Final = 200
HORIZON_WEEKS: Final = 260  # a queue reaches five years ahead, then it is full


@dataclass(eq=False)
class BadSlots(Exception):
    """Slots we do not take: `where` is "timezone", "slots" or one of them, like "slots[3].time"."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """0 is Monday; the time is local and on a whole minute."""

    day: int
    time: time


@dataclass(frozen=True, slots=True)
class Slots:
    zone: ZoneInfo
    weekly: tuple[Slot, ...]


def parse(timezone: str, slots: Sequence[Mapping[str, object]]) -> Slots:
    """Slots like {"day": "MO", "time": "09:00"}, sorted; none at all is fine; raises BadSlots."""
    try:
        place = zone(timezone)
    except UnknownZone:
        raise BadSlots("timezone", f"{timezone[:80]!r} is no IANA time zone") from None
    if len(slots) > SLOTS:
        raise BadSlots("slots", f"has {len(slots)} entries; {SLOTS} are the most")
    weekly: list[Slot] = []
    for index, given in enumerate(slots):
        slot = _slot(f"slots[{index}]", given)
        if slot in weekly:
            raise BadSlots(f"slots[{index}]", f"{given['day']} {given['time']} is there twice")
        weekly.append(slot)
    return Slots(place, tuple(sorted(weekly)))


def upcoming(slots: Slots, after: datetime) -> Iterator[datetime]:
    """The slots after `after`, in UTC and in order, HORIZON_WEEKS far.

    A local time that clocks skip becomes the first minute after the gap, one they show twice is
    the first of the two, and slots that so meet are one.
    """
    moments = (to_utc(wall, slots.zone) for wall in _walls(slots, after))
    return (moment for moment, _ in groupby(moments) if moment > after)


def free(slots: Slots, after: datetime, taken: Container[datetime]) -> Iterator[datetime]:
    """The upcoming slots that are not `taken`."""
    return (moment for moment in upcoming(slots, after) if moment not in taken)


def written(slots: Slots) -> list[dict[str, str]]:
    """The week's slots as `parse` reads them."""
    return [{"day": DAYS[slot.day], "time": f"{slot.time:%H:%M}"} for slot in slots.weekly]


def _walls(slots: Slots, after: datetime) -> Iterator[datetime]:
    today = after.astimezone(slots.zone).date()
    for days in range(HORIZON_WEEKS * 7 + 1):
        day = today + timedelta(days=days)
        for slot in slots.weekly:
            if slot.day == day.weekday():
                yield datetime.combine(day, slot.time)


def _slot(where: str, given: Mapping[str, object]) -> Slot:
    day, at = given.get("day"), given.get("time")
    if day not in DAYS:
        raise BadSlots(f"{where}.day", f"{day!r} is not one of {', '.join(DAYS)}")
    if not isinstance(at, str) or not TIME.fullmatch(at):
        raise BadSlots(f"{where}.time", f"{at!r} is not a time from 00:00 to 23:59")
    return Slot(DAYS.index(day), time.fromisoformat(at))
