"""How an account stands with its network, and telling of it."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue import outbox
from oncue.accounts import credentials
from oncue.accounts.models import Account
from oncue.db.base import later
from oncue.db.database import Topic, announce
from oncue.lib import ids

NEEDS_CONNECTING: Final = ("expired", "revoked")


class Standing(StrEnum):
    """What an account is whose credentials were refused."""

    ENDED = "ended"  # it has to be connected again
    REPLACED = "replaced"  # nothing is known against the credentials it has now
    DISCONNECTED = "disconnected"


def expire(
    session: Session, workspace_id: UUID, account_id: UUID, generation: int, now: datetime
) -> Standing:
    """The network no longer takes the account's credentials of this generation.

    Where these are the ones it has, the account has to be connected again from now on.
    """
    is_theirs = credentials.hold(session, workspace_id, account_id) == generation
    if is_theirs and _expire(session, workspace_id, account_id, now):
        return Standing.ENDED
    mine = (Account.workspace_id == workspace_id, Account.id == account_id)
    status = session.scalar(select(Account.status).where(*mine))
    if status in NEEDS_CONNECTING:
        return Standing.ENDED
    return Standing.DISCONNECTED if status == "disconnected" else Standing.REPLACED


def _expire(session: Session, workspace_id: UUID, account_id: UUID, now: datetime) -> bool:
    """Whether it was connected until now."""
    expired = session.scalar(
        update(Account)
        .where(
            Account.workspace_id == workspace_id,
            Account.id == account_id,
            Account.status.not_in(("disconnected", "expired")),
        )
        .values(status="expired", updated_at=later(Account.updated_at, now))
        .returning(Account)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if expired is None:
        return False
    tell(session, expired, "account.error", now)
    return True


def revive(
    session: Session, workspace_id: UUID, account_id: UUID, generation: int, now: datetime
) -> None:
    """The network takes the account's credentials of this generation after all."""
    if credentials.hold(session, workspace_id, account_id) != generation:
        return
    revived = session.scalar(
        update(Account)
        .where(
            Account.workspace_id == workspace_id,
            Account.id == account_id,
            Account.status == "expired",
        )
        .values(status="active", updated_at=later(Account.updated_at, now))
        .returning(Account)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if revived is not None:
        tell(session, revived, "account.connected", now)
        announce(session, Topic.ERRAND)  # posts may have waited for it


def tell(session: Session, account: Account, type_: str, now: datetime, **more: str) -> None:
    """Record what happened to an account, for webhooks."""
    data = {
        "id": ids.to_typeid("acc", account.id),
        "platform": account.platform.lower(),
        "username": account.username,
        "displayName": account.display_name,
        "status": account.status,
        **more,
    }
    outbox.record(session, account.workspace_id, None, type_, now, data)
