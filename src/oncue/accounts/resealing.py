"""Sealing secrets anew with the current key, a part at a time, beside everybody who uses them.

Nothing remembers how far it has come but the secrets themselves: what is sealed with another
key is still to be done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import RowMapping, and_, literal, select, tuple_, update
from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.models import AccountSecret
from oncue.accounts.vault import KeyUnknown, Tampered, Vault, key_id_of
from oncue.db.sealed import SealedColumn
from oncue.lib.crashpoints import IN_RESEALING, reach

BATCH: Final = 200  # rows of one transaction: others may wait for them

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
    """What became of some rows of a column, up to and with `last`; None: it was the end."""

    resealed: int
    overtaken: int  # somebody wrote another secret meanwhile
    unreadable: Sequence[Unreadable]
    last: Key | None


def reseal_part(
    session: Session,
    vault: Vault,
    column: SealedColumn,
    after: Key | None,
    now: datetime,
    *,
    batch: int = BATCH,
) -> Part:
    """Seal up to `batch` secrets anew, of those behind `after` that other keys sealed.

    Each is written only over what was read, so a secret that is renewed meanwhile stays. An
    account whose secret belongs elsewhere needs to be connected again.
    """
    rows = _with_other_keys(session, vault, column, after, batch)
    resealed, unreadable = 0, list[Unreadable]()
    for row in rows:
        key, text, place = _key(column, row), row[column.column.name], column.place(row)
        try:
            fresh = vault.seal(vault.open(text, place), place)
        except KeyUnknown:
            unreadable.append(Unreadable(column=column, key=key, reason=Reason.UNKNOWN_KEY))
        except Tampered:
            unreadable.append(Unreadable(column=column, key=key, reason=Reason.TAMPERED))
            _give_up(session, column, key, text, now)
        else:
            resealed += _write(session, column, key, text, fresh)
    reach(IN_RESEALING)
    return Part(
        resealed=resealed,
        overtaken=len(rows) - len(unreadable) - resealed,
        unreadable=unreadable,
        last=_key(column, rows[-1]) if rows else None,
    )


def _with_other_keys(
    session: Session, vault: Vault, column: SealedColumn, after: Key | None, batch: int
) -> Sequence[RowMapping]:
    chosen = select(column.table).where(column.is_sealed(), ~column.is_sealed_with(vault.current))
    if after is not None:
        behind = [literal(value, each.type) for value, each in zip(after, column.key, strict=True)]
        chosen = chosen.where(tuple_(*column.key) > tuple_(*behind))
    return session.execute(chosen.order_by(*column.key).limit(batch)).mappings().all()


def _key(column: SealedColumn, row: RowMapping) -> Key:
    return tuple(row[each.name] for each in column.key)


def _write(session: Session, column: SealedColumn, key: Key, text: str, fresh: str) -> int:
    """Put `fresh` where `text` is, if it is there still: 1, or 0."""
    values = {column.column.name: fresh}
    if column.fact.key_id is not None:
        values[column.fact.key_id] = key_id_of(fresh)
    here = and_(
        *(each == value for each, value in zip(column.key, key, strict=True)),
        column.column == text,
    )
    change = update(column.table).where(here).values(values).returning(column.key[0])
    return len(session.execute(change).all())


def _give_up(session: Session, column: SealedColumn, key: Key, text: str, now: datetime) -> None:
    """Say that an account cannot be used like this, unless it was connected again meanwhile."""
    if column.table is AccountSecret.__table__ and _write(session, column, key, text, text):
        accounts.expire(session, key[0], now)
