"""What commands share: settings, one transaction, and the errors an operator is told."""

import asyncio
import json
import sys
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar
from uuid import UUID

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy.orm import Session

from oncue.accounts.vault import VaultError
from oncue.db.database import Database
from oncue.db.migrate import NewerSchema
from oncue.db.open import open_database, sqlite_file
from oncue.errors import AppError, Invalid, Issue, NotFound, Unavailable
from oncue.lib import ids
from oncue.runtime import CannotStart, upgrade_schema
from oncue.settings import PLATFORMS, BadSetting, Settings
from oncue.settings import load as load_settings
from oncue.workspaces import service as workspaces

T = TypeVar("T")

EXPECTED: Final = (AppError, BadSetting, CannotStart, NewerSchema, VaultError, OSError)

STDIN: Final = "-"

console = Console()
errors = Console(stderr=True)


def settings() -> Settings:
    return load_settings()


def transact(work: Callable[[Session], T], *, begins: bool = False) -> T:
    """Run one function on the installation's database, brought up to date first.

    Raises CannotStart where there is none and `work` does not begin one: an empty database beside
    a mistyped ONCUE_DATA_DIR would answer everything with nothing.
    """

    async def run() -> T:
        current = settings()
        if current.is_sqlite and not begins and not sqlite_file(current).exists():
            file = sqlite_file(current)
            raise CannotStart(
                f"There is no installation here. {file} does not exist: run `oncue init`"
            )
        db: Database = open_database(current)
        try:
            await upgrade_schema(current, db)
            return await db.write(work)
        finally:
            await db.close()

    return asyncio.run(run())


def told(error: Exception) -> str:
    """An error, with what only an operator is told about it."""
    because = error.because if isinstance(error, Unavailable) else ""
    return f"{error} ({because})" if because else str(error)


def print_json(value: Any) -> None:
    """One JSON object on standard output, for programs."""
    typer.echo(json.dumps(value))


class Listing(Table):
    """A table that shows what is in it as it is, and takes no name for markup."""

    def row(self, *cells: str) -> None:
        self.add_row(*(Text(cell) for cell in cells))


def listing(*columns: str, whole: Collection[str] = ()) -> Listing:
    """A table whose first column is never cut, for people copy ids; nor what is to stay whole."""
    kept = {columns[0], *whole}
    shown = (
        Column(name, no_wrap=True) if name in kept else Column(name, overflow="fold")
        for name in columns
    )
    return Listing(*shown, box=SIMPLE_HEAD)


def secret_of(text: str) -> str:
    """A secret an operator typed; for STDIN the next line of standard input, unseen by others."""
    return sys.stdin.readline().strip() if text == STDIN else text


def parse_id(kind: str, text: str) -> UUID:
    """An id an operator typed; raises Invalid."""
    try:
        return ids.from_typeid(kind, text)
    except ids.BadId as wrong:
        raise Invalid([Issue(field="id", message=f"{text} is no {kind} id: {wrong}")]) from None


def parse_platform(text: str) -> str:
    """A network an operator typed; raises Invalid."""
    if text.upper() not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise Invalid([Issue(field="platform", message=f"{text} is not one of {known}")])
    return text.upper()


def workspace_id(session: Session, named: str | None) -> UUID:
    """The workspace an operator named, or the first one; raises NotFound."""
    if named is not None:
        return workspaces.get(session, parse_id("ws", named)).id
    first = workspaces.first(session)
    if first is None:
        raise NotFound("workspace", "(none exists: run `oncue init`)")
    return first.id
