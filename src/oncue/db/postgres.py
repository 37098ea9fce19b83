"""PostgreSQL: the same synchronous functions, run on an asynchronous connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import Session

from oncue.db.database import CHANNEL, announced
from oncue.errors import Unavailable

T = TypeVar("T")

POOL: Final = 20
TRIES: Final = 5
# https://www.postgresql.org/docs/15/errcodes-appendix.html
TRY_AGAIN: Final = {"40001", "40P01"}  # serialization failure, deadlock
NOT_NOW: Final = ("08", "53", "57", "58")  # connection, resources, shutdown, system
RECONNECT_SECONDS: Final = 2


class PostgresDatabase:
    """A pool of connections. A transaction that loses a deadlock is simply run again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=POOL,
            max_overflow=0,
            pool_pre_ping=True,
        )
        self._wakes: list[Callable[[], None]] = []
        self._listening: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[Session], T]) -> T:
        for left in reversed(range(TRIES)):
            try:
                async with self.transaction() as connection:
                    return await connection.run_sync(in_session, work)
            except DBAPIError as error:
                if left == 0 or _sqlstate(error) not in TRY_AGAIN:
                    raise _worded(error) from error
        raise AssertionError("the last try returns or raises")

    async def read(self, work: Callable[[Session], T]) -> T:
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(in_session, work)
        except (DBAPIError, OSError) as error:
            raise _worded(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, committed at the end."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except OSError as error:
            raise _worded(error) from error

    def on_due(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        await self._engine.dispose()

    async def _listen(self) -> None:
        """Pass on what other processes make due. A lost connection is made again: the
        promoter looks by itself every second, so nothing is missed meanwhile.
        """  # noqa: D205
        while True:
            try:
                connection = await asyncpg.connect(self.url)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
            try:
                await connection.add_listener(CHANNEL, self._heard)
                await lost.wait()
            finally:
                with suppress(OSError, asyncpg.PostgresError, TimeoutError):
                    await connection.close(timeout=1)

    def _heard(self, *_notification: Any) -> None:
        for wake in self._wakes:
            wake()


def in_session(connection: Connection, work: Callable[[Session], T]) -> T:
    """Run `work` in a session on `connection`; the notice of something due goes with it."""
    with Session(connection, expire_on_commit=False) as session:
        result = work(session)
        session.flush()
        if announced(session):
            session.execute(text(f"NOTIFY {CHANNEL}"))
        return result


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _worded(error: DBAPIError | OSError) -> Exception:
    """`error`, or the word for "not now" where that is what it says."""
    down = isinstance(error, OSError | InterfaceError | OperationalError)
    if isinstance(error, DBAPIError) and (state := _sqlstate(error)):
        if state in TRY_AGAIN:
            return Unavailable("The database is busy; nothing was changed. Please try again.")
        down = down or state.startswith(NOT_NOW)
    return Unavailable("The database cannot be reached; nothing was changed.") if down else error
