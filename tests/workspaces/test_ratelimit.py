"""Requests per key and minute, in windows that every process agrees on."""

from oncue.workspaces.ratelimit import Allowance, RateLimiter

MINUTE = 1_795_000_020.0  # the beginning of one


def test_each_request_takes_one_and_the_first_beyond_the_limit_is_too_many() -> None:
    limiter = RateLimiter()

    taken = [limiter.take("key", 2, MINUTE + 10) for _ in range(4)]

    reset = int(MINUTE) + 60
    assert taken == [
        Allowance(limit=2, remaining=1, reset=reset, is_exceeded=False),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=False),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=True),
        Allowance(limit=2, remaining=0, reset=reset, is_exceeded=True),
    ]


def test_keys_do_not_share() -> None:
    limiter = RateLimiter()
    limiter.take("one", 1, MINUTE)

    assert not limiter.take("other", 1, MINUTE).is_exceeded
    assert limiter.take("one", 1, MINUTE).is_exceeded


def test_a_window_lasts_to_the_end_of_its_minute_and_no_longer() -> None:
    limiter = RateLimiter()
    limiter.take("key", 1, MINUTE)

    assert limiter.take("key", 1, MINUTE + 59.999).is_exceeded

    fresh = limiter.take("key", 1, MINUTE + 60)
    assert (fresh.remaining, fresh.reset, fresh.is_exceeded) == (0, int(MINUTE) + 120, False)


def test_a_window_nobody_uses_any_more_takes_no_room() -> None:
    limiter = RateLimiter()
    for number in range(1_000):
        limiter.take(number, 1, MINUTE)

    limiter.take("key", 1, MINUTE + 60)

    assert len(limiter._used) == 1


def test_a_process_that_starts_within_a_minute_ends_its_window_with_the_others() -> None:
    early, late = RateLimiter(), RateLimiter()

    assert early.take("key", 5, MINUTE).reset == late.take("key", 5, MINUTE + 59).reset
