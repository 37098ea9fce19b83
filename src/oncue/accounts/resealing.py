"""Sealing secrets anew with the current key, a part at a time, beside everybody who uses them.

Nothing remembers how far it has come but the secrets themselves: what is sealed with another
key is still to be done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import RowMapping, bindparam, literal, select, tuple_, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from oncue.accounts import standing
from oncue.accounts.models import AccountSecret
from oncue.accounts.vault import KeyUnknown, Tampered, Vault, key_id_of
from oncue.db.sealed import SealedColumn
from oncue.lib.crashpoints import IN_RESEALING, reach

BATCH: Final = 200  # rows of one transaction: others may wait for it

Key: TypeAlias = Sequence[Any]
"""What tells a row from the others of its table: the values of its primary key."""


class Reason(StrEnum):
    """Why a secret cannot be opened."""

    TAMPERED = "tampered"  # it was changed, or belongs to another row
    UNKNOWN_KEY = "unknown key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A secret that stays as it is, for it cannot be opened."""

    column: SealedColumn
    key: Key
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What became of some rows of a column."""

    resealed: int
    overtaken: int  # somebody wrote another secret meanwhile
    unreadable: Sequence[Unreadable]


def find(
    session: Session, vault: Vault, column: SealedColumn, after: Key | None, *, batch: int = BATCH
) -> Sequence[RowMapping]:
    """Up to `batch` rows, of those behind `after`, whose secrets other keys have sealed."""
    chosen = select(column.table).where(column.is_sealed(), ~column.is_sealed_with(vault.current))
    if after is not None:
        behind = [literal(value, each.type) for value, each in zip(after, column.key, strict=True)]
        chosen = chosen.where(tuple_(*column.key) > tuple_(*behind))
    return session.execute(chosen.order_by(*column.key).limit(batch)).mappings().all()


def reseal(
    session: Session,
    vault: Vault,
    column: SealedColumn,
    rows: Sequence[RowMapping],
    now: datetime,
) -> Part:
    """Seal anew what was found.

    Each secret is written only over what was read, so one that is renewed meanwhile stays. An
    account whose secret belongs elsewhere needs to be connected again.
    """
    change, resealed, unreadable = _change(column), 0, list[Unreadable]()
    for row in rows:
        key, text, place = key_of(column, row), row[column.column.name], column.place(row)
        try:
            fresh = vault.seal(vault.open(text, place), place)
        except KeyUnknown:
            unreadable.append(Unreadable(column=column, key=key, reason=Reason.UNKNOWN_KEY))
        except Tampered:
            unreadable.append(Unreadable(column=column, key=key, reason=Reason.TAMPERED))
            if _is_accounts(column) and _is_still(session, change, column, key, text):
                standing.expire(session, row["workspace_id"], key[0], row["generation"], now)
        else:
            written = session.execute(change, _named(column, key, text, fresh))
            resealed += len(written.all())
    reach(IN_RESEALING)
    overtaken = len(rows) - len(unreadable) - resealed
    return Part(resealed=resealed, overtaken=overtaken, unreadable=unreadable)


def key_of(column: SealedColumn, row: RowMapping) -> Key:
    return tuple(row[each.name] for each in column.key)


def _change(column: SealedColumn) -> ReturningUpdate[Any]:
    """What puts `fresh` where `read` is, if it is there still. Built once for many rows."""
    here = [each == bindparam(f"at_{each.name}", type_=each.type) for each in column.key]
    values: dict[str, Any] = {column.column.name: bindparam("fresh")}
    if column.fact.key_id is not None:
        values[column.fact.key_id] = bindparam("with_key")
    change = update(column.table).where(*here, column.column == bindparam("read"))
    return change.values(values).returning(column.key[0])


def _named(column: SealedColumn, key: Key, read: str, fresh: str) -> Mapping[str, Any]:
    """The values of a change."""
    named = {f"at_{each.name}": value for each, value in zip(column.key, key, strict=True)}
    with_key = {} if column.fact.key_id is None else {"with_key": key_id_of(fresh)}
    return named | with_key | {"read": read, "fresh": fresh}


def _is_still(
    session: Session, change: ReturningUpdate[Any], column: SealedColumn, key: Key, text: str
) -> bool:
    """Whether a row has this ciphertext; it keeps it until the end of the transaction."""
    return bool(session.execute(change, _named(column, key, text, text)).all())


def _is_accounts(column: SealedColumn) -> bool:
    return column.table is AccountSecret.__table__
