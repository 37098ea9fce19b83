"""Whether statements keep to one workspace: what a database is asked while a request is answered.

A statement keeps to it when the caller's workspace is among its values, and each table of
tenants that it reaches is held: compared with a workspace, given one, or joined to a table that
is held by a foreign key that has the workspace in it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
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

TIES: Final[Set[Set[str]]] = {
    frozenset({f"{key.parent.table.name}.{key.parent.name}", key.target_fullname})
    for table in Base.metadata.sorted_tables
    for constraint in table.foreign_key_constraints
    if "workspace_id" in constraint.column_keys
    for key in constraint.elements
    if key.parent.name != "workspace_id"
}
"""Columns that are equal in rows of one workspace only: the database sees to it."""

_TABLE: Final = r"\w+(?:\s+AS\s+\w+)?"
_TABLES: Final = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+({_TABLE}(?:,\s+{_TABLE})*)")
_COMPARED: Final = re.compile(r"\b\w+\.\w+(?= (?:=|IN) )|(?<= = )\w+\.\w+")
_JOINED: Final = re.compile(r"\b(\w+\.\w+) = (\w+\.\w+)\b")
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
    names = _names(statement.text)
    if not names:
        return None
    if loose := _loose(statement.text, names):
        return f"{', '.join(sorted(loose))} of any workspace: {statement.text}"
    for row in _rows(statement.values):
        if workspace_id.hex not in {str(value).replace("-", "") for value in row}:
            return f"another workspace's: {statement.text}"
    return None


def _names(text: str) -> Sequence[tuple[str, str]]:
    """Each table of tenants that is reached, as often as it is: its name there, and its own."""
    listed = [named.split() for found in _TABLES.findall(text) for named in found.split(",")]
    return [(words[-1], words[0]) for words in listed if words[0] in OWNER]


def _loose(text: str, names: Sequence[tuple[str, str]]) -> Counter[str]:
    """What is reached more often than it is held."""
    tables_of = dict(names)
    compared = [
        name
        for name, column in (side.split(".") for side in _COMPARED.findall(text))
        if name in tables_of and OWNER[tables_of[name]] == column
    ]
    given = [
        name for name, columns in _WRITTEN.findall(text) if OWNER.get(name) in columns.split(", ")
    ]
    loose = Counter(name for name, _table in names) - Counter(compared + given)
    ties = list(_joins(text, tables_of))
    while tie := next((tie for tie in ties if tie[0] in loose and tie[1] not in loose), None):
        ties.remove(tie)
        loose -= Counter(tie[:1])
    return loose


def _joins(text: str, tables_of: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each two names that are joined by a foreign key with the workspace in it, both ways."""
    for pair in _JOINED.findall(text):
        sides = [side.split(".") for side in pair]
        columns = {f"{tables_of.get(name)}.{column}" for name, column in sides}
        if columns in TIES:
            yield sides[0][0], sides[1][0]
            yield sides[1][0], sides[0][0]


def _rows(values: Any) -> Sequence[Sequence[Any]]:
    """The values by rows. The drivers take one row, or a list of them."""
    rows = values if isinstance(values, list) else [values]
    return [list(row.values()) if isinstance(row, Mapping) else row for row in rows]
