"""A rule unrolled into times on a wall clock, with an end to the search.

python-dateutil's iterator looks for the next match until the year 9999 and only a match lets it
stop: `FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30` keeps it busy for 18 seconds, UNTIL or not. Here the
days that belong to a rule are worked out year by year from the anchor, so a rule's age costs
nothing, and after HORIZON_YEARS the rule is over, whether it ever matched or not.
"""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import chain, groupby
from math import gcd
from typing import Final, TypeVar

from oncue.recurrence.rules import Frequency, Rule, Weekday

T = TypeVar("T")

HORIZON_YEARS: Final = 40  # as long as 29 February may take to be a Monday again


def wall_times(rule: Rule, anchor: datetime, first: date) -> Iterator[datetime]:
    """The naive local times of the rule in order, from the day `first` on or a little earlier.

    Intervals are counted from `anchor`, which also gives what the rule leaves open; the year
    HORIZON_YEARS after it is the last. BYSETPOS needs the whole of the period that `first` is in.
    """
    rule = _completed(rule, anchor)
    begin = _period_start(rule, first) if rule.positions else first
    years = range(begin.year, anchor.year + HORIZON_YEARS + 1)
    in_years = chain.from_iterable(_days(rule, anchor.date(), year) for year in years)
    for days, times in _periods(rule, anchor, (day for day in in_years if day >= begin)):
        yield from _chosen(rule.positions, days, times)


def _completed(rule: Rule, anchor: datetime) -> Rule:
    """What a rule leaves open it has from its anchor (RFC 5545, 3.3.10)."""
    if rule.frequency is not Frequency.HOURLY:
        rule = replace(rule, hours=rule.hours or (anchor.hour,))
    rule = replace(rule, minutes=rule.minutes or (anchor.minute,))
    if rule.weekdays or rule.month_days or rule.year_days:
        return rule
    if rule.frequency is Frequency.WEEKLY or rule.week_numbers:
        return replace(rule, weekdays=(Weekday(anchor.weekday()),))
    if rule.frequency is Frequency.YEARLY:
        rule = replace(rule, months=rule.months or (anchor.month,))
    if rule.frequency in {Frequency.YEARLY, Frequency.MONTHLY}:
        rule = replace(rule, month_days=(anchor.day,))
    return rule


def _periods(
    rule: Rule, anchor: datetime, days: Iterable[date]
) -> Iterator[tuple[Sequence[date], Sequence[time]]]:
    """The days of each period that is not empty, and the times on every one of them."""
    if rule.frequency is Frequency.HOURLY:
        for moment in _hours(rule, anchor, days):
            yield [moment.date()], _times([moment.hour], rule.minutes)
    else:
        times = _times(rule.hours, rule.minutes)
        for _, together in groupby(days, key=lambda day: _period_start(rule, day)):
            yield list(together), times


def _chosen(
    positions: Sequence[int], days: Sequence[date], times: Sequence[time]
) -> Iterator[datetime]:
    everything = range(len(days) * len(times))
    for index in sorted(set(_named(everything, positions))) if positions else everything:
        day, at = divmod(index, len(times))
        yield datetime.combine(days[day], times[at])


def _period_start(rule: Rule, day: date) -> date:
    match rule.frequency:
        case Frequency.YEARLY:
            return day.replace(month=1, day=1)
        case Frequency.MONTHLY:
            return day.replace(day=1)
        case Frequency.WEEKLY:
            return _week_start(rule, day)
        case Frequency.DAILY | Frequency.HOURLY:
            return day


def _week_start(rule: Rule, day: date) -> date:
    return day - timedelta(days=(day.weekday() - rule.week_start) % 7)


def _days(rule: Rule, anchor: date, year: int) -> Sequence[date]:
    """The days of `year` that all parts of the rule agree on (as ordinals until the end)."""
    months = [_month(year, month) for month in _months(rule, anchor, year)]
    days = set(chain.from_iterable(months))
    if rule.month_days:
        days &= set(chain.from_iterable(_named(month, rule.month_days) for month in months))
    if rule.year_days:
        days &= set(_named(_year(year), rule.year_days))
    if rule.week_numbers:
        days &= set(_days_of_weeks(rule, year))
    if rule.weekdays:
        by_month = rule.frequency is Frequency.MONTHLY or rule.months
        spans = months if by_month else [_year(year)]
        days &= {day for span in spans for known in rule.weekdays for day in _on(known, span)}
    return [date.fromordinal(day) for day in sorted(_in_turn(rule, anchor, days))]


def _months(rule: Rule, anchor: date, year: int) -> Sequence[int]:
    """The months of `year` that the rule names and that, in their turn, intervals reach."""
    months = rule.months or range(1, 13)
    match rule.frequency:
        case Frequency.YEARLY if (year - anchor.year) % rule.interval:
            return []
        case Frequency.MONTHLY:
            since = (year - anchor.year) * 12 - anchor.month
            return [month for month in months if (since + month) % rule.interval == 0]
        case _:
            return months


def _in_turn(rule: Rule, anchor: date, days: Iterable[int]) -> Iterable[int]:
    match rule.frequency:
        case Frequency.DAILY:
            start = anchor.toordinal()
            return [day for day in days if (day - start) % rule.interval == 0]
        case Frequency.WEEKLY:
            start = _week_start(rule, anchor).toordinal()
            return [day for day in days if (day - start) // 7 % rule.interval == 0]
        case _:
            return days


def _on(known: Weekday, span: range) -> Sequence[int]:
    """The days of `span` on that weekday: each, or only the nth. Ordinal 1 was a Monday."""
    same = span[(known.day + 1 - span[0]) % 7 :: 7]
    return same if known.nth is None else list(_named(same, [known.nth]))


def _days_of_weeks(rule: Rule, year: int) -> Iterator[int]:
    """The days of the numbered weeks; the first and last may lie partly in a neighbour year."""
    for owner in (year - 1, year, year + 1):
        first, end = _first_week(rule, owner), _first_week(rule, owner + 1)
        weeks = [range(start, start + 7) for start in range(first, end, 7)]
        yield from chain.from_iterable(_named(weeks, rule.week_numbers))


def _first_week(rule: Rule, year: int) -> int:
    """The first week has at least four days of the year, so 4 January is in it."""
    return _week_start(rule, date(year, 1, 4)).toordinal()


def _hours(rule: Rule, anchor: datetime, days: Iterable[date]) -> Iterator[datetime]:
    """The hours of `days` in turn. Those no turn ever falls on are left out before the search."""
    shared = gcd(rule.interval, 24)
    named = rule.hours or range(24)
    hours = [hour for hour in named if (hour - anchor.hour) % shared == 0]
    start = anchor.toordinal() * 24 + anchor.hour
    for day in days if hours else ():
        since = day.toordinal() * 24 - start
        for hour in hours:
            if (since + hour) % rule.interval == 0:
                yield datetime.combine(day, time(hour))


def _times(hours: Sequence[int], minutes: Sequence[int]) -> Sequence[time]:
    return [time(hour, minute) for hour in hours for minute in minutes]


def _named(things: Sequence[T], places: Iterable[int]) -> Iterator[T]:
    """The things at these places, counted from 1, or from the end by -1; others are not there."""
    for place in places:
        if 1 <= abs(place) <= len(things):
            yield things[place - 1 if place > 0 else place]


def _month(year: int, month: int) -> range:
    start = date(year, month, 1).toordinal()
    return range(start, start + calendar.monthrange(year, month)[1])


def _year(year: int) -> range:
    return range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
