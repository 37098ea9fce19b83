"""oncue init and oncue migrate: a new installation, and a newer one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from sqlalchemy.orm import Session

from oncue.accounts import queries, service
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.vault import Vault, create_key_file, open_vault
from oncue.accounts.vault_check import is_pristine, verify_vault
from oncue.cli.accounts import facts
from oncue.cli.common import console, listing, print_json, settings, transact
from oncue.cli.workspaces import AsJson
from oncue.connectors.base import Identity
from oncue.connectors.registry import CONNECTORS
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.runtime import upgrade_schema
from oncue.sandbox.identities import USERS
from oncue.settings import Settings
from oncue.workspaces import keys
from oncue.workspaces import service as workspaces
from oncue.workspaces.keys import ALL_SCOPES, Dialect

SANDBOX_USER: Final = "oncue"
NAMES_FILE: Final = "sandbox.env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What `init` found or made. Secrets only where they were made just now."""

    workspace_id: UUID
    is_new: bool
    api_key: str | None
    compat_api_key: str | None
    accounts: list[Account]


def init(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Also make an account on each sandbox network.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set up: secret keys, database, first workspace, and an API key for each dialect.

    Run again it changes nothing and prints no secret.
    """
    current = settings()
    vault = _vault(current)
    made = transact(lambda session: install(session, vault, sandbox=sandbox), begins=True)
    if sandbox and made.is_new:
        _write_names(current.data_dir / NAMES_FILE, made)
    if as_json:
        print_json(_facts(made))
        return
    if not made.is_new:
        console.print("This installation is set up already; nothing was changed.")
        return
    console.print(f"Set up in [bold]{current.data_dir}[/]. The keys are shown this once:\n")
    console.print(f"  /v1      {made.api_key}", highlight=False)
    console.print(f"  /api/v1  {made.compat_api_key}\n", highlight=False)
    if made.accounts:
        table = listing("account", "number", "platform", "username")
        for row in made.accounts:
            table.row(ids.to_typeid("acc", row.id), str(row.number), row.platform, row.username)
        console.print(table)
        console.print(f"To try requests in a shell: . {current.data_dir / NAMES_FILE}")


def migrate() -> None:
    """Bring the database to this version's schema."""

    async def run() -> list[str]:
        current = settings()
        db = open_database(current)
        try:
            return await upgrade_schema(current, db)
        finally:
            await db.close()

    applied = asyncio.run(run())
    console.print(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")


def install(session: Session, vault: Vault, *, sandbox: bool) -> Installed:
    """Make what is not there yet, in one transaction."""
    now = utc_now()
    verify_vault(session, vault)
    present = workspaces.first(session)
    if present is not None:
        rows = queries.list_page(session, present.id, limit=100)
        return Installed(
            workspace_id=present.id,
            is_new=False,
            api_key=None,
            compat_api_key=None,
            accounts=list(rows),
        )
    owner = workspaces.create(session, "My workspace", now).id
    native, compat = (
        keys.create(session, owner, dialect=dialect, scopes=ALL_SCOPES, now=now)
        for dialect in (Dialect.NATIVE, Dialect.COMPAT)
    )
    rows = [_sandbox_account(session, vault, owner, name) for name in CONNECTORS] if sandbox else []
    return Installed(
        workspace_id=owner,
        is_new=True,
        api_key=native.key,
        compat_api_key=compat.key,
        accounts=rows,
    )


def _sandbox_account(session: Session, vault: Vault, owner: UUID, platform: str) -> Account:
    """An account of the sandbox's own user; the sandbox need not be running."""
    user = USERS[platform](SANDBOX_USER)
    new = NewAccount(platform=platform, credentials=user.credentials, server=user.server)
    identity = Identity(
        native_id=user.native_id,
        username=user.username,
        display_name=f"Sandbox on {CONNECTORS[platform].spec.name}",
    )
    return service.connect(session, vault, owner, new, identity, utc_now())


def _vault(current: Settings) -> Vault:
    """The installation's vault; where nothing was ever sealed, a key file is made."""
    if (
        not current.secret_keys
        and not current.key_file.exists()
        and transact(is_pristine, begins=True)
    ):
        create_key_file(current.key_file)
    return open_vault(current.secret_keys, current.key_file)


def _write_names(file: Path, made: Installed) -> None:
    """The key and the accounts as shell variables, so that requests can be tried by pasting.

    Only for sandbox accounts: of a key to real ones no copy is kept.
    """
    lines = [f"ONCUE_KEY={made.api_key}"]
    lines += [f"{row.platform}={ids.to_typeid('acc', row.id)}" for row in made.accounts]
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")


def _facts(made: Installed) -> Mapping[str, Any]:
    return {
        "workspaceId": ids.to_typeid("ws", made.workspace_id),
        "apiKey": made.api_key,
        "compatApiKey": made.compat_api_key,
        "accounts": [facts(row) for row in made.accounts],
    }
