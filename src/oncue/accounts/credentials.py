"""An account's credentials on their way into its row and out again, sealed by the vault."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import AccountSecret
from oncue.accounts.vault import Tampered, Vault, key_id_of
from oncue.connectors.base import Secrets
from oncue.db.sealed import Place, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Credentials as they are now, and which in the row of those that came one after another."""

    secrets: Secrets = field(repr=False)
    expires_at: datetime | None  # of what is short-lived among them
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """There are no credentials to be had, since this generation; 0: there never were any."""

    generation: int


def store(
    session: Session,
    vault: Vault,
    workspace_id: UUID,
    account_id: UUID,
    secrets: Secrets,
    expires_at: datetime | None,
    now: datetime,
    *,
    renew_at: datetime | None = None,
) -> None:
    """Seal `secrets` into the account's row, in place of what was there.

    Whoever is renewing what was there comes too late with it.
    """
    values = contents(seal(vault, secrets, workspace_id, account_id), expires_at, renew_at, now)
    replaced = session.execute(
        update(AccountSecret)
        .where(AccountSecret.workspace_id == workspace_id, AccountSecret.account_id == account_id)
        .values(generation=AccountSecret.generation + 1, **values)
        .returning(AccountSecret.account_id)
    ).one_or_none()
    if replaced is None:
        session.execute(
            insert(AccountSecret).values(account_id=account_id, workspace_id=workspace_id, **values)
        )


def contents(
    sealed: str, expires_at: datetime | None, renew_at: datetime | None, now: datetime
) -> dict[str, Any]:
    """A row's columns with these secrets in it, or none, and with nobody who renews them."""
    return {
        "sealed": sealed,
        "key_id": key_id_of(sealed) if sealed else "",
        "expires_at": expires_at,
        "renew_at": renew_at,
        "updated_at": now,
        "lease": None,
        "lease_until": None,
        "tries": 0,
    }


def forget(session: Session, workspace_id: UUID, account_id: UUID, now: datetime) -> None:
    """Leave nothing of the account's credentials but their number.

    Those that come next have another, so that nobody who still has the old ones at hand takes
    these for them.
    """
    session.execute(
        update(AccountSecret)
        .where(AccountSecret.workspace_id == workspace_id, AccountSecret.account_id == account_id)
        .values(generation=AccountSecret.generation + 1, **contents("", None, None, now))
        .execution_options(synchronize_session=False)
    )


def hold(session: Session, workspace_id: UUID, account_id: UUID) -> int:
    """The generation of the account's credentials, which stay until the transaction ends."""
    wanted = select(AccountSecret.generation).where(
        AccountSecret.workspace_id == workspace_id, AccountSecret.account_id == account_id
    )
    return session.scalar(wanted.with_for_update()) or 0


def load(session: Session, vault: Vault, workspace_id: UUID, account_id: UUID) -> Held | Nothing:
    """The account's credentials, if there are any to be had.

    A ciphertext that was moved here from another row counts as none: the account needs to be
    connected again.
    """
    row = session.execute(
        select(AccountSecret.sealed, AccountSecret.expires_at, AccountSecret.generation).where(
            AccountSecret.workspace_id == workspace_id, AccountSecret.account_id == account_id
        )
    ).one_or_none()
    if row is None:
        return Nothing(generation=0)
    try:
        secrets = unseal(vault, row.sealed, workspace_id, account_id)
    except Tampered:
        return Nothing(generation=row.generation)
    return Held(secrets=secrets, expires_at=row.expires_at, generation=row.generation)


def seal(vault: Vault, secrets: Secrets, workspace_id: UUID, account_id: UUID) -> str:
    return vault.seal(json.dumps(dict(secrets)), _place(workspace_id, account_id))


def unseal(vault: Vault, sealed: str, workspace_id: UUID, account_id: UUID) -> Secrets:
    """Raises Tampered, VaultError."""
    secrets: dict[str, str] = json.loads(vault.open(sealed, _place(workspace_id, account_id)))
    return secrets


def _place(workspace_id: UUID, account_id: UUID) -> Place:
    return place_of(AccountSecret.sealed, workspace_id=workspace_id, account_id=account_id)
