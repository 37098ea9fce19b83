"""Time is aware, UTC and in whole milliseconds, wherever it comes from."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.lib.clock import from_epoch_ms, iso, to_epoch_ms, to_millisecond, utc_now

MOMENTS = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  (Hypothesis adds the zone)
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.timezones(),
)


def test_the_wall_clock_is_aware_and_in_whole_milliseconds() -> None:
    now = utc_now()

    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_what_is_finer_than_a_millisecond_is_cut_off_and_never_rounded_up() -> None:
    moment = datetime(2026, 2, 20, 23, 59, 59, 999_999, tzinfo=UTC)

    assert to_millisecond(moment) == datetime(2026, 2, 20, 23, 59, 59, 999_000, tzinfo=UTC)


def test_another_zone_becomes_utc() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))

    moment = to_millisecond(datetime(2026, 2, 20, 5, 45, tzinfo=kathmandu))

    assert (moment, moment.tzinfo) == (datetime(2026, 2, 20, tzinfo=UTC), UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 2, 20, 10, 0)  # noqa: DTZ001  (what is refused)

    with pytest.raises(ValueError, match="zone"):
        to_millisecond(naive)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 2, 20, 10, tzinfo=UTC), "2026-02-20T10:00:00.000Z"),
        (datetime(2026, 2, 20, 10, 0, 0, 7_000, tzinfo=UTC), "2026-02-20T10:00:00.007Z"),
        (
            datetime(2026, 2, 20, 1, tzinfo=timezone(timedelta(hours=-9))),
            "2026-02-20T10:00:00.000Z",
        ),
    ],
)
def test_every_answer_shows_a_time_in_one_form(moment: datetime, shown: str) -> None:
    assert iso(moment) == shown


@given(MOMENTS)
def test_milliseconds_since_1970_keep_a_moment_exactly(moment: datetime) -> None:
    kept = to_millisecond(moment)

    assert from_epoch_ms(to_epoch_ms(moment)) == kept
    assert timedelta(0) <= moment - kept < timedelta(milliseconds=1)


@given(MOMENTS)
def test_what_is_shown_reads_back_as_the_same_moment(moment: datetime) -> None:
    assert datetime.fromisoformat(iso(to_millisecond(moment))) == to_millisecond(moment)
