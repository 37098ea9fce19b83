"""The embedded database: neighbours share a commit, never a fate."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.notes import numbers, together, write, writing
from oncue.db.database import Topic, announce_due
from oncue.db.sqlite import BATCH, SqliteDatabase
from oncue.errors import Conflict

pytestmark = pytest.mark.anyio


@contextmanager
def counted(db: SqliteDatabase) -> Iterator[list[object]]:
    """Every commit of the writer while the block lasts."""
    commits: list[object] = []
    count = commits.append
    event.listen(db._writing, "commit", count)
    yield commits
    event.remove(db._writing, "commit", count)


async def test_fifty_writes_take_few_commits(sqlite: SqliteDatabase) -> None:
    with counted(sqlite) as commits:
        await asyncio.gather(*(sqlite.write(writing(number)) for number in range(50)))

    assert await sqlite.read(numbers) == list(range(50))
    assert len(commits) <= 5


async def test_a_commit_is_shared_by_no_more_than_a_batch(sqlite: SqliteDatabase) -> None:
    works = [writing(number) for number in range(2 * BATCH + 1)]

    with counted(sqlite) as commits:
        await together(sqlite, *works)

    assert await sqlite.read(numbers) == list(range(2 * BATCH + 1))
    assert len(commits) == 1 + 3  # the one they waited for, two full batches and the rest


async def test_a_refused_write_takes_nobody_with_it(sqlite: SqliteDatabase) -> None:
    def refused(session: Session) -> int:
        write(session, 2)
        raise Conflict("somebody else was first")

    outcomes = await together(sqlite, writing(1), refused, writing(1), writing(3))

    assert [type(outcome) for outcome in outcomes] == [int, Conflict, IntegrityError, int]
    assert await sqlite.read(numbers) == [1, 3]


async def test_a_failed_commit_is_told_to_everyone_in_it(sqlite: SqliteDatabase) -> None:
    def orphan(session: Session) -> int:
        """What only the commit finds to be wrong."""
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        write(session, 2, parent=99)
        return 2

    outcomes = await together(sqlite, writing(1), orphan, writing(3))

    assert [type(outcome) for outcome in outcomes] == [IntegrityError] * 3
    assert await sqlite.read(numbers) == []
    assert await sqlite.write(writing(4)) == 4


async def test_a_caller_who_no_longer_waits_holds_up_nobody(sqlite: SqliteDatabase) -> None:
    gone = asyncio.create_task(sqlite.write(writing(1)))
    await asyncio.sleep(0)
    gone.cancel()

    assert await sqlite.write(writing(2)) == 2
    assert await sqlite.read(numbers) == [1, 2]


async def test_whoever_waits_is_woken_once_what_is_due_is_committed(
    sqlite: SqliteDatabase,
) -> None:
    woken: list[str] = []
    sqlite.on(Topic.DUE, lambda: woken.append("promoter"))

    def due(session: Session) -> int:
        announce_due(session)
        return 1

    await together(sqlite, due, writing(2))

    assert woken == ["promoter"]


async def test_what_failed_to_become_due_wakes_nobody(sqlite: SqliteDatabase) -> None:
    woken: list[str] = []
    sqlite.on(Topic.DUE, lambda: woken.append("promoter"))

    def due(session: Session) -> int:
        announce_due(session)
        raise Conflict("too late")

    with pytest.raises(Conflict):
        await sqlite.write(due)

    assert woken == []


async def test_what_was_waiting_at_the_end_is_still_written(sqlite: SqliteDatabase) -> None:
    waiting = asyncio.gather(*(sqlite.write(writing(number)) for number in range(5)))
    await asyncio.sleep(0)

    await sqlite.close()

    assert await waiting == list(range(5))
