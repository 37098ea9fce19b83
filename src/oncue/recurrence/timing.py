"""The times of a rule as it is kept: pure functions of its row."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final

from oncue.errors import Invalid, Issue
from oncue.lib.clock import MILLISECOND, iso
from oncue.recurrence.models import Recurrence
from oncue.recurrence.rules import BadRule, Rule, parse
from oncue.recurrence.series import Series, upcoming

LAST_YEAR: Final = 9998  # whose end the clocks of every zone can still show


def read_rule(text: str, timezone: str) -> Rule:
    """The rule as it was written; raises Invalid naming the field and the part of it."""
    try:
        return parse(text, timezone)
    except BadRule as wrong:
        field = "timezone" if wrong.part == "timezone" else "recurrenceRule"
        issue = Issue(field=field, message=str(wrong), facts={"part": wrong.part})
        raise Invalid([issue]) from None


def series_of(row: Recurrence) -> Series:
    """Every time of the rule, those that are left out too; raises Invalid.

    What the rule does not say of hour and minute is the anchor's, on the clocks of its zone.
    """
    rule = read_rule(row.rule, row.timezone)
    anchor = row.anchor.replace(year=min(row.anchor.year, LAST_YEAR))
    local_time = anchor.astimezone(rule.zone).time()
    return Series(rule=rule.with_time(local_time), start_at=row.start_at)


def left_out(row: Recurrence) -> frozenset[datetime]:
    """The times that the rule does not run at."""
    return frozenset(datetime.fromisoformat(text) for text in row.exdates)


def written(exdates: Sequence[datetime] | frozenset[datetime]) -> list[str]:
    """Such times as a row keeps them: each once, in order."""
    return [iso(moment) for moment in sorted(set(exdates))]


def is_used_up(row: Recurrence, more: int = 0) -> bool:
    """Whether the rule, with so many `more`, has made all the posts it may make (V277)."""
    most = row.max_occurrences
    return most is not None and row.occurrence_count + more >= most


def coming(row: Recurrence, now: datetime) -> Iterator[datetime]:
    """The times the rule will run at, in order; of a paused one, as if it were resumed now."""
    series = replace(series_of(row), exdates=left_out(row))
    begin = now if row.next_run_at is None else row.next_run_at
    left = None
    if row.max_occurrences is not None:
        left = max(row.max_occurrences - row.occurrence_count, 0)
    return islice(upcoming(series, begin - MILLISECOND), left)


def next_run(row: Recurrence) -> datetime | None:
    """When the rule runs next; None where it does not, or is paused."""
    if row.next_run_at is None or not row.exdates:
        return row.next_run_at
    return next(coming(row, row.next_run_at), None)
