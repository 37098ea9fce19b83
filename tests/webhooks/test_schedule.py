"""When deliveries are tried again, and when they and their endpoints are given up."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.webhooks.schedule import (
    RETRY_AFTER_AT_MOST,
    WAITS,
    Decision,
    Failing,
    Verdict,
    after_failure,
    decide,
    is_given_up,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def decided(
    status: int | None = 500,
    *,
    attempt: int = 1,
    chance: float = 0.0,
    retry_after: str | None = None,
) -> Decision:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return decide(status, headers, attempt=attempt, now=NOON, chance=chance)


def wait_of(decision: Decision) -> timedelta:
    assert decision.again_at
    return decision.again_at - NOON


def test_a_message_that_never_arrives_is_tried_eight_times_over_27_hours_and_a_half() -> None:
    now, attempts = NOON, [NOON]

    while (decision := decide(500, {}, attempt=len(attempts), now=now, chance=0)).again_at:
        now = decision.again_at
        attempts.append(now)

    assert decision == Decision(verdict=Verdict.EXHAUSTED)
    assert [str(at - NOON) for at in attempts] == [
        "0:00:00",
        "0:00:05",
        "0:05:05",
        "0:35:05",
        "2:35:05",
        "7:35:05",
        "17:35:05",
        "1 day, 3:35:05",
    ]


@given(attempt=st.integers(1, 7), chance=st.floats(0, 1))
def test_chance_makes_a_retry_later_never_earlier_and_within_bounds(
    attempt: int, chance: float
) -> None:
    wait = wait_of(decided(attempt=attempt, chance=chance))

    assert WAITS[attempt] <= wait <= WAITS[attempt] * 1.1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("attempt", [1, 8])
def test_any_2xx_is_a_success(status: int, attempt: int) -> None:
    assert decided(status, attempt=attempt) == Decision(verdict=Verdict.DELIVERED)


@pytest.mark.parametrize(
    "status", [None, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 411, 500, 502]
)
def test_anything_else_is_a_failure_and_tried_again(status: int | None) -> None:
    again = NOON + timedelta(seconds=5)

    assert decided(status) == Decision(verdict=Verdict.RETRY, again_at=again)
    assert decided(status, attempt=8) == Decision(verdict=Verdict.EXHAUSTED)


@pytest.mark.parametrize("attempt", [1, 8])
def test_410_takes_the_endpoint_out_at_once(attempt: int) -> None:
    assert decided(410, attempt=attempt) == Decision(verdict=Verdict.GONE)


@pytest.mark.parametrize("value", ["abort-message", " Abort-Message "])
def test_a_receiver_can_stop_a_message(value: str) -> None:
    headers = {"webhook-delivery": value}

    assert decide(500, headers, attempt=1, now=NOON, chance=0).verdict is Verdict.ABORTED
    assert decide(200, headers, attempt=1, now=NOON, chance=0).verdict is Verdict.DELIVERED


def test_another_word_in_its_place_stops_nothing() -> None:
    headers = {"webhook-delivery": "abort"}

    assert decide(500, headers, attempt=1, now=NOON, chance=0).verdict is Verdict.RETRY


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOON + timedelta(seconds=120), usegmt=True), 120),
        ("Sun, 22 Nov 2026 12:02:00 -0000", 120),
        ("1", 5),  # no sooner than we would have come anyway
        ("0", 5),
        (format_datetime(NOON - timedelta(days=1), usegmt=True), 5),
        ("-5", 5),
        ("soon", 5),
        ("", 5),
        ("36001", 36_000),
        ("999999999", 36_000),
        ("9" * 30, 36_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 36_000),
        ("Fri, 01 Jan 99999999999999999999 00:00:00 GMT", 5),  # no date that there is
        ("Fri, 01 Jan 2027 00:00:00 +99999999999999999999", 5),
    ],
)
def test_retry_after_is_honoured_within_bounds(status: int, retry_after: str, seconds: int) -> None:
    assert wait_of(decided(status, retry_after=retry_after)).total_seconds() == seconds


def test_retry_after_counts_only_from_a_receiver_that_is_busy() -> None:
    assert wait_of(decided(500, retry_after="120")) == timedelta(seconds=5)


def test_retry_after_gives_no_ninth_attempt() -> None:
    assert decided(503, attempt=8, retry_after="5") == Decision(verdict=Verdict.EXHAUSTED)


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ .*"))
def test_whatever_a_receiver_writes_there_is_survived(retry_after: str) -> None:
    wait = wait_of(decided(503, retry_after=retry_after))

    assert timedelta(seconds=5) <= wait <= RETRY_AFTER_AT_MOST


def failures(*hours: float) -> Failing:
    """An endpoint that failed at these hours after noon, and did nothing else."""
    failing = Failing()
    for hour in hours:
        failing = after_failure(failing, NOON + timedelta(hours=hour))
    return failing


def test_the_clock_starts_with_the_third_failure_in_a_day() -> None:
    assert failures(0, 1).since is None
    assert failures(0, 1, 24).since == NOON + timedelta(hours=24)
    assert failures(0, 1, 24.01).since is None
    assert failures(0, 1, 23).since == NOON + timedelta(hours=23)
    assert failures(0, 1, 23, 24).since == NOON + timedelta(hours=23)


def test_failures_far_apart_do_not_start_the_clock() -> None:
    assert failures(0, 25, 50, 75, 100).since is None
    assert failures(0, 1, 25, 26).since is None
    assert failures(0, 1, 25, 26, 27).since == NOON + timedelta(hours=27)


def test_an_endpoint_is_given_up_after_five_days_of_nothing_but_failures() -> None:
    failing = failures(0, 0, 0)

    assert not is_given_up(failing, NOON + timedelta(days=5, seconds=-1))
    assert is_given_up(failing, NOON + timedelta(days=5))


def test_a_pause_between_failures_does_not_stop_the_clock() -> None:
    failing = failures(0, 0, 0, 5 * 24)

    assert failing.since == NOON
    assert is_given_up(failing, NOON + timedelta(days=5))


def test_an_endpoint_that_fails_now_and_then_is_never_given_up() -> None:
    assert not is_given_up(failures(*range(0, 2_000, 25)), NOON + timedelta(days=400))
