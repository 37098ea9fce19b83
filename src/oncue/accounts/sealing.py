"""An account's credentials on their way into its row and out again, sealed by the vault."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from oncue.accounts.models import AccountSecret
from oncue.accounts.vault import Vault
from oncue.connectors.base import Secrets
from oncue.db.sealed import Place, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Credentials as they are now, and which in the row of those that came one after another."""

    secrets: Secrets = field(repr=False)
    expires_at: datetime | None  # of what is short-lived among them
    generation: int


def seal(vault: Vault, secrets: Secrets, workspace_id: UUID, account_id: UUID) -> str:
    return vault.seal(json.dumps(dict(secrets)), _place(workspace_id, account_id))


def unseal(vault: Vault, sealed: str, workspace_id: UUID, account_id: UUID) -> Secrets:
    """Raises Tampered, VaultError."""
    secrets: dict[str, str] = json.loads(vault.open(sealed, _place(workspace_id, account_id)))
    return secrets


def _place(workspace_id: UUID, account_id: UUID) -> Place:
    return place_of(AccountSecret.sealed, workspace_id=workspace_id, account_id=account_id)
