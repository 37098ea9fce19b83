"""A busy file and a full disk: said in so many words, survived, and nobody is told a lie."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from db.notes import numbers, together, writing
from oncue.db.sqlite import SqliteDatabase
from oncue.errors import Unavailable

pytestmark = pytest.mark.anyio

HUGE = "a" * 1_000_000

# Takes the writer's place in the file named, says so, and keeps it until it is spoken to.
OTHER_PROCESS = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("mine", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", OTHER_PROCESS, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        yield other
        other.communicate(b"done\n")


async def configure(db: SqliteDatabase, pragma: str) -> None:
    await db.write(lambda session: session.execute(text(f"PRAGMA {pragma}")).close())


async def test_a_file_another_process_keeps_is_a_reason_to_try_again(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    await configure(sqlite, "busy_timeout = 50")  # and not half a minute

    with held_by_another_process(tmp_path / "notes.db"):
        with pytest.raises(Unavailable, match="busy; nothing was changed"):
            await sqlite.write(writing(1))
        seen_meanwhile = await sqlite.read(numbers)

    assert seen_meanwhile == []
    assert await sqlite.write(writing(2)) == 2


async def test_a_moment_of_another_process_is_waited_out(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    with held_by_another_process(tmp_path / "notes.db"):
        waiting = asyncio.create_task(sqlite.write(writing(1)))
        await asyncio.sleep(0)

    assert await waiting == 1


async def test_a_full_disk_takes_the_whole_commit_and_tells_everyone_in_it(
    sqlite: SqliteDatabase,
) -> None:
    await configure(sqlite, "max_page_count = 10")

    outcomes = await together(sqlite, writing(1), writing(2, HUGE), writing(3))

    assert [str(outcome) for outcome in outcomes] == ["The disk is full; nothing was changed."] * 3
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert await sqlite.read(numbers) == []


async def test_once_there_is_room_again_everything_goes_on_as_before(
    sqlite: SqliteDatabase,
) -> None:
    await configure(sqlite, "max_page_count = 10")
    with pytest.raises(Unavailable, match="full"):
        await sqlite.write(writing(1, HUGE))

    await sqlite.write(writing(2))
    await configure(sqlite, "max_page_count = 1000000")
    await sqlite.write(writing(3, HUGE))

    assert await sqlite.read(numbers) == [2, 3]


async def test_whoever_is_told_yes_is_right_while_the_disk_fills_up(
    sqlite: SqliteDatabase,
) -> None:
    await configure(sqlite, "max_page_count = 30")
    works = [writing(number, "a" * (number % 3 * 4_000)) for number in range(60)]

    outcomes = [outcome for work in works for outcome in await together(sqlite, work)]

    kept = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert await sqlite.read(numbers) == kept
    assert {type(outcome) for outcome in outcomes} == {int, Unavailable}


async def test_a_database_that_may_only_be_read_is_not_now(sqlite: SqliteDatabase) -> None:
    await configure(sqlite, "query_only = ON")

    with pytest.raises(Unavailable, match="cannot be written"):
        await sqlite.write(writing(1))

    assert await sqlite.read(numbers) == []


async def test_a_folder_that_is_not_there_is_not_now(tmp_path: Path) -> None:
    db = SqliteDatabase(tmp_path / "missing" / "notes.db")

    with pytest.raises(Unavailable, match="cannot be written"):
        await db.write(writing(1))
    with pytest.raises(Unavailable, match="cannot be written"):
        await db.read(numbers)

    await db.close()
