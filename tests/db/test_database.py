"""What both databases promise: one function is one transaction."""

from typing import NoReturn
from uuid import uuid4

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.notes import numbers, write, writing
from installation import START
from oncue.accounts.holders import KeyHolder
from oncue.db.database import Database, Topic
from oncue.db.open import open_database
from oncue.settings import Settings

pytestmark = pytest.mark.anyio


class Changed(Exception):
    """Somebody changed their mind in the middle of a transaction."""


def changing_our_mind(session: Session) -> NoReturn:
    write(session, 2)
    raise Changed


async def test_what_the_work_returns_comes_back_and_what_it_writes_stays(db: Database) -> None:
    returned = await db.write(writing(7))

    assert returned == 7
    assert await db.read(numbers) == [7]


async def test_work_that_raises_leaves_nothing_and_its_error_reaches_the_caller(
    db: Database,
) -> None:
    with pytest.raises(Changed):
        await db.write(changing_our_mind)

    assert await db.read(numbers) == []


async def test_a_savepoint_rolled_back_really_is(db: Database) -> None:
    def work(session: Session) -> None:
        write(session, 1)
        with pytest.raises(Changed), session.begin_nested():
            changing_our_mind(session)
        with session.begin_nested():
            write(session, 3)

    await db.write(work)

    assert await db.read(numbers) == [1, 3]


async def test_a_broken_constraint_is_told_as_such(db: Database) -> None:
    with pytest.raises(IntegrityError):
        await db.write(writing(1, parent=99))

    assert await db.read(numbers) == []


async def test_what_a_read_writes_is_thrown_away(db: Database) -> None:
    def look(session: Session) -> list[int]:
        write(session, 1)
        return numbers(session)

    assert await db.read(look) == [1]
    assert await db.read(numbers) == []


async def test_nobody_is_woken_by_what_makes_nothing_due(db: Database) -> None:
    woken: list[str] = []
    db.on(Topic.DUE, lambda: woken.append("promoter"))

    await db.write(writing(1))

    assert woken == []


async def test_what_is_written_is_not_told_by_the_error_that_it_meets(settings: Settings) -> None:
    db = open_database(settings)
    twice = insert(KeyHolder).values(
        id=uuid4(), name="canary", keys=["canary"], source="canary", seen_at=START
    )

    def write(session: Session) -> None:
        session.execute(twice)
        session.execute(twice)

    with pytest.raises(IntegrityError) as refused:
        await db.write(write)

    await db.close()
    assert "canary" not in str(refused.value)
