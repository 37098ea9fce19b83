"""The embedded database: one writer that commits whatever is waiting together, a few readers."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from oncue.db.database import Topic, Wakes, announced
from oncue.errors import Unavailable

T = TypeVar("T")

BATCH: Final = 64
READERS: Final = 4
BUSY_SECONDS: Final = 30  # how long another process, a backup say, may hold the file


def sqlite_engine(file: Path, *, writes: bool = True) -> Engine:
    """An engine whose transactions begin when we say so and survive a power cut."""
    engine = create_engine(
        f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # else sqlite3 begins late and SAVEPOINTs leak out
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class SqliteDatabase:
    """Neighbours share a commit, never a fate: each works inside a savepoint of its own."""

    def __init__(self, file: Path) -> None:
        self._writing = sqlite_engine(file)
        self._reading = sqlite_engine(file, writes=False)
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._wakes = Wakes()
        self._thread.start()

    async def write(self, work: Callable[[Session], T]) -> T:
        job = _Job(work)
        self._waiting.put(job)
        answer: T = await job.answer
        self._wakes.call(job.announced)
        return answer

    async def read(self, work: Callable[[Session], T]) -> T:
        def reading() -> T:
            with Session(self._reading, expire_on_commit=False) as session, worded():
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._readers, reading)

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        self._wakes.add(topic, wake)

    async def drain(self) -> None:
        await self.write(lambda _session: None)  # one at a time writes, and it is our turn now

    async def close(self) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._writing.dispose()
        self._reading.dispose()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first, *self._neighbours()]
            try:
                with worded(), self._writing.begin() as connection:
                    for job in batch:
                        job.run(connection)
                        if not _in_transaction(connection):  # a full disk may take it all back
                            raise job.error or AssertionError("the work ended the transaction")
            except Exception as lost:  # noqa: BLE001  the commit failed: nobody's work was kept
                for job in batch:
                    job.fail(lost)
            for job in batch:
                job.reply()

    def _neighbours(self) -> list["_Job"]:
        found: list[_Job] = []
        while len(found) < BATCH - 1:
            try:
                job = self._waiting.get_nowait()
            except Empty:
                break
            if job is None:
                self._waiting.put(None)
                break
            found.append(job)
        return found


class _Job:
    """One caller's work, and its outcome on the way back to the caller's loop."""

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self._loop.create_future()
        self.announced: Collection[Topic] = ()
        self.error: Exception | None = None
        self._result: Any = None

    def run(self, connection: Connection) -> None:
        session = Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        )
        try:
            with worded(), session.begin():
                self._result = self._work(session)
                self.announced = announced(session)
        except Exception as error:  # noqa: BLE001  raised again where it belongs: at the caller
            self.error = error
        finally:
            session.close()

    def fail(self, error: Exception) -> None:
        self.error, self.announced = error, ()

    def reply(self) -> None:
        self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self._result)


class worded:  # noqa: N801  (reads as a statement: with worded())
    """Turn SQLite's ways of saying "not now" into the error a caller is told."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OperationalError):
            return
        cause: BaseException | None = error  # what came first may hide behind a failed rollback
        while cause is not None:
            if reason := _reason(cause):
                raise Unavailable(reason, str(cause).partition("\n")[0]) from error
            cause = cause.__context__


def _in_transaction(connection: Connection) -> bool:
    raw: Any = connection.connection.driver_connection
    return bool(raw.in_transaction)


def _reason(error: BaseException) -> str | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "The database is busy; nothing was changed. Please try again."
        case sqlite3.SQLITE_FULL:
            return "The disk is full; nothing was changed."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return "The database cannot be written; nothing was changed."
        case _:
            return None
