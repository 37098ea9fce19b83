"""Somewhere to measure: a new database with a workspace, keys and accounts, gone afterwards."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
from bench.figures import Database
from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.service import NewAccount
from oncue.accounts.vault import Vault, create_key_file, open_vault
from oncue.accounts.vault_check import verify_vault
from oncue.connectors.base import Identity
from oncue.db.open import open_database
from oncue.lib.clock import utc_now
from oncue.runtime import upgrade_schema
from oncue.sandbox.identities import USERS, SandboxUser
from oncue.settings import Settings
from oncue.workspaces import keys
from oncue.workspaces import service as workspaces
from oncue.workspaces.keys import ALL_SCOPES, Dialect

SERVER: Final = os.environ.get("ONCUE_TEST_PG", "postgresql://postgres@127.0.0.1:5432")
NAME: Final = f"oncue_bench_{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An installation's settings, and who posts there."""

    settings: Settings
    workspace_id: UUID
    keys: Sequence[str] = field(repr=False)
    accounts: Sequence[UUID]

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process work here."""
        return {
            **os.environ,
            "ONCUE_DATA_DIR": str(self.settings.data_dir),
            "ONCUE_DATABASE_URL": self.settings.database_url,
            "ONCUE_LOG_LEVEL": "warning",
        }

    def two_accounts(self, number: int) -> list[UUID]:
        """Two different accounts, others for each number."""
        first = 2 * number % len(self.accounts)
        return [self.accounts[first], self.accounts[first + 1]]


@contextmanager
def place(database: Database, *, account_count: int, key_count: int = 1) -> Iterator[Place]:
    """An installation made for one measurement, on the disk that holds temporary files."""
    with tempfile.TemporaryDirectory(prefix="oncue-bench-") as folder:
        data_dir = Path(folder)
        create_key_file(Settings(data_dir=data_dir).key_file)
        if database is Database.SQLITE:
            yield asyncio.run(_populate(Settings(data_dir=data_dir), account_count, key_count))
            return
        with _postgres() as url:
            settings = Settings(data_dir=data_dir, database_url=url)
            yield asyncio.run(_populate(settings, account_count, key_count))


def sandbox_user(number: int) -> tuple[str, SandboxUser]:
    """The platform and the user that the account of this number is: the networks take turns."""
    platforms = list(USERS)
    platform = platforms[number % len(platforms)]
    return platform, USERS[platform](name_of(number))


def name_of(number: int) -> str:
    return f"bench{number}"


def why_missing(database: Database) -> str | None:
    """Why `database` cannot be measured on here; None where it can."""
    if database is Database.SQLITE:
        return None
    try:
        asyncio.run(_run())
    except (OSError, asyncpg.PostgresError) as error:
        return f"PostgreSQL is left out: {SERVER} cannot be used ({error})"
    return None


@contextmanager
def _postgres() -> Iterator[str]:
    asyncio.run(_run(f"CREATE DATABASE {NAME}"))
    try:
        yield f"{SERVER}/{NAME}"
    finally:
        asyncio.run(_run(f"DROP DATABASE {NAME} WITH (FORCE)"))


async def _run(*statements: str) -> None:
    connection = await asyncpg.connect(f"{SERVER}/postgres")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _populate(settings: Settings, account_count: int, key_count: int) -> Place:
    vault = open_vault("", settings.key_file)
    db = open_database(settings)

    def work(session: Session) -> Place:
        verify_vault(session, vault)
        owner = workspaces.create(session, "Bench", utc_now()).id
        return Place(
            settings=settings,
            workspace_id=owner,
            keys=[_key(session, owner) for _ in range(key_count)],
            accounts=[_account(session, vault, owner, number) for number in range(account_count)],
        )

    try:
        await upgrade_schema(settings, db)
        return await db.write(work)
    finally:
        await db.close()


def _key(session: Session, owner: UUID) -> str:
    made = keys.create(session, owner, dialect=Dialect.NATIVE, scopes=ALL_SCOPES, now=utc_now())
    return made.key


def _account(session: Session, vault: Vault, owner: UUID, number: int) -> UUID:
    platform, user = sandbox_user(number)
    new = NewAccount(platform=platform, credentials=user.credentials, server=user.server)
    identity = Identity(
        native_id=user.native_id, username=user.username, display_name=name_of(number)
    )
    return accounts.connect(session, vault, owner, new, identity, utc_now()).id
