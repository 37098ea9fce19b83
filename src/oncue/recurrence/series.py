"""The instants at which a rule comes round, in UTC."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice, takewhile
from typing import Final

from oncue.lib.zones import to_utc
from oncue.recurrence.expansion import wall_times
from oncue.recurrence.rules import Rule

COUNTED_AT_MOST: Final = 1000
EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 9900  # beyond, local time would run out of years


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A rule and where it starts, without the occurrences that were taken out."""

    rule: Rule
    start_at: datetime
    exdates: Set[datetime] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Occurrences nobody was there for; a `count` of COUNTED_AT_MOST means so many or more."""

    count: int
    last: datetime


def upcoming(series: Series, after: datetime | None = None) -> Iterator[datetime]:
    """The occurrences after `after`, or from the start on, in order.

    A local time that clocks skip becomes the first minute after the gap, one they show twice is
    the first of the two, and occurrences that so meet are one.
    """
    begin = series.start_at if after is None else max(after, series.start_at)
    for moment in _moments(series, begin):
        if (after is None or moment > after) and moment not in series.exdates:
            yield moment


def occurrences(series: Series, count: int, after: datetime | None = None) -> list[datetime]:
    """The first `count` of the upcoming ones; fewer when the rule ends."""
    return list(islice(upcoming(series, after), count))


def next_after(series: Series, after: datetime | None = None) -> datetime | None:
    """The first of the upcoming ones; None when the rule has ended."""
    return next(upcoming(series, after), None)


def missed(series: Series, since: datetime | None, now: datetime) -> Missed | None:
    """What lies after `since` (or the start) up to and with `now`; None when nothing does."""
    found = list(islice(_between(series, since, now), COUNTED_AT_MOST))
    if not found:
        return None
    return Missed(count=len(found), last=_last(series, found, now))


def _last(series: Series, found: Sequence[datetime], now: datetime) -> datetime:
    """The last one up to `now`. A dense rule is not walked through: we look back from the end."""
    if len(found) < COUNTED_AT_MOST:
        return found[-1]
    window = timedelta(days=1)
    while now - window > found[-1]:
        if latest := list(_between(series, now - window, now)):
            return latest[-1]
        window *= 2
    return max(_between(series, found[-1], now), default=found[-1])


def _between(series: Series, after: datetime | None, last: datetime) -> Iterator[datetime]:
    return takewhile(lambda moment: moment <= last, upcoming(series, after))


def _moments(series: Series, begin: datetime) -> Iterator[datetime]:
    """Every occurrence from the day of `begin` on; a rule that counts is counted from its start."""
    rule, start = series.rule, series.start_at
    if start.year < EARLIEST_YEAR or begin.year > LATEST_YEAR:
        return iter(())
    first = start if rule.count is not None else begin
    local_start = start.astimezone(rule.zone).replace(tzinfo=None)
    anchor = datetime.combine(local_start.date(), rule.local_time or local_start.time())
    walls = wall_times(rule, anchor, first.astimezone(rule.zone).date())
    moments = (moment for moment, _ in groupby(to_utc(wall, rule.zone) for wall in walls))
    counted = islice((moment for moment in moments if moment >= start), rule.count)
    until = rule.until
    return counted if until is None else takewhile(lambda moment: moment <= until, counted)
