"""The rows of a new post written by the driver alone: the limit for whoever writes them at all.

Nothing of Oncue is in here but the rows that creating one post left in the database: a bare
program writes the same again and again, with ids of its own.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import asyncpg

Row: TypeAlias = dict[str, Any]
Job: TypeAlias = "tuple[Written, asyncio.Future[None]]"

POOL: Final = 20
BATCH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The rows of one post, as the driver takes them."""

    post: Sequence[Any]
    destinations: Sequence[Sequence[Any]]
    event: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The rows of a post that was created by Oncue; `event` without its serial number."""

    post: Row
    destinations: Sequence[Row]
    event: Row

    def again(self, id_: Any, account_ids: Sequence[Any], content: str, new_id: Any) -> Written:
        """The same with other ids; `new_id` makes one as the driver takes it."""
        return Written(
            post=[*(self.post | {"id": id_, "content": content}).values()],
            destinations=[
                [*(row | {"id": new_id(), "post_id": id_, "account_id": account_id}).values()]
                for row, account_id in zip(self.destinations, account_ids, strict=True)
            ],
            event=[*(self.event | {"id": new_id(), "post_id": id_}).values()],
        )


class BareSqlite:
    """One connection, one thread, one commit for whatever waits, up to `batch` posts."""

    def __init__(self, file: Path, batch: int = BATCH) -> None:
        self._batch = batch
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._model = self._learn()
        self._waiting: SimpleQueue[Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    async def create(self, account_ids: Sequence[UUID], content: str) -> UUID:
        post_id = uuid4()
        accounts = [each.hex for each in account_ids]
        written = self._model.again(post_id.hex, accounts, content, lambda: uuid4().hex)
        done = self._loop.create_future()
        self._waiting.put((written, done))
        await done
        return post_id

    async def close(self) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _learn(self) -> Model:
        ask = self._connection.execute
        event = dict(ask("SELECT * FROM event WHERE type = 'post.created' LIMIT 1").fetchone())
        post_id = [event["post_id"]]
        destinations = ask("SELECT * FROM destination WHERE post_id = ?", post_id).fetchall()
        return Model(
            post=dict(ask("SELECT * FROM post WHERE id = ?", post_id).fetchone()),
            destinations=[dict(row) for row in destinations],
            event=_unnumbered(event),
        )

    def _run(self) -> None:
        post, destination, event = (
            _insert(table, row, lambda _number: "?") for table, row in _tables(self._model)
        )
        while (first := self._waiting.get()) is not None:
            together = [first, *self._neighbours()]
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for written, _done in together:
                    self._connection.execute(post, written.post)
                    self._connection.executemany(destination, written.destinations)
                    self._connection.execute(event, written.event)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                for _written, done in together:
                    self._loop.call_soon_threadsafe(done.set_exception, error)
                continue
            for _written, done in together:
                self._loop.call_soon_threadsafe(done.set_result, None)

    def _neighbours(self) -> list[Job]:
        found: list[Job] = []
        while len(found) + 1 < self._batch:
            try:
                job = self._waiting.get_nowait()
            except Empty:
                break
            if job is None:
                self._waiting.put(None)
                break
            found.append(job)
        return found


class BarePostgres:
    """A pool of connections, a transaction for each post."""

    def __init__(self, pool: asyncpg.Pool, model: Model) -> None:
        self._pool = pool
        self._model = model
        self._post, self._destination, self._event = (
            _insert(table, row, lambda number: f"${number}") for table, row in _tables(model)
        )

    @classmethod
    async def open(cls, url: str) -> "BarePostgres":
        pool = await asyncpg.create_pool(url, min_size=POOL, max_size=POOL)
        event = dict(await pool.fetchrow("SELECT * FROM event WHERE type = 'post.created' LIMIT 1"))
        post_id = event["post_id"]
        destinations = await pool.fetch("SELECT * FROM destination WHERE post_id = $1", post_id)
        model = Model(
            post=dict(await pool.fetchrow("SELECT * FROM post WHERE id = $1", post_id)),
            destinations=[dict(row) for row in destinations],
            event=_unnumbered(event),
        )
        return cls(pool, model)

    async def create(self, account_ids: Sequence[UUID], content: str) -> UUID:
        post_id = uuid4()
        written = self._model.again(post_id, account_ids, content, uuid4)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._post, *written.post)
            await connection.executemany(self._destination, written.destinations)
            await connection.execute(self._event, *written.event)
        return post_id

    async def close(self) -> None:
        await self._pool.close()


def _unnumbered(event: Row) -> Row:
    return {name: value for name, value in event.items() if name != "seq"}


def _tables(model: Model) -> Sequence[tuple[str, Row]]:
    return [("post", model.post), ("destination", model.destinations[0]), ("event", model.event)]


def _insert(table: str, row: Row, mark: Any) -> str:
    marks = ", ".join(mark(number) for number, _name in enumerate(row, start=1))
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
