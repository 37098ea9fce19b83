"""An endpoint's signing secrets on their way into its row and out again, sealed by the vault."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from oncue.accounts.vault import Vault
from oncue.db.sealed import place_of
from oncue.lib.clock import from_epoch_ms, to_epoch_ms
from oncue.webhooks.models import WebhookEndpoint
from oncue.webhooks.signing import Secret

MOST: Final = 5  # that sign at once, however often the secret is rotated


def sealed(
    vault: Vault, workspace_id: UUID, endpoint_id: UUID, secrets: Sequence[Secret]
) -> dict[str, Any]:
    """The row's columns for these secrets, the newest first."""
    newest, *retired = secrets[:MOST]
    kept = [[old.value, to_epoch_ms(old.ends_at)] for old in retired if old.ends_at]
    ends: list[datetime] = [old.ends_at for old in retired if old.ends_at]
    row = {"workspace_id": workspace_id, "id": endpoint_id}
    return {
        "secret": vault.seal(newest.value, place_of(WebhookEndpoint.secret, **row)),
        "old_secret": vault.seal(json.dumps(kept), place_of(WebhookEndpoint.old_secret, **row))
        if kept
        else None,
        "old_secret_until": max(ends, default=None),
    }


def opened(vault: Vault, row: WebhookEndpoint) -> list[Secret]:
    """The row's secrets, the newest first; raises Tampered, VaultError."""
    place = {"workspace_id": row.workspace_id, "id": row.id}
    newest = vault.open(row.secret, place_of(WebhookEndpoint.secret, **place))
    secrets = [Secret(value=newest)]
    if row.old_secret is not None:
        kept = vault.open(row.old_secret, place_of(WebhookEndpoint.old_secret, **place))
        secrets += [
            Secret(value=value, ends_at=from_epoch_ms(end)) for value, end in json.loads(kept)
        ]
    return secrets
