"""Whether the keys at hand are the ones that the data is sealed with.

For every key that is in use there is one word sealed with it. The key that seals gets its word
before anything else is done with it, and loses it when nothing is sealed with it any more.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from oncue.accounts.models import VaultCheck
from oncue.accounts.vault import KeyUnknown, Tampered, Vault, VaultError, key_id_of
from oncue.db.database import serialise
from oncue.db.sealed import Place, SealedColumn, count_by_key, place_of, sealed_columns

CHECK_LOCK: Final = 0x6F6E6375 + 5
WORD: Final = "these are the right keys"
WRONG: Final = "The secret keys are not the ones this installation's secrets were sealed with"


def check_vault(session: Session, vault: Vault) -> set[str]:
    """Raise VaultError where a key that something is sealed with is wrong or missing.

    The ids of the keys that have a word here, which are all that are in use.
    """
    words = session.scalars(select(VaultCheck.sealed)).all()
    for sealed in words:
        _require(vault, sealed, place_of(VaultCheck.sealed))
    if not words:
        _try_each_column(session, vault)
    return {key_id_of(sealed) for sealed in words}


def verify_vault(session: Session, vault: Vault) -> None:
    """Check the vault; a key that is the first of all, or is to seal from now on, gets its word."""
    if vault.current in check_vault(session, vault):
        return
    serialise(session, CHECK_LOCK)  # of two that have the same new key, the second finds its word
    if vault.current not in check_vault(session, vault):
        last = session.scalar(select(func.max(VaultCheck.id)))
        sealed = vault.seal(WORD, place_of(VaultCheck.sealed))
        session.execute(insert(VaultCheck).values(id=(last or 0) + 1, sealed=sealed))


def is_pristine(session: Session) -> bool:
    """Whether no key was ever used here: nothing is sealed."""
    return session.scalar(select(func.count(VaultCheck.id))) == 0 and not any(
        use for use in in_use(session).values()
    )


def secret_columns() -> Sequence[SealedColumn]:
    """The columns of secrets, which are to be sealed with the current key."""
    return [column for column in sealed_columns() if not column.fact.is_of_one_key]


def in_use(session: Session) -> Mapping[str, Mapping[str, int]]:
    """How many secrets each column has, by the id of the key they are sealed with."""
    return {column.name: count_by_key(session, column) for column in secret_columns()}


def retire_keys(session: Session, vault: Vault) -> Mapping[str, int]:
    """Take the word from every key that seals nothing any more; the other old keys' secrets.

    Without its word a key need not be here at the next start.
    """
    left: dict[str, int] = {}
    for use in in_use(session).values():
        for key_id, count in use.items():
            left[key_id] = left.get(key_id, 0) + count
    left.pop(vault.current, None)
    for row_id, sealed in session.execute(select(VaultCheck.id, VaultCheck.sealed)).all():
        key_id = key_id_of(sealed)
        if key_id != vault.current and key_id not in left:
            session.execute(delete(VaultCheck).where(VaultCheck.id == row_id))
    return left


def _try_each_column(session: Session, vault: Vault) -> None:
    """Where there is no word but there are secrets, the keys have to open one of each kind."""
    for column in secret_columns():
        found = session.execute(select(column.table).where(column.is_sealed()).limit(1))
        row = found.mappings().one_or_none()
        if row is not None:
            _require(vault, row[column.column.name], column.place(row))


def _require(vault: Vault, sealed: str, place: Place) -> None:
    try:
        vault.open(sealed, place)
    except KeyUnknown as missing:
        raise VaultError(f"{WRONG}, or not all of them. {missing}") from None
    except Tampered:
        raise VaultError(WRONG) from None
