"""Who renews an account's credentials: one at a time in all processes, and never over newer ones.

Plain functions of a session. A lease that has run out is anybody's: its holder may be dead, or
only slow, so what it brings late is kept as long as nobody has kept anything newer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from oncue.accounts import credentials, standing
from oncue.accounts.credentials import Held, Nothing, seal, unseal
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.vault import Tampered, Vault
from oncue.connectors.base import Secrets
from oncue.lib import ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The right to renew what is `held`; `tries` counts this one."""

    workspace_id: UUID
    account_id: UUID
    lease: UUID
    tries: int
    held: Held = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An account whose credentials are to be renewed ahead of time."""

    workspace_id: UUID
    account_id: UUID
    platform: str
    server: str
    generation: int


def take(
    session: Session,
    vault: Vault,
    workspace_id: UUID,
    account_id: UUID,
    generation: int,
    now: datetime,
    lease: timedelta,
) -> Taken | Held | None:
    """The right to renew this generation; or what has come after it; None while another has it.

    Raises Tampered where there is nothing to renew.
    """
    of_account = (
        AccountSecret.workspace_id == workspace_id,
        AccountSecret.account_id == account_id,
    )
    mine = ids.new_id(now)
    row = session.execute(
        update(AccountSecret)
        .where(*of_account, AccountSecret.generation == generation, _is_free(now))
        .values(
            lease=mine,
            lease_until=now + lease,
            renew_at=now + lease,  # whatever happens: not before, and then again
            tries=AccountSecret.tries + 1,
        )
        .returning(AccountSecret.sealed, AccountSecret.expires_at, AccountSecret.tries)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is not None:
        secrets = unseal(vault, row.sealed, workspace_id, account_id)
        held = Held(secrets=secrets, expires_at=row.expires_at, generation=generation)
        return Taken(
            workspace_id=workspace_id,
            account_id=account_id,
            lease=mine,
            tries=row.tries,
            held=held,
        )
    present = credentials.load(session, vault, workspace_id, account_id)
    if isinstance(present, Nothing):
        raise Tampered("there are no secrets to renew")
    return present if present.generation != generation else None


def keep(
    session: Session,
    vault: Vault,
    taken: Taken,
    secrets: Secrets,
    *,
    expires_at: datetime | None,
    renew_at: datetime | None,
    now: datetime,
) -> bool:
    """Keep renewed secrets, unless newer ones are there; whether they were kept.

    Whoever could renew them is connected, whatever was believed meanwhile.
    """
    sealed = seal(vault, secrets, taken.workspace_id, taken.account_id)
    kept = session.execute(
        update(AccountSecret)
        .where(*_same_generation(taken))
        .values(
            generation=AccountSecret.generation + 1,
            **credentials.contents(sealed, expires_at, renew_at, now),
        )
        .returning(AccountSecret.account_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if kept is not None:
        standing.revive(
            session, taken.workspace_id, taken.account_id, taken.held.generation + 1, now
        )
    return kept is not None


def put_off(session: Session, taken: Taken, until: datetime) -> None:
    """It could not be done now: let go of it until then."""
    session.execute(
        update(AccountSecret)
        .where(*_still_mine(taken))
        .values(lease=None, lease_until=None, renew_at=until)
        .execution_options(synchronize_session=False)
    )


def give_up(session: Session, taken: Taken, now: datetime) -> None:
    """The network no longer takes them. Nothing happens where somebody has newer ones."""
    ours = session.execute(
        update(AccountSecret)
        .where(*_still_mine(taken))
        .values(lease=None, lease_until=None, renew_at=None)
        .returning(AccountSecret.account_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if ours is not None:
        standing.expire(session, taken.workspace_id, taken.account_id, taken.held.generation, now)


def due(session: Session, now: datetime, limit: int) -> Sequence[Due]:
    """Accounts to be renewed ahead of time, the most urgent first."""
    rows = session.execute(
        select(
            AccountSecret.workspace_id,
            AccountSecret.account_id,
            Account.platform,
            Account.server,
            AccountSecret.generation,
        )
        .join(Account, _of_its_account())
        .where(AccountSecret.renew_at <= now, Account.status == "active", _is_free(now))
        .order_by(AccountSecret.renew_at)
        .limit(limit)
    )
    return [Due(**row) for row in rows.mappings()]


def next_due(session: Session) -> datetime | None:
    """When the next account is to be renewed ahead of time."""
    return session.scalar(
        select(func.min(AccountSecret.renew_at))
        .join(Account, _of_its_account())
        .where(AccountSecret.renew_at.is_not(None), Account.status == "active")
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(AccountSecret.lease_until.is_(None), AccountSecret.lease_until <= now)


def _same_generation(taken: Taken) -> tuple[ColumnElement[bool], ...]:
    return (
        AccountSecret.workspace_id == taken.workspace_id,
        AccountSecret.account_id == taken.account_id,
        AccountSecret.generation == taken.held.generation,
    )


def _still_mine(taken: Taken) -> tuple[ColumnElement[bool], ...]:
    return (*_same_generation(taken), AccountSecret.lease == taken.lease)


def _of_its_account() -> ColumnElement[bool]:
    return and_(
        Account.workspace_id == AccountSecret.workspace_id,
        Account.id == AccountSecret.account_id,
    )
