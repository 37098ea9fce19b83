"""Whether statements keep to one workspace: what a database is asked while a request is answered.

A statement keeps to it when each table of tenants it reaches is compared with a workspace, or
has one written into it, and the caller's workspace is among its values.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, event

from oncue import tables
from oncue.db.base import Base

assert tables  # every model is known from here on

OWNER: Final[Mapping[str, str]] = {"workspace": "id"} | {
    table.name: "workspace_id" for table in Base.metadata.sorted_tables if "workspace_id" in table.c
}
"""The column of each table of tenants that says whose a row is."""

_TABLE: Final = r"\w+(?:\s+AS\s+\w+)?"
_TABLES: Final = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+({_TABLE}(?:,\s+{_TABLE})*)")
_COMPARED: Final = re.compile(r"\b\w+\.\w+(?= (?:=|IN) )|(?<= = )\w+\.\w+")
_WRITTEN: Final = re.compile(r"\bINTO\s+(\w+)\s+\(([^)]*)\)")

# What reaches further, by a part of its text, and why it may.
EXCEPTIONS: Final[Mapping[str, str]] = {
    "api_key.digest = ": "whose key it is: the answer is the workspace",
    "SELECT max(account.number)": "accounts are numbered over the whole installation",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a database was asked, and with which values: a row's, or many rows'."""

    text: str
    values: Any


@contextmanager
def watching(seen: list[Statement]) -> Iterator[None]:
    """Note what any database is asked meanwhile."""

    def note(_connection: object, _cursor: object, text: str, values: Any, *_rest: object) -> None:
        seen.append(Statement(text, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def exception_for(statement: Statement) -> str | None:
    """The exception that a statement is, if it is one."""
    return next((part for part in EXCEPTIONS if part in statement.text), None)


def strays(statement: Statement, workspace_id: UUID) -> str | None:
    """What is wrong with a statement of this workspace's; None where it keeps to it."""
    reached = _reached(statement.text)
    if not reached:
        return None
    if loose := reached - _compared(statement.text):
        return f"{', '.join(sorted(loose))} of any workspace: {statement.text}"
    for row in _rows(statement.values):
        if workspace_id.hex not in {str(value).replace("-", "") for value in row}:
            return f"another workspace's: {statement.text}"
    return None


def _reached(text: str) -> Counter[str]:
    """How often each table of tenants is reached, by the name it has in the statement."""
    found: Counter[str] = Counter()
    for listed in _TABLES.findall(text):
        for named in listed.split(","):
            name, *alias = named.split()
            if name in OWNER:
                found[alias[-1] if alias else name] += 1
    return found


def _compared(text: str) -> Counter[str]:
    """How often each is compared with a workspace, or has one written into it."""
    tables_of = {alias: name for name, alias in re.findall(r"\b(\w+)\s+AS\s+(\w+)\b", text)}
    found: Counter[str] = Counter()
    for side in _COMPARED.findall(text):
        name, _, column = side.partition(".")
        if OWNER.get(tables_of.get(name, name)) == column:
            found[name] += 1
    for name, columns in _WRITTEN.findall(text):
        if OWNER.get(name) in columns.split(", "):
            found[name] += 1
    return found


def _rows(values: Any) -> Sequence[Sequence[Any]]:
    """The values by rows. The drivers take one row, or a list of them."""
    rows = values if isinstance(values, list) else [values]
    return [list(row.values()) if isinstance(row, Mapping) else row for row in rows]
