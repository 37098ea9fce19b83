"""Rules made to keep a server busy are answered after a bounded number of steps."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from oncue.recurrence.expansion import HORIZON_YEARS
from oncue.recurrence.rules import BadRule, parse
from oncue.recurrence.series import Series, missed, next_after, occurrences

START = datetime(2027, 1, 1, 10, 0, tzinfo=UTC)  # a Friday, 05:00 in New York
LATE_IN_A_YEAR = datetime(2027, 12, 31, 22, 0, tzinfo=UTC)
EVERY_DAY = "BYDAY=MO,TU,WE,TH,FR,SA,SU"
EIGHT_HOURS = "BYHOUR=0,1,2,3,4,5,6,7"
EIGHT_MINUTES = "BYMINUTE=0,1,2,3,4,5,6,7"
STEPS_TO_ANSWER = 250_000  # lines of Python: 25 ms where ten million of them run in a second
STEPS_TO_SUM_UP = 1_500_000  # a worker's business, once for a rule after a downtime

FRUITLESS = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20270201",
    "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1000",
    "FREQ=HOURLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=30",
    f"FREQ=HOURLY;{EVERY_DAY};BYYEARDAY=1,2,3,4,5,6,7,8;BYMONTHDAY=9,10,11,12,13,14,15,16",
    "FREQ=HOURLY;INTERVAL=2;BYHOUR=0,2,4,6,8,10,12,14",
    f"FREQ=HOURLY;INTERVAL=24;BYHOUR=6,7,8,9,10,11,12,13;{EIGHT_MINUTES}",
    "FREQ=HOURLY;INTERVAL=168;BYDAY=SA,SU,MO,TU,WE,TH",
    "FREQ=DAILY;INTERVAL=7;BYDAY=SA,SU,MO,TU,WE,TH",
    f"FREQ=DAILY;INTERVAL=7;BYDAY=SA,SU,MO,TU,WE,TH;{EIGHT_HOURS};{EIGHT_MINUTES};BYSETPOS=64",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2,3,4,5,6,7,8,9",
    f"FREQ=MONTHLY;BYDAY=MO;{EIGHT_HOURS};BYSETPOS=248",
    f"FREQ=MONTHLY;BYMONTHDAY=31;{EIGHT_HOURS};{EIGHT_MINUTES};BYSETPOS=366,-366",
    "FREQ=YEARLY;INTERVAL=1000;BYHOUR=4",
    "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=12;BYDAY=MO",
    "FREQ=YEARLY;BYWEEKNO=1,-1,2,-2,3,-3,4,-4;BYYEARDAY=100,101,102,103,104,105,106,107",
    "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1,2,3,4,5,6,7,8",
    "FREQ=YEARLY;BYDAY=53MO,-53MO;BYYEARDAY=180",
]
FRUITFUL = [
    f"FREQ=YEARLY;{EVERY_DAY};{EIGHT_HOURS};{EIGHT_MINUTES}",
    f"FREQ=YEARLY;{EVERY_DAY};{EIGHT_HOURS};{EIGHT_MINUTES};BYSETPOS=366,-366,1,-1",
    f"FREQ=YEARLY;INTERVAL=40;{EVERY_DAY};{EIGHT_HOURS};{EIGHT_MINUTES}",
    f"FREQ=HOURLY;{EIGHT_MINUTES};BYSETPOS=-8",
    "FREQ=HOURLY;INTERVAL=1000;COUNT=1000",
    "FREQ=HOURLY;INTERVAL=999;BYDAY=MO",
    "FREQ=HOURLY;COUNT=1000",
    "FREQ=DAILY;INTERVAL=1000",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
]


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs, whoever wrote them."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    traced_before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(traced_before)
    return steps


def asked(text: str) -> Series:
    return Series(rule=parse(text, "America/New_York"), start_at=START)


@pytest.mark.parametrize("text", FRUITLESS)
def test_a_rule_that_never_comes_round_is_told_to_be_over(text: str) -> None:
    never = asked(text)

    assert next_after(never) is None
    assert steps_of(lambda: next_after(never)) < STEPS_TO_ANSWER


@pytest.mark.parametrize("text", FRUITFUL)
@pytest.mark.parametrize("after", [None, LATE_IN_A_YEAR, START + timedelta(days=365 * 39)])
def test_a_rule_that_makes_us_search_is_answered_soon(text: str, after: datetime | None) -> None:
    sometimes = asked(text)

    assert next_after(sometimes) is not None
    assert steps_of(lambda: next_after(sometimes, after)) < STEPS_TO_ANSWER


@pytest.mark.parametrize("text", FRUITLESS + FRUITFUL)
def test_a_long_downtime_is_summed_up_soon(text: str) -> None:
    rule = asked(text)
    now = START + timedelta(days=365 * 20)

    assert steps_of(lambda: missed(rule, START, now)) < STEPS_TO_SUM_UP


def test_an_old_rule_costs_no_more_than_a_young_one() -> None:
    hourly = asked("FREQ=HOURLY")

    young = steps_of(lambda: next_after(hourly, START + timedelta(days=3)))
    old = steps_of(lambda: next_after(hourly, START + timedelta(days=3 + 10 * 365)))

    assert old < 2 * young


def test_a_rule_is_over_after_its_horizon() -> None:
    found = occurrences(asked("FREQ=YEARLY"), 1000)

    assert len(found) == HORIZON_YEARS + 1


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=1000;BYHOUR=1",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=YEARLY;BYEASTER=" + ",".join(map(str, range(-99, 99))),
        "FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367))),
        "FREQ=DAILY;BYMINUTE=" + ",".join(["0"] * 9),
        "FREQ=HOURLY;BYMINUTE=1,2;BYSETPOS=366",
        "FREQ=DAILY;" * 100_000,
        "9" * 1_000_000,
    ],
)
def test_a_rule_beyond_the_bounds_is_refused_soon(text: str) -> None:
    def ask() -> None:
        with pytest.raises(BadRule):
            parse(text, "UTC")

    assert steps_of(ask) < 10_000
