"""Changing the secret keys of an installation that is running, and may die at any moment.

The new key is put in front of the others; once every process seals with it, all that is sealed
with another is sealed anew, until nothing is; then the old keys are not needed any more. Whoever
begins again after a crash goes on with what is left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from oncue.accounts.holders import Holder, KeyHolder, holders
from oncue.accounts.resealing import Key, Part, Unreadable, find, key_of, reseal
from oncue.accounts.vault import Vault, VaultError
from oncue.accounts.vault_check import retire_keys, secret_columns, verify_vault
from oncue.db.database import Database
from oncue.db.sealed import SealedColumn
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import OLD_UNUSED, RESEALED, reach

GLANCE: Final = 0.2  # seconds between two looks at what the others do
PATIENCE: Final = 5.0  # seconds that a process has to look at its key file
MOST_PASSES: Final = 20
BY_HAND: Final = (
    "Put the new key in front of the others everywhere and restart each process; then run this "
    "again (docs/operating.md, Changing the secret keys)."
)

Tell = Callable[[int], None]
"""Told of every part, how many secrets it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation has done. `left` are old keys that still seal something, and how much."""

    resealed: int
    unreadable: Sequence[Unreadable]
    left: Mapping[str, int]


@dataclass(kw_only=True)
class Rotation:
    """One command's work. `holder` is this very process, among the others that hold keys.

    `say` is told what it waits for, where that takes long.
    """

    db: Database
    vault: Vault
    holder: Holder
    now: Clock
    say: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _unreadable: list[Unreadable] = field(default_factory=list)

    async def share_the_file(self) -> None:
        """Return once every process has its keys from the file that this one has them from.

        Raises VaultError, which names those that have not.
        """
        source = self.vault.source
        await self._until_all(
            lambda other: other.source == source,
            "have their keys from elsewhere than this command (another file, or the setting)",
        )

    async def run(self, tell: Tell) -> Rotated:
        """Seal everything with the current key. Raises VaultError."""
        await self.db.write(lambda session: verify_vault(session, self.vault))
        await self._until_all_seal_with_it()
        resealed = await self._passes(tell)
        await self._until_all_seal_with_it()  # one may have come meanwhile
        await self.db.drain()  # what was sealed before it was agreed on is written by now
        resealed += await self._passes(tell)
        left = await self.db.write(lambda session: retire_keys(session, self.vault))
        reach(OLD_UNUSED)
        return Rotated(resealed=resealed, unreadable=self._unreadable, left=left)

    async def retire(self) -> Mapping[str, int]:
        """Make sure that the old keys are not needed; those that are, and for how much."""
        await self.db.write(lambda session: verify_vault(session, self.vault))
        await self._until_all_seal_with_it()
        await self.db.drain()
        return await self.db.write(lambda session: retire_keys(session, self.vault))

    async def _until_all_seal_with_it(self) -> None:
        current = self.vault.keys.told()[0]
        await self._until_all(
            lambda other: other.current == current,
            f"do not seal with {self.vault.current!r}, the first of the keys here",
        )

    async def _until_all(self, agrees: Callable[[KeyHolder], bool], complaint: str) -> None:
        """Wait for the other processes, as long as they may still agree or be dead.

        One that reports again and still does not agree never will: it has looked by then.
        """
        waited, first = 0.0, dict[UUID, datetime]()
        while others := [other for other in await self._others() if not agrees(other)]:
            stubborn = [
                other
                for other in others
                if first.setdefault(other.id, other.seen_at) != other.seen_at
            ]
            if stubborn and waited >= PATIENCE:
                raise VaultError(f"Some processes {complaint}: {_names(stubborn)}. {BY_HAND}")
            if waited < PATIENCE <= waited + GLANCE:
                self.say(f"Waiting for a sign of {_names(others)}, or for none to come")
            await self.sleep(GLANCE)
            waited += GLANCE

    async def _others(self) -> Sequence[KeyHolder]:
        found = await self.db.read(lambda session: holders(session, self.now(), self.holder.beat))
        return [other for other in found if other.id != self.holder.id]

    async def _passes(self, tell: Tell) -> int:
        """Go over everything until there is nothing to do any more; how much there was."""
        total = 0
        for _ in range(MOST_PASSES):
            self._unreadable.clear()
            parts = [await self._column(column, tell) for column in secret_columns()]
            total += sum(resealed for resealed, _ in parts)
            if not any(sum(part) for part in parts):
                return total
        raise VaultError(
            f"Something goes on sealing with another key than {self.vault.current!r}: stop "
            "whatever runs with an older version of Oncue or other keys, and run this again."
        )

    async def _column(self, column: SealedColumn, tell: Tell) -> tuple[int, int]:
        """One pass over a column: how many were sealed anew, and how many somebody else wrote."""
        resealed, overtaken = 0, 0
        after: Key | None = None
        while rows := await self.db.read(partial(self._find, column, after)):
            part = await self.db.write(partial(self._reseal, column, rows))
            reach(RESEALED)
            self._unreadable += part.unreadable
            resealed, overtaken = resealed + part.resealed, overtaken + part.overtaken
            tell(part.resealed + len(part.unreadable))
            after = key_of(column, rows[-1])
        return resealed, overtaken

    def _find(
        self, column: SealedColumn, after: Key | None, session: Session
    ) -> Sequence[RowMapping]:
        return find(session, self.vault, column, after)

    def _reseal(self, column: SealedColumn, rows: Sequence[RowMapping], session: Session) -> Part:
        return reseal(session, self.vault, column, rows, self.now())


def _names(found: Sequence[KeyHolder]) -> str:
    return ", ".join(holder.name for holder in found)
