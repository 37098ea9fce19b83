"""Which columns hold ciphertext, and what each of their values is bound to.

A table says so where it is defined, so that changing the keys finds every secret there is, and
whoever seals or opens one names the same place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NewType

from sqlalchemy import Column, ColumnElement, RowMapping, Select, Table, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from oncue.db.base import Base

Place = NewType("Place", str)
"""What a ciphertext is bound to. Only a column that is registered as one of ciphertext has any."""

FORM: Final = "v1:"  # how every sealed text begins; the id of its key follows, up to a colon
_FACT: Final = "sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a column's ciphertexts are.

    `place` is what each is bound to, made of its own row: "webhook|{id}|secret". `key_id` names
    the column that repeats which key it was, where there is one. A row that `is_of_one_key` is
    there for its key alone and is never sealed with another. `kind` is how an id of the table is
    shown to people.
    """

    place: str
    key_id: str | None = None
    is_of_one_key: bool = False
    kind: str | None = None


def sealed(
    place: str, *, key_id: str | None = None, is_of_one_key: bool = False, kind: str | None = None
) -> dict[str, Any]:
    """The `info` of a column that holds ciphertext."""
    return {_FACT: Sealed(place=place, key_id=key_id, is_of_one_key=is_of_one_key, kind=kind)}


def place_of(column: InstrumentedAttribute[Any], **row: object) -> Place:
    """What a value of this column is bound to, in the row that has these values."""
    fact: Sealed = column.info[_FACT]
    return Place(fact.place.format(**row))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column that holds ciphertext, beside its fact."""

    table: Table
    column: Column[Any]
    fact: Sealed

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def key(self) -> Sequence[Column[Any]]:
        """The columns that tell its rows apart."""
        return list(self.table.primary_key.columns)

    def place(self, row: RowMapping) -> Place:
        """What the row's value is bound to; `row` has all columns of the table by name."""
        return Place(self.fact.place.format_map(row))

    def is_sealed(self) -> ColumnElement[bool]:
        """Whether there is a ciphertext: some columns hold other texts beside."""
        return self._begins_with(FORM)

    def is_sealed_with(self, key_id: str) -> ColumnElement[bool]:
        return self._begins_with(f"{FORM}{key_id}:")

    def _begins_with(self, text: str) -> ColumnElement[bool]:
        """SQLite's LIKE makes no difference between "old" and "Old"; this does."""
        return func.substr(self.column, 1, len(text)) == text


def sealed_columns() -> Sequence[SealedColumn]:
    """Every column of the schema that holds ciphertext."""
    return [
        SealedColumn(table=table, column=column, fact=column.info[_FACT])
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if _FACT in column.info
    ]


def count_by_key(session: Session, column: SealedColumn) -> Mapping[str, int]:
    """How many of the column's values are sealed with which key, by its id."""
    rows = session.execute(_counting(session, column)).all()
    return {row.key_id: row.secrets for row in rows}


def _counting(session: Session, column: SealedColumn) -> Select[tuple[str, int]]:
    if session.get_bind().dialect.name == "postgresql":
        key_id = func.split_part(column.column, ":", 2)
    else:
        rest = func.substr(column.column, len(FORM) + 1)
        key_id = func.substr(rest, 1, func.instr(rest, ":") - 1)
    counted = select(key_id.label("key_id"), func.count().label("secrets"))
    return counted.where(column.is_sealed()).group_by(key_id)
