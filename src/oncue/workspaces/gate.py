"""Who is asking, and how often: the one question that every request is asked first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import BigInteger, Text, bindparam, cast, literal, select, true
from sqlalchemy.dialects import postgresql

from oncue.db.database import Database
from oncue.db.postgres import PostgresDatabase
from oncue.workspaces import keys
from oncue.workspaces.keys import Caller
from oncue.workspaces.models import ApiKey, RateWindow, Workspace
from oncue.workspaces.ratelimit import MemoryWindow, minute_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A caller, and the number of this request among the key's in the present minute."""

    caller: Caller
    used: int


class Gate(Protocol):
    """Finds callers by their keys and counts what they ask, over all processes there are."""

    async def admit(self, key: str, now: datetime) -> Admitted | None:
        """Count one request of a key; None for a revoked key as for one that never was."""
        ...


class MemoryGate:
    """One process serves from SQLite, so it counts in memory."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._window = MemoryWindow()

    async def admit(self, key: str, now: datetime) -> Admitted | None:
        caller = await self._db.read(lambda session: keys.find_caller(session, key))
        if caller is None:
            return None
        return Admitted(caller=caller, used=self._window.take(caller.key_id, minute_of(now)))


_CALLER = (
    select(
        ApiKey.id.label("key_id"),
        ApiKey.scopes,
        Workspace.id.label("workspace_id"),
        Workspace.name,
        Workspace.plan,
    )
    .join(Workspace, Workspace.id == ApiKey.workspace_id)
    .where(ApiKey.digest == bindparam("digest"), ApiKey.revoked_at.is_(None))
    .cte("caller")
)
_COUNTED = (
    postgresql.insert(RateWindow)
    .from_select(
        ["key", "minute", "used"],
        select(cast(_CALLER.c.key_id, Text), bindparam("minute", type_=BigInteger), literal(1)),
    )
    .on_conflict_do_update(index_elements=["key", "minute"], set_={"used": RateWindow.used + 1})
    .returning(RateWindow.used)
    .cte("counted")
)
_ADMIT: Final = select(_CALLER, _COUNTED.c.used).select_from(_CALLER.join(_COUNTED, true()))


class PostgresGate:
    """Any number of processes share a row for each key and minute.

    Finding the key and counting it is one statement, and that its own transaction: the row is
    held for no longer, so that requests of one key hardly wait for each other.
    """

    def __init__(self, db: PostgresDatabase) -> None:
        self._db = db

    async def admit(self, key: str, now: datetime) -> Admitted | None:
        values = {"digest": keys.digest(key), "minute": minute_of(now)}
        row = await self._db.execute_alone(_ADMIT, values)
        if row is None:
            return None
        caller = Caller(
            key_id=row.key_id,
            workspace_id=row.workspace_id,
            workspace_name=row.name,
            plan=row.plan,
            scopes=frozenset(row.scopes),
        )
        return Admitted(caller=caller, used=row.used)
