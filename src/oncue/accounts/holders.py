"""Which running process has which secret keys, so that none is asked to open what it cannot.

Each process that runs for long says so in a row of its own, again and again; one that has not
been heard of for three times as long is gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oncue.accounts.vault import Keys, Vault, VaultError
from oncue.accounts.vault_check import check_vault, verify_vault
from oncue.db.base import Base
from oncue.db.database import Database
from oncue.lib.clock import Clock

LOOK_SECONDS: Final = 1.0  # how soon a process that seals nothing notices another key file
MISSED: Final = 3  # reports, until a process counts as gone

log = structlog.get_logger()


class KeyHolder(Base):
    """A process that seals and opens, and the keys it does that with."""

    __tablename__ = "key_holder"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]  # for people
    keys: Mapped[list[str]]  # id and fingerprint of each; the first seals
    source: Mapped[str]  # the same for those that have them from the same place
    seen_at: Mapped[datetime]

    @property
    def current(self) -> str:
        """The key it seals with."""
        return self.keys[0]


@dataclass(kw_only=True)
class Holder:
    """This process among the holders. It reports every `beat`, and whenever its keys change."""

    id: UUID
    name: str
    db: Database
    vault: Vault
    now: Clock
    beat: timedelta
    _told: Mapping[str, object] = field(default_factory=dict)
    _next: datetime | None = None
    _checked: Keys | None = None
    _complaint: str = ""

    async def act(self) -> None:
        """Take over what the key file says by now, and report if it is time to."""
        await self._take_over()
        now, facts = self.now(), self._facts()
        if facts == self._told and self._next and now < self._next <= now + self.beat:
            return
        await self.db.write(lambda session: _report(session, self.id, facts, now, self.beat))
        self._told, self._next = facts, now + self.beat

    async def leave(self) -> None:
        """This process is ending."""
        gone = delete(KeyHolder).where(KeyHolder.id == self.id)
        await self.db.write(lambda session: session.execute(gone).close())

    def _facts(self) -> Mapping[str, object]:
        keys, source = self.vault.keys.told(), self.vault.source
        return {"name": self.name, "keys": keys, "source": source}

    async def _take_over(self) -> None:
        """Look at the key file. One with none of our keys may be right: the database tells."""
        try:
            try:
                self.vault.look_again()
            except VaultError:
                offered = self.vault.offered()
                if offered is None:
                    return
                await self.db.read(lambda session: check_vault(session, offered))
                self.vault.adopt(offered)
            if self.vault.keys != self._checked:
                keys = self.vault.keys
                await self.db.write(lambda session: verify_vault(session, self.vault))
                if self._checked is not None:
                    log.info("secret_keys_changed", current=keys.current)
                self._checked = keys
            self._complain("")
        except VaultError as wrong:
            self._complain(str(wrong))

    def _complain(self, of: str) -> None:
        """Once, however often the same is wrong."""
        if of and of != self._complaint:
            log.error("secret_keys_wrong", reason=of)
        self._complaint = of


def holders(session: Session, now: datetime, beat: timedelta) -> Sequence[KeyHolder]:
    """Every process that is there, as far as one can tell."""
    return session.scalars(
        select(KeyHolder)
        .where(KeyHolder.seen_at > now - MISSED * beat)
        .order_by(KeyHolder.name, KeyHolder.id)
        .execution_options(populate_existing=True)
    ).all()


def _report(
    session: Session, holder_id: UUID, facts: Mapping[str, object], now: datetime, beat: timedelta
) -> None:
    values = {**facts, "seen_at": now}
    known = session.scalar(
        update(KeyHolder)
        .where(KeyHolder.id == holder_id)
        .values(values)
        .returning(KeyHolder.id)
        .execution_options(synchronize_session=False)
    )
    if known is None:
        session.execute(insert(KeyHolder).values(id=holder_id, **values))
        session.execute(
            delete(KeyHolder)
            .where(KeyHolder.seen_at <= now - MISSED * beat)
            .execution_options(synchronize_session=False)
        )
