"""An installation in which something is sealed in every place there is for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from installation import MASTER_KEY, Installation
from oncue.accounts import apps, document, flows, registrations
from oncue.accounts.flows import Flow
from oncue.accounts.models import AccountSecret
from oncue.accounts.registrations import Where
from oncue.accounts.vault import Vault, parse_keys
from oncue.accounts.vault_check import in_use, secret_columns
from oncue.connectors.grants import App
from oncue.db.sealed import SealedColumn

NEW_KEY: Final = "new:" + "n" * 43 + "="
RETURN: Final = "https://oncue.test/callback"
KEYED: Final = {"idempotency-key": "once"}
HOOK: Final = {"url": "https://93.184.215.14/hook"}


def with_new_key() -> Vault:
    """The installation's keys, behind a new one."""
    return parse_keys(f"{NEW_KEY},{MASTER_KEY}")


async def fill(oncue: Installation) -> Mapping[str, Any]:
    """Seal something for every registered column; the webhook that was made, as answered."""
    answer = await oncue.api.post("/v1/webhooks", json=HOOK, headers=KEYED)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    rotated = await oncue.api.post(f"/v1/webhooks/{made['id']}/rotate-secret", headers=KEYED)
    assert rotated.status_code == 200, rotated.text
    await oncue.db.write(lambda session: _connecting(session, oncue))
    return made | {"secret": rotated.json()["secret"]}


def _connecting(session: Session, oncue: Installation) -> None:
    """What is sealed on the way to an account on a network's own page."""
    vault, owner, now = oncue.services.vault, oncue.workspace_id, oncue.clock()
    flow = Flow(
        workspace_id=owner,
        platform="TWITTER",
        server="",
        redirect_uri=RETURN,
        verifier="canary-verifier",
        kept={"clientId": "oncue"},
    )
    server = Where(workspace_id=owner, platform="MASTODON", server="https://mastodon.test")
    app = App(client_id="oncue", secret="canary-app")
    flows.keep(session, vault, "state", flow, now)
    apps.put(session, vault, owner, "TWITTER", app, now)
    registrations.keep(session, vault, server, RETURN, app, now)
    document.make_key(session, vault, now)


def opened(session: Session, vault: Vault) -> dict[str, Sequence[str]]:
    """Every secret there is in clear, by column."""
    return {column.name: _opened(session, vault, column) for column in secret_columns()}


def _opened(session: Session, vault: Vault, column: SealedColumn) -> Sequence[str]:
    rows = session.execute(select(column.table).where(column.is_sealed()).order_by(*column.key))
    return [vault.open(row[column.column.name], column.place(row)) for row in rows.mappings()]


def keys_in_use(session: Session) -> set[str]:
    """The ids of the keys with which something is sealed."""
    return {key_id for by_key in in_use(session).values() for key_id in by_key}


def sealed_of(session: Session, account_id: UUID) -> str:
    """An account's ciphertext."""
    found = session.scalar(
        select(AccountSecret.sealed).where(AccountSecret.account_id == account_id)
    )
    assert found is not None
    return found


def swap(session: Session, one: UUID, other: UUID) -> None:
    """Put each of two accounts' ciphertexts into the other's row."""
    of_one, of_other = sealed_of(session, one), sealed_of(session, other)
    for account_id, sealed in ((one, of_other), (other, of_one)):
        session.execute(
            update(AccountSecret)
            .where(AccountSecret.account_id == account_id)
            .values(sealed=sealed)
        )
