"""Accounts as they are read: one, many, and by their numbers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.errors import NotFound
from oncue.lib import ids


def get(session: Session, workspace_id: UUID, account_id: UUID) -> Account:
    account = session.scalar(
        select(Account)
        .where(Account.workspace_id == workspace_id, Account.id == account_id)
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise NotFound("account", ids.to_typeid("acc", account_id))
    return account


def by_number(session: Session, workspace_id: UUID, numbers: Collection[int]) -> Mapping[int, UUID]:
    """The ids of the workspace's accounts that have these numbers; others are left out."""
    if not numbers:
        return {}
    rows = session.execute(
        select(Account.number, Account.id).where(
            Account.workspace_id == workspace_id, Account.number.in_(numbers)
        )
    )
    return {row.number: row.id for row in rows}


def list_page(
    session: Session,
    workspace_id: UUID,
    *,
    limit: int | None,
    after: tuple[datetime, UUID] | None = None,
    platform: str | None = None,
    statuses: Sequence[str] = (),
) -> Sequence[Account]:
    """Up to `limit` accounts (None: all) in the order they were connected."""
    chosen = select(Account).where(Account.workspace_id == workspace_id)
    if platform is not None:
        chosen = chosen.where(Account.platform == platform)
    if statuses:
        chosen = chosen.where(Account.status.in_(statuses))
    if after is not None:
        at, account_id = after
        chosen = chosen.where(
            (Account.created_at > at) | ((Account.created_at == at) & (Account.id > account_id))
        )
    ordered = chosen.order_by(Account.created_at, Account.id).limit(limit)
    return session.scalars(ordered).all()
