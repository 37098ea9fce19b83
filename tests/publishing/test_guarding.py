"""The job edge: trouble ends no worker, and does not fill the disk with what it says."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from oncue.errors import Unavailable
from oncue.publishing.guarding import Guard, guard

pytestmark = pytest.mark.anyio

DOWN = Unavailable("It cannot be reached", because="connection refused")
BUG = ZeroDivisionError("ours")


class Act:
    """Something to do that goes as scripted, None being well."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes: Iterator[Exception | None] = iter(outcomes)

    async def __call__(self) -> None:
        outcome = next(self._outcomes)
        if outcome is not None:
            raise outcome


async def test_trouble_is_told_with_its_cause_and_that_it_is_over() -> None:
    act, promoting = Act(DOWN, None, None), Guard(what="promoting")

    with capture_logs() as logged:
        went_well = [await promoting.attempt(act, job="one") for _ in range(3)]

    assert went_well == [False, True, True]
    assert logged == [
        {
            "event": "not_now",
            "log_level": "warning",
            "what": "promoting",
            "reason": "It cannot be reached",
            "because": "connection refused",
            "times": 1,
            "job": "one",
        },
        {"event": "well_again", "log_level": "info", "what": "promoting", "times": 1},
    ]


@pytest.mark.parametrize(("trouble", "event"), [(DOWN, "not_now"), (BUG, "broke")])
async def test_what_stays_wrong_is_told_less_and_less_often(trouble: Exception, event: str) -> None:
    seconds_of_a_night = 8 * 60 * 60
    act, promoting = Act(*[trouble] * seconds_of_a_night, None), Guard(what="promoting")

    with capture_logs() as logged:
        for _ in range(seconds_of_a_night + 1):
            await promoting.attempt(act)

    told = [entry["times"] for entry in logged if entry["event"] == event]
    assert told == [2**n for n in range(15)]
    assert logged[-1] == {
        "event": "well_again",
        "log_level": "info",
        "what": "promoting",
        "times": seconds_of_a_night,
    }


async def test_the_next_trouble_is_told_at_once_again() -> None:
    act, promoting = Act(DOWN, DOWN, DOWN, None, DOWN), Guard(what="promoting")

    with capture_logs() as logged:
        for _ in range(5):
            await promoting.attempt(act)

    assert [(entry["event"], entry["times"]) for entry in logged] == [
        ("not_now", 1),
        ("not_now", 2),
        ("well_again", 3),
        ("not_now", 1),
    ]


async def test_what_is_done_once_is_told_whenever_it_goes_wrong() -> None:
    act = Act(DOWN, DOWN, DOWN, None)

    with capture_logs() as logged:
        went_well = [await guard("publishing", act) for _ in range(4)]

    assert went_well == [False, False, False, True]
    assert [entry["event"] for entry in logged] == ["not_now"] * 3
