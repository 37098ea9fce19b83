"""Time as Oncue keeps it: aware, UTC, whole milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time. Passed in wherever time matters, so that tests never wait."""

MILLISECOND: Final = timedelta(milliseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The wall clock, in whole milliseconds."""
    return to_millisecond(datetime.now(UTC))


def to_millisecond(moment: datetime) -> datetime:
    """`moment` in UTC without what is finer than a millisecond; it must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is nobody's time")
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def to_epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, exactly (no floating point on the way)."""
    return (to_millisecond(moment) - EPOCH) // MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def iso(moment: datetime) -> str:
    """As every answer shows a time: 2026-02-20T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
