"""Requests per key and minute, in windows that every process agrees on."""

from datetime import UTC, datetime, timedelta

from oncue.workspaces.ratelimit import Allowance, MemoryWindow, allowance, minute_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = minute_of(NOON)


def test_the_first_request_beyond_the_limit_is_too_many() -> None:
    reset = int(NOON.timestamp()) + 60

    assert [allowance(used, 2, MINUTE) for used in (1, 2, 3, 4)] == [
        Allowance(limit=2, remaining=1, reset=reset, is_exceeded=False),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=False),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=True),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=True),
    ]


def test_keys_do_not_share() -> None:
    window = MemoryWindow()

    taken = [window.take(key, MINUTE) for key in ("one", "other", "one")]

    assert taken == [1, 1, 2]


def test_a_window_lasts_to_the_end_of_its_minute_and_no_longer() -> None:
    assert minute_of(NOON + timedelta(seconds=59.999)) == MINUTE
    assert minute_of(NOON + timedelta(seconds=60)) == MINUTE + 1
    window = MemoryWindow()
    window.take("key", MINUTE)

    assert window.take("key", MINUTE + 1) == 1


def test_a_window_nobody_uses_any_more_takes_no_room() -> None:
    window = MemoryWindow()
    for number in range(1_000):
        window.take(number, MINUTE)

    window.take("key", MINUTE + 1)

    assert len(window._used) == 1
