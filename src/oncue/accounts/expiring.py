"""A duty: tell of credentials that end soon while somebody can still connect the account again."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from oncue.accounts import standing
from oncue.accounts.models import Account
from oncue.db.database import Database
from oncue.lib.clock import Clock, iso

AHEAD: Final = timedelta(days=7)


async def warn(db: Database, now: Clock) -> datetime | None:
    """Tell of every account that ends within AHEAD; when the next one does. Each end once."""
    ends = await db.read(_next_end)
    if ends is None or ends - AHEAD > now():
        return None if ends is None else ends - AHEAD
    await db.write(lambda session: tell_of(session, now()))
    ends = await db.read(_next_end)
    return None if ends is None else ends - AHEAD


def tell_of(session: Session, now: datetime) -> None:
    """Record `token.expiring` for what ends soon and was not told of."""
    ending = session.scalars(
        update(Account)
        .where(_untold(), Account.reconnect_by <= now + AHEAD)
        .values(told_of=Account.reconnect_by)
        .returning(Account)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    for account in ending:
        assert account.reconnect_by is not None  # chosen by it
        when = iso(account.reconnect_by)
        standing.tell(session, account, "token.expiring", now, expiresAt=when)


def _next_end(session: Session) -> datetime | None:
    return session.scalar(select(func.min(Account.reconnect_by)).where(_untold()))


def _untold() -> ColumnElement[bool]:
    return and_(
        Account.reconnect_by.is_not(None),
        Account.told_of.is_distinct_from(Account.reconnect_by),
        Account.status == "active",
    )
