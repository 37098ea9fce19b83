"""Columns that mean the same on every database: moments, and the version of a row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.accounts.models import Account
from oncue.db.base import after, later
from oncue.lib.clock import MILLISECOND, to_epoch_ms

MOMENTS = st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("now", "written"),
    [
        (START + timedelta(seconds=1), START + timedelta(seconds=1)),
        (START + MILLISECOND, START + MILLISECOND),
        (START, START + MILLISECOND),
        (START - timedelta(days=1), START + MILLISECOND),
    ],
)
async def test_a_version_grows_with_every_write_whatever_the_clock_does(
    installation: Installation, now: datetime, written: datetime
) -> None:
    mine = Account.id == installation.accounts["MASTODON"].id

    def touch(session: Session) -> None:
        at = later(Account.updated_at, now)
        session.execute(update(Account).where(mine).values(updated_at=at))

    await installation.db.write(touch)

    found = await installation.db.read(
        lambda session: session.scalar(select(Account.updated_at).where(mine))
    )
    assert found == written


@pytest.mark.anyio
async def test_many_writes_in_one_millisecond_give_as_many_versions(
    installation: Installation,
) -> None:
    mine = Account.id == installation.accounts["MASTODON"].id

    def touch(session: Session) -> datetime:
        at = later(Account.updated_at, START)
        changed = update(Account).where(mine).values(updated_at=at).returning(Account.updated_at)
        return session.execute(changed).scalar_one()

    versions = [await installation.db.write(touch) for _ in range(5)]

    assert versions == [START + count * MILLISECOND for count in range(1, 6)]


@given(MOMENTS, MOMENTS)
def test_the_same_for_a_row_in_hand(previous: datetime, now: datetime) -> None:
    found = after(previous, now)

    assert found > previous
    assert found in (now, previous + MILLISECOND)


@pytest.mark.anyio
async def test_a_moment_is_kept_as_milliseconds_and_read_as_utc(installation: Installation) -> None:
    def both(session: Session) -> tuple[datetime | None, int | None]:
        read = session.scalar(select(Account.created_at))
        return read, session.scalar(text("SELECT created_at FROM account"))

    read, kept = await installation.db.read(both)

    assert (read, kept) == (START, to_epoch_ms(START))
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.anyio
async def test_a_time_without_a_zone_never_reaches_the_database(installation: Installation) -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001  (what is refused)

    with pytest.raises(StatementError, match="zone"):
        await installation.db.write(
            lambda session: session.execute(update(Account).values(created_at=naive))
        )
