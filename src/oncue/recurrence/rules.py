"""Recurrence rules as users write them: the part of iCal's RRULE (RFC 5545, 3.3.10) we keep.

Every part is read against its bounds. What RFC 5545 forbids, what would fire every minute, and
other programs' extensions are refused.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from oncue.lib.zones import UnknownZone, to_utc, zone

T = TypeVar("T")

CHARACTERS: Final = 500
ENTRIES: Final = 8
INTERVALS: Final = range(1, 1001)
COUNTS: Final = range(1, 1001)
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,4}")
DAY: Final = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(DAYS)})")
UNTIL_LAYOUTS: Final = (
    (re.compile(r"[0-9]{8}T[0-9]{6}Z?"), "%Y%m%dT%H%M%S"),
    (re.compile(r"[0-9]{8}"), "%Y%m%d"),
)
EARLIEST: Final = datetime(2, 1, 1)  # noqa: DTZ001  (any zone's clock can still show these two)
LATEST: Final = datetime(9998, 12, 31)  # noqa: DTZ001


@dataclass(eq=False)
class BadRule(Exception):
    """A rule we do not take: `part` is the part's name, "timezone", or "RRULE" for the whole."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"{self.part}: {self.reason}"


class Frequency(StrEnum):
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


F = Frequency  # a short name keeps the tables below tables


@dataclass(frozen=True, slots=True)
class Weekday:
    """0 is Monday. `nth` counts within the month or year, from its end if negative; None: each."""

    day: int
    nth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How often something comes again on the clocks of `zone`. Numbers ascend; none: no limit."""

    zone: ZoneInfo
    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: int = 0
    months: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    local_time: time | None = None

    def with_time(self, local_time: time) -> "Rule":
        """The rule that takes from `local_time` the hour and minute it does not name itself."""
        return replace(self, local_time=local_time.replace(second=0, microsecond=0))


@dataclass(frozen=True, slots=True)
class Numbers:
    """What each number of a list may be."""

    least: int
    most: int
    also_from_end: bool = False

    def allow(self, number: int) -> bool:
        return self.least <= (abs(number) if self.also_from_end else number) <= self.most

    def __str__(self) -> str:
        from_end = f" or -{self.most} to -{self.least}" if self.also_from_end else ""
        return f"{self.least} to {self.most}{from_end}"


NUMBERS: Final[Mapping[str, Numbers]] = {
    "BYMONTH": Numbers(1, 12),
    "BYWEEKNO": Numbers(1, 53, also_from_end=True),
    "BYYEARDAY": Numbers(1, 366, also_from_end=True),
    "BYMONTHDAY": Numbers(1, 31, also_from_end=True),
    "BYHOUR": Numbers(0, 23),
    "BYMINUTE": Numbers(0, 59),
    "BYSETPOS": Numbers(1, 366, also_from_end=True),
}
PARTS: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYSECOND", *NUMBERS)
PERIOD_DAYS: Final[Mapping[Frequency, int]] = {
    F.HOURLY: 1,
    F.DAILY: 1,
    F.WEEKLY: 7,
    F.MONTHLY: 31,
    F.YEARLY: 366,
}
ONLY_WITH: Final[Mapping[str, Sequence[Frequency]]] = {
    "BYWEEKNO": (F.YEARLY,),
    "BYYEARDAY": (F.HOURLY, F.YEARLY),
    "BYMONTHDAY": (F.HOURLY, F.DAILY, F.MONTHLY, F.YEARLY),
}


def parse(text: str, timezone: str) -> Rule:
    """The rule of an RRULE, with or without its prefix, in an IANA zone; raises BadRule."""
    place = _zone(timezone)
    parts = _split(text)
    frequency = _frequency(parts.get("FREQ", ""))
    _check_combination(parts, frequency)
    rule = Rule(
        zone=place,
        frequency=frequency,
        interval=_one_of("INTERVAL", parts.get("INTERVAL", "1"), INTERVALS),
        count=_one_of("COUNT", parts["COUNT"], COUNTS) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], place) if "UNTIL" in parts else None,
        week_start=_week_start(parts.get("WKST", "MO")),
        months=_numbers(parts, "BYMONTH"),
        week_numbers=_numbers(parts, "BYWEEKNO"),
        year_days=_numbers(parts, "BYYEARDAY"),
        month_days=_numbers(parts, "BYMONTHDAY"),
        weekdays=_entries(parts, "BYDAY", _weekday),
        hours=_numbers(parts, "BYHOUR"),
        minutes=_numbers(parts, "BYMINUTE"),
        positions=_numbers(parts, "BYSETPOS"),
    )
    _check_numbered_weekdays(rule)
    _check_positions(rule)
    return rule


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except UnknownZone:
        raise BadRule("timezone", f"{name[:80]!r} is no IANA time zone") from None


def _split(text: str) -> Mapping[str, str]:
    if len(text) > CHARACTERS:
        raise BadRule("RRULE", f"is longer than {CHARACTERS} characters")
    parts: dict[str, str] = {}
    for pair in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = pair.partition("=")
        if name.startswith("DTSTART"):
            raise BadRule("DTSTART", "is not part of a rule: say it with startAt")
        if not equals:
            raise BadRule("RRULE", f"{pair!r} is not NAME=VALUE")
        if name not in PARTS:
            raise BadRule(name, f"is not one of {', '.join(PARTS)}")
        if name in parts:
            raise BadRule(name, "is given twice")
        parts[name] = value
    return parts


def _check_combination(parts: Mapping[str, str], frequency: Frequency) -> None:
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("UNTIL", "cannot be combined with COUNT")
    if parts.get("BYSECOND", "0") not in {"0", "00"}:
        raise BadRule("BYSECOND", "can only be 0: posts go out on whole minutes")
    for name, frequencies in ONLY_WITH.items():
        if name in parts and frequency not in frequencies:
            raise BadRule(name, f"cannot be combined with FREQ={frequency}")
    choosing_from = [name for name in parts if name.startswith("BY") and name != "BYSETPOS"]
    if "BYSETPOS" in parts and not choosing_from:
        raise BadRule("BYSETPOS", "needs another BY part to choose from")


def _check_numbered_weekdays(rule: Rule) -> None:
    numbers = [abs(weekday.nth) for weekday in rule.weekdays if weekday.nth is not None]
    most = 5 if rule.frequency is F.MONTHLY or rule.months else 53
    if numbers and rule.frequency not in {F.MONTHLY, F.YEARLY}:
        raise BadRule("BYDAY", f"cannot number days with FREQ={rule.frequency}")
    if numbers and rule.week_numbers:
        raise BadRule("BYDAY", "cannot number days together with BYWEEKNO")
    if not all(1 <= number <= most for number in numbers):
        raise BadRule("BYDAY", f"can number days from 1 to {most} or -{most} to -1 here")


def _check_positions(rule: Rule) -> None:
    """A position no period can have would be looked for in every one of them."""
    hours = 1 if rule.frequency is F.HOURLY else len(rule.hours) or 1
    most = PERIOD_DAYS[rule.frequency] * hours * (len(rule.minutes) or 1)
    if any(abs(position) > most for position in rule.positions):
        raise BadRule("BYSETPOS", f"can choose from {most} at most here")


def _frequency(value: str) -> Frequency:
    if value not in F.__members__:
        raise BadRule("FREQ", f"{value!r} is not one of {', '.join(F)}")
    return F(value)


def _week_start(value: str) -> int:
    if value not in DAYS:
        raise BadRule("WKST", f"{value!r} is not one of {', '.join(DAYS)}")
    return DAYS.index(value)


def _one_of(name: str, value: str, allowed: range) -> int:
    if not WHOLE_NUMBER.fullmatch(value) or int(value) not in allowed:
        raise BadRule(name, f"{value!r} is not a number from {allowed[0]} to {allowed[-1]}")
    return int(value)


def _until(value: str, place: ZoneInfo) -> datetime:
    """A time with a Z is UTC, one without is local; a date alone is that whole day."""
    layout = next((layout for shape, layout in UNTIL_LAYOUTS if shape.fullmatch(value)), None)
    if layout is None:
        raise BadRule("UNTIL", f"{value!r} is not like 20270131 or 20270131T090000Z")
    try:
        wall = datetime.strptime(value.removesuffix("Z"), layout).replace(second=0)  # noqa: DTZ007
    except ValueError:
        raise BadRule("UNTIL", f"{value!r} is no date and time that exists") from None
    wall = min(max(wall, EARLIEST), LATEST)
    if value.endswith("Z"):
        return wall.replace(tzinfo=UTC)
    return to_utc(wall if "T" in value else wall.replace(hour=23, minute=59), place)


def _numbers(parts: Mapping[str, str], name: str) -> tuple[int, ...]:
    allowed = NUMBERS[name]

    def number(value: str) -> int:
        if not WHOLE_NUMBER.fullmatch(value) or not allowed.allow(int(value)):
            raise BadRule(name, f"{value!r} is not a number from {allowed}")
        return int(value)

    return tuple(sorted(set(_entries(parts, name, number))))


def _weekday(value: str) -> Weekday:
    found = DAY.fullmatch(value)
    if not found:
        raise BadRule("BYDAY", f"{value!r} is not a day like MO, 1MO or -1FR")
    nth, day = found.groups()
    return Weekday(DAYS.index(day), int(nth) if nth else None)


def _entries(parts: Mapping[str, str], name: str, read: Callable[[str], T]) -> tuple[T, ...]:
    values = parts[name].split(",") if name in parts else []
    if len(values) > ENTRIES:
        raise BadRule(name, f"has {len(values)} entries; {ENTRIES} are the most")
    return tuple(read(value) for value in values)
