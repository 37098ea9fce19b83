"""When a delivery is tried again, when it is given up, and when its endpoint is.

As receivers know it from Svix: https://docs.svix.com/retries
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

ANSWER_WITHIN: Final = timedelta(seconds=15)

# How long after the failure before it each attempt is due; the first one is due at once.
WAITS: Final = (
    timedelta(),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
JITTER: Final = 0.1  # of a wait, at most, and always later: never more often than announced
RETRY_AFTER_AT_MOST: Final = timedelta(hours=10)
MOST_DIGITS: Final = 9  # of seconds: already more than that, whatever follows

SEVERAL_FAILURES: Final = 3
SEVERAL_WITHIN: Final = timedelta(hours=24)
DISABLED_AFTER: Final = timedelta(days=5)

GONE: Final = 410
BUSY: Final = frozenset({429, 503})


class Verdict(StrEnum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    EXHAUSTED = "exhausted"  # that was the last attempt
    ABORTED = "aborted"  # the receiver does not want this message
    GONE = "gone"  # the receiver wants no message: disable its endpoint at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict, and with RETRY the time of the next attempt."""

    verdict: Verdict
    again_at: datetime | None = None


def decide(
    status: int | None,
    headers: Mapping[str, str],
    *,
    attempt: int,
    now: datetime,
    chance: float,
) -> Decision:
    """What follows from the answer to the `attempt`-th attempt (from 1), or (None) from none.

    Names of headers are in lower case; `chance` is between 0 and 1 and spreads the retries.
    """
    if status is not None and 200 <= status < 300:
        return Decision(verdict=Verdict.DELIVERED)
    if status == GONE:
        return Decision(verdict=Verdict.GONE)
    if headers.get("webhook-delivery", "").strip().lower() == "abort-message":
        return Decision(verdict=Verdict.ABORTED)
    if attempt >= len(WAITS):
        return Decision(verdict=Verdict.EXHAUSTED)
    wait = WAITS[attempt]
    if status in BUSY:
        wait = max(wait, _asked_for(headers.get("retry-after", ""), now))
    return Decision(verdict=Verdict.RETRY, again_at=now + wait * (1 + JITTER * chance))


def _asked_for(retry_after: str, now: datetime) -> timedelta:
    """How long the receiver asks us to wait, in seconds or until a date; within our bounds."""
    if re.fullmatch(r"[0-9]+", retry_after):
        asked = timedelta(seconds=int(retry_after[:MOST_DIGITS]))
    else:
        try:
            until = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):  # whatever stands there: this runs after the sending
            return timedelta()
        asked = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(asked, RETRY_AFTER_AT_MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How long an endpoint has done nothing but fail. A success makes it `Failing()` again.

    One bad minute is no sign of a dead endpoint: its clock starts, at `since`, with the third
    failure in 24 hours.
    """

    failures: int = 0
    first_at: datetime | None = None
    since: datetime | None = None


def after_failure(failing: Failing, now: datetime) -> Failing:
    """`failing` with one more failure."""
    if failing.first_at is None or now - failing.first_at > SEVERAL_WITHIN:
        failures, first_at = 1, now
    else:
        failures, first_at = failing.failures + 1, failing.first_at
    since = failing.since or (now if failures >= SEVERAL_FAILURES else None)
    return Failing(failures=failures, first_at=first_at, since=since)


def is_given_up(failing: Failing, now: datetime) -> bool:
    """Whether the endpoint is to be disabled for having failed so long."""
    return failing.since is not None and now - failing.since >= DISABLED_AFTER
