"""PostgreSQL: the same synchronous functions, run on an asynchronous connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Connection, Executable, Row, event, text
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import (
    TimeoutError as NoneFree,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from oncue.db.database import CHANNEL, TOLD_TO_ALL, Topic, Wakes, announced
from oncue.errors import Unavailable
from oncue.settings import CONNECTIONS

T = TypeVar("T")

# Of a process's connections, those that are not for transactions: the queue's (one listens), the
# one that listens here, and the one that ends stalled sessions.
QUEUE_CONNECTIONS: Final = 3
OTHER_CONNECTIONS: Final = QUEUE_CONNECTIONS + 2
TRIES: Final = 5
# https://www.postgresql.org/docs/15/errcodes-appendix.html
TRY_AGAIN: Final = {"40001", "40P01"}  # serialization failure, deadlock
# Connection, resources, shutdown, system; a transaction that was idle for too long; and what a
# server that we are a stranger to says: role or password, no such database, one that is closed.
NOT_NOW: Final = ("08", "53", "57", "58", "25P03", "28", "3D", "55000")
# What asyncpg raises for a connection that has ended, and for one that is just being ended.
ENDED: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
# Whatever may come of speaking with the server; also that our own connections are all in use.
TROUBLE: Final = (DBAPIError, NoneFree, OSError, asyncpg.PostgresError, *ENDED)
FREE_SECONDS: Final = 30.0  # how long is waited for a connection
RECONNECT_SECONDS: Final = 2
ANNOUNCED: Final = "announced"
# A process that stands still in a transaction (a paused machine, say) holds up all others with
# its locks. Ours wait for nothing but the database in one, so a silent one is given up.
GIVEN_UP: Final = {"idle_in_transaction_session_timeout": "10s", "application_name": "oncue"}
# That timeout is for silence between statements. A process may also stand still within one, with
# half of its messages sent: the server waits for the rest for ever, and says so like this.
STALLED: Final = timedelta(seconds=10)
_END_STALLED: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
      AND application_name = 'oncue' AND state = 'active' AND wait_event = 'ClientRead'
      AND state_change <= now() - $1::interval
"""
_OPEN_SINCE: Final = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
      AND application_name = 'oncue' AND pid <> pg_backend_pid() AND xact_start < :began_by
""")
DRAIN_SECONDS: Final = 0.1


class PostgresDatabase:
    """A pool of connections. A transaction that loses a deadlock is simply run again."""

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self.url = url
        self._engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=connections - OTHER_CONNECTIONS,
            max_overflow=0,
            pool_timeout=FREE_SECONDS,
            hide_parameters=True,  # errors are logged
            connect_args={"server_settings": GIVEN_UP},
        )
        event.listen(self._engine.sync_engine, "checkout", _replace_ended)
        self._wakes = Wakes()
        self._listening: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[Session], T]) -> T:
        return await self.transact(lambda connection: connection.run_sync(in_session, work))

    async def transact(self, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `act` as one transaction, and again where it loses a deadlock."""
        for left in reversed(range(TRIES)):
            try:
                async with self._engine.begin() as connection:
                    result = await act(connection)
                    topics: frozenset[Topic] = connection.info.pop(ANNOUNCED, frozenset())
            except TROUBLE as error:
                if left == 0 or _sqlstate(error) not in TRY_AGAIN:
                    raise worded(error) from error
            else:
                self._wakes.call(topics - TOLD_TO_ALL)  # of those PostgreSQL tells us too
                return result
        raise AssertionError("the last try returns or raises")

    async def read(self, work: Callable[[Session], T]) -> T:
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(in_session, work)
        except TROUBLE as error:
            raise worded(error) from error

    async def execute_alone(
        self, statement: Executable, values: Mapping[str, Any]
    ) -> Row[Any] | None:
        """Run one statement that is a transaction of its own, and so two round trips cheaper."""
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                return (await connection.execute(statement, values)).one_or_none()
        except TROUBLE as error:
            raise worded(error) from error

    async def end_stalled(self, after: timedelta = STALLED) -> None:
        """End those of our sessions whose process has stopped in the middle of a statement.

        On a connection of its own: those of the pool may all be waiting for the same locks.
        """
        try:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(_END_STALLED, after)
            finally:
                await connection.close()
        except TROUBLE as error:
            raise worded(error) from error

    async def drain(self) -> None:
        """None of ours lasts longer than GIVEN_UP and STALLED let it."""
        began_by = await self.read(lambda session: session.scalar(text("SELECT clock_timestamp()")))
        open_since = partial(_open_since, began_by)
        while await self.read(open_since):  # noqa: ASYNC110  (another process's, mostly)
            await asyncio.sleep(DRAIN_SECONDS)

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        self._wakes.add(topic, wake)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._engine.dispose()

    async def _listen(self) -> None:
        """Pass on what other processes make due. A lost connection is made again: the
        promoter looks by itself every second, so nothing is missed meanwhile.
        """  # noqa: D205
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, *ENDED):
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        """Until the connection is lost, at whatever moment."""
        connection = await asyncpg.connect(self.url)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            await connection.add_listener(CHANNEL, self._heard)
            await lost.wait()
        finally:
            with suppress(OSError, asyncpg.PostgresError, *ENDED):
                await connection.close(timeout=1)

    def _heard(self, _connection: object, _pid: int, _channel: str, topic: str) -> None:
        with suppress(ValueError):  # a newer version may tell of what we do not know
            self._wakes.call([Topic(topic)])


def in_session(connection: Connection, work: Callable[[Session], T]) -> T:
    """Run `work` in a session on `connection`; what it announces goes with its commit."""
    with Session(connection, expire_on_commit=False) as session:
        result = work(session)
        session.flush()
        topics = connection.info[ANNOUNCED] = frozenset(announced(session))
        for topic in sorted(topics & TOLD_TO_ALL):
            session.execute(text(f"NOTIFY {CHANNEL}, '{topic}'"))
        return result


def _open_since(began_by: datetime | None, session: Session) -> int:
    """How many other transactions of ours there are that began before."""
    return session.scalar(_OPEN_SINCE, {"began_by": began_by}) or 0


def _replace_ended(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool make a connection anew that the server has ended meanwhile.

    The same as pool_pre_ping, which however asks in a transaction: three round trips, not one.
    """
    try:
        await_only(connection.driver_connection.execute("SELECT 1"))
    except (OSError, asyncpg.PostgresError, *ENDED) as ended:
        raise DisconnectionError from ended


def _sqlstate(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def _cause(error: Exception) -> str:
    """What the server said, or the system, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).partition("\n")[0]


def worded(error: Exception) -> Exception:
    """`error`, or the word for "not now" where that is what it says."""
    state, because = _sqlstate(error), _cause(error)
    if state in TRY_AGAIN or isinstance(error, NoneFree):
        words = "The database is busy; nothing was changed. Please try again."
        return Unavailable(words, because)
    down = isinstance(error, (OSError, InterfaceError, OperationalError, *ENDED))
    if isinstance(error, InternalError) and not state:
        down = True  # asyncpg.InternalClientError: the server is just hanging up
    down = down or state.startswith(NOT_NOW)
    words = "The database cannot be reached; nothing was changed."
    return Unavailable(words, because) if down else error
