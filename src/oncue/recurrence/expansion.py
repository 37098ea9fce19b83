"""A rule unrolled into times on a wall clock, day by day, with an end to the search.

No library's rule iterator is used: they look for the next match until the year 9999, and only
a match lets them stop. Here a day is tested for belonging to the rule, by arithmetic from the
anchor, so it costs the same however long ago the rule began, and the search is over after
HORIZON_YEARS whether it found anything or not.
"""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import MAXYEAR, date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from oncue.recurrence.rules import Frequency, Rule, Weekday

HORIZON_YEARS: Final = 50


def wall_times(rule: Rule, anchor: datetime, first: date) -> Iterator[datetime]:
    """The naive local times of the rule from the day `first` on, in order.

    `anchor` is where intervals are counted from and gives what the rule leaves open; the last
    year is HORIZON_YEARS after it.
    """
    rule = _completed(rule, anchor)
    for days, times in _periods(rule, anchor, first):
        for wall in _chosen(rule.positions, days, times):
            if wall.date() >= first:
                yield wall


def _completed(rule: Rule, anchor: datetime) -> Rule:
    """What a rule does not say it has from its anchor (RFC 5545, 3.3.10)."""
    if rule.frequency is not Frequency.HOURLY:
        rule = replace(rule, hours=rule.hours or (anchor.hour,))
    rule = replace(rule, minutes=rule.minutes or (anchor.minute,))
    if rule.weekdays or rule.month_days or rule.year_days:
        return rule
    match rule.frequency:
        case Frequency.YEARLY if rule.week_numbers:
            return replace(rule, weekdays=(Weekday(anchor.weekday()),))
        case Frequency.YEARLY:
            months = rule.months or (anchor.month,)
            return replace(rule, months=months, month_days=(anchor.day,))
        case Frequency.MONTHLY:
            return replace(rule, month_days=(anchor.day,))
        case Frequency.WEEKLY:
            return replace(rule, weekdays=(Weekday(anchor.weekday()),))
        case _:
            return rule


def _periods(
    rule: Rule, anchor: datetime, first: date
) -> Iterator[tuple[Sequence[date], Sequence[time]]]:
    """For each period of the rule's frequency, its days and the times on each of them."""
    days = _days(rule, anchor.date(), _period_start(rule, first))
    if rule.frequency is Frequency.HOURLY:
        for day in days:
            for hour in _hours(rule, anchor, day):
                yield [day], _times([hour], rule.minutes)
    else:
        times = _times(rule.hours, rule.minutes)
        for _, same_period in groupby(days, key=lambda day: _period(rule, day)):
            yield list(same_period), times


def _chosen(
    positions: Sequence[int], days: Sequence[date], times: Sequence[time]
) -> Iterator[datetime]:
    """Every time of every day, or those at the given positions, counted from 1 or back from -1."""
    size = len(days) * len(times)
    named = sorted({at - 1 if at > 0 else size + at for at in positions})
    for index in named if positions else range(size):
        if 0 <= index < size:
            day, at = divmod(index, len(times))
            yield datetime.combine(days[day], times[at])


def _days(rule: Rule, anchor: date, first: date) -> Iterator[date]:
    turn = _period(rule, anchor)
    interval = 1 if rule.frequency is Frequency.HOURLY else rule.interval
    for year, month in _months(first, min(anchor.year + HORIZON_YEARS, MAXYEAR - 1)):
        if rule.months and month not in rule.months:
            continue
        for number in _month_days(rule, calendar.monthrange(year, month)[1]):
            day = date(year, month, number)
            is_its_turn = (_period(rule, day) - turn) % interval == 0
            if day >= first and is_its_turn and _has(rule, day):
                yield day


def _months(first: date, last_year: int) -> Iterator[tuple[int, int]]:
    for index in range(first.year * 12 + first.month - 1, last_year * 12 + 12):
        yield index // 12, index % 12 + 1


def _month_days(rule: Rule, size: int) -> Sequence[int]:
    if not rule.month_days:
        return range(1, size + 1)
    days = {day if day > 0 else size + 1 + day for day in rule.month_days}
    return sorted(day for day in days if 1 <= day <= size)


def _period(rule: Rule, day: date) -> int:
    """A number that is the same for the days of one period and one more in the next."""
    match rule.frequency:
        case Frequency.YEARLY:
            return day.year
        case Frequency.MONTHLY:
            return day.year * 12 + day.month
        case Frequency.WEEKLY:
            return (day.toordinal() - 1 - rule.week_start) // 7
        case Frequency.DAILY | Frequency.HOURLY:
            return day.toordinal()


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


def _has(rule: Rule, day: date) -> bool:
    """Whether the rule's weekdays, days of the year and week numbers include `day`."""
    return (
        (not rule.weekdays or _is_weekday(rule, day))
        and (not rule.year_days or _is_year_day(rule.year_days, day))
        and (not rule.week_numbers or _is_in_week(rule, day))
    )


def _is_weekday(rule: Rule, day: date) -> bool:
    if rule.frequency is Frequency.MONTHLY or rule.months:
        place, size = day.day, calendar.monthrange(day.year, day.month)[1]
    else:
        place, size = day.timetuple().tm_yday, _year_size(day.year)
    names = (None, (place - 1) // 7 + 1, (place - 1 - size) // 7)
    return any(day.weekday() == known.day and known.nth in names for known in rule.weekdays)


def _is_year_day(year_days: Sequence[int], day: date) -> bool:
    place = day.timetuple().tm_yday
    return place in year_days or place - 1 - _year_size(day.year) in year_days


def _is_in_week(rule: Rule, day: date) -> bool:
    """A week belongs to the year that has at least four of its days, so its fourth day's."""
    fourth = _week_start(rule, day) + timedelta(days=3)
    place, size = fourth.timetuple().tm_yday, _year_size(fourth.year)
    number, from_end = (place - 1) // 7 + 1, (place - 1 - size) // 7
    return number in rule.week_numbers or from_end in rule.week_numbers


def _hours(rule: Rule, anchor: datetime, day: date) -> Sequence[int]:
    """The hours of `day` that are a whole number of intervals from the anchor."""
    hours_since = (day - anchor.date()).days * 24 - anchor.hour
    first = -hours_since % rule.interval
    turns = range(first, 24, rule.interval)
    return [hour for hour in turns if not rule.hours or hour in rule.hours]


def _times(hours: Sequence[int], minutes: Sequence[int]) -> Sequence[time]:
    return [time(hour, minute) for hour in sorted(set(hours)) for minute in sorted(set(minutes))]


def _year_size(year: int) -> int:
    return 366 if calendar.isleap(year) else 365
