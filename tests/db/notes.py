"""A table small enough to see transactions by: numbered notes, some of them others' parents."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from sqlalchemy import text
from sqlalchemy.orm import Session

from oncue.db.sqlite import SqliteDatabase

Work: TypeAlias = Callable[[Session], int]

TABLE: Final = (
    "CREATE TABLE note ("
    " id INTEGER PRIMARY KEY, words TEXT NOT NULL,"
    " parent INTEGER REFERENCES note (id) DEFERRABLE INITIALLY IMMEDIATE)"
)


def writing(number: int, words: str = "Hello", parent: int | None = None) -> Work:
    """A transaction that writes one note and returns its number."""

    def work(session: Session) -> int:
        write(session, number, words, parent)
        return number

    return work


def write(session: Session, number: int, words: str = "Hello", parent: int | None = None) -> None:
    statement = text("INSERT INTO note VALUES (:id, :words, :parent)")
    session.execute(statement, {"id": number, "words": words, "parent": parent})


def numbers(session: Session) -> list[int]:
    """The notes that are there, in order."""
    return list(session.scalars(text("SELECT id FROM note ORDER BY id")))


async def together(db: SqliteDatabase, *works: Work) -> list[int | BaseException]:
    """Hand the writer all of these while it is busy, so that it takes them at once."""
    busy, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold_up(_session: Session) -> None:
        loop.call_soon_threadsafe(busy.set)
        assert go_on.wait(timeout=10)

    held = asyncio.create_task(db.write(hold_up))
    await busy.wait()
    waiting = asyncio.gather(*(db.write(work) for work in works), return_exceptions=True)
    await asyncio.sleep(0)  # every write is in the queue now
    go_on.set()
    await held
    return await waiting
