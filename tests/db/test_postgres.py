"""PostgreSQL: lost deadlocks are run again, lost connections are made again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from db.notes import numbers, write, writing
from installation import hang_up
from oncue.db import postgres as postgres_module
from oncue.db.database import Topic, announce_due
from oncue.db.postgres import ENDED, GIVEN_UP, OTHER_CONNECTIONS, TRIES, PostgresDatabase
from oncue.errors import Conflict, Unavailable
from oncue.settings import CONNECTIONS, BadSetting, load

pytestmark = pytest.mark.anyio


def touching(
    first: int, second: int, met: asyncio.Barrier, runs: list[int]
) -> Callable[[Session], None]:
    """Change one note and then another, with a meeting in between the first time around."""
    statement = text("UPDATE note SET words = words || :who WHERE id = :id")

    def work(session: Session) -> None:
        runs.append(first)
        session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
        session.execute(statement, {"id": first, "who": str(first)})
        if runs.count(first) == 1:
            await_only(met.wait())
        session.execute(statement, {"id": second, "who": str(first)})

    return work


async def test_the_loser_of_a_deadlock_is_run_again(postgres: PostgresDatabase) -> None:
    await postgres.write(writing(1, ""))
    await postgres.write(writing(2, ""))
    met = asyncio.Barrier(2)
    runs: list[int] = []

    await asyncio.gather(
        postgres.write(touching(1, 2, met, runs)), postgres.write(touching(2, 1, met, runs))
    )

    words = await postgres.read(
        lambda session: session.scalars(text("SELECT words FROM note ORDER BY id")).all()
    )
    assert len(runs) > 2  # a loser may lose again
    assert [sorted(each) for each in words] == [["1", "2"], ["1", "2"]]


async def test_who_never_wins_is_told_in_the_end(postgres: PostgresDatabase) -> None:
    runs: list[int] = []

    def always_in_the_way(session: Session) -> None:
        runs.append(1)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$"))

    with pytest.raises(Unavailable, match="busy"):
        await postgres.write(always_in_the_way)

    assert len(runs) == TRIES


@pytest.mark.parametrize("trouble", [Conflict("no"), IntegrityError("INSERT", {}, ValueError())])
async def test_what_will_not_get_better_is_not_tried_again(
    postgres: PostgresDatabase, trouble: Exception
) -> None:
    runs: list[int] = []

    def work(_session: Session) -> None:
        runs.append(1)
        raise trouble

    with pytest.raises(type(trouble)):
        await postgres.write(work)

    assert runs == [1]


async def test_a_connection_that_does_not_become_free_in_time_is_not_now(
    postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "FREE_SECONDS", 0.01)
    narrow = PostgresDatabase(postgres.url, OTHER_CONNECTIONS + 1)

    async def meanwhile() -> None:
        with pytest.raises(Unavailable, match="busy"):
            await narrow.read(numbers)
        with pytest.raises(Unavailable, match="busy"):
            await narrow.write(writing(1))

    await narrow.write(lambda _session: await_only(meanwhile()))

    assert await narrow.read(numbers) == []
    await narrow.close()


async def test_a_server_that_refuses_connections_is_not_now(free_port: int) -> None:
    db = PostgresDatabase(f"postgresql://postgres@127.0.0.1:{free_port}/oncue")

    with pytest.raises(Unavailable):
        await db.write(writing(1))
    with pytest.raises(Unavailable):
        await db.read(numbers)

    await db.close()


@asynccontextmanager
async def refusing(sqlstate: str, words: str) -> AsyncIterator[str]:
    """A server that answers every connection with this error, as one does that is starting."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4))
        if size == 8:  # a question whether it speaks TLS
            await reader.readexactly(4)
            writer.write(b"N")
            size = int.from_bytes(await reader.readexactly(4))
        await reader.readexactly(size - 4)
        fields = b"SFATAL\0VFATAL\0C%b\0M%b\0\0" % (sqlstate.encode(), words.encode())
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}/oncue"


@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [
        ("57P03", "the database system is starting up"),
        ("53300", "sorry, too many clients already"),
        ("28P01", "password authentication failed"),
        ("28000", "no pg_hba.conf entry for host"),
        ("3D000", "database does not exist"),
        ("55000", "database is not currently accepting connections"),
    ],
)
async def test_a_server_that_is_not_ready_is_not_now(sqlstate: str, words: str) -> None:
    async with refusing(sqlstate, words) as url:
        db = PostgresDatabase(url)

        with pytest.raises(Unavailable) as writing_refused:
            await db.write(writing(1))
        with pytest.raises(Unavailable) as reading_refused:
            await db.read(numbers)

        assert writing_refused.value.because == reading_refused.value.because == words
        assert words not in str(writing_refused.value)
        await db.close()


async def test_connections_that_were_ended_while_idle_are_made_again(
    postgres: PostgresDatabase,
) -> None:
    await postgres.write(writing(1))

    await hang_up(postgres.url)

    assert await postgres.write(writing(2)) == 2
    assert await postgres.read(numbers) == [1, 2]


async def test_a_transaction_whose_connection_ends_changes_nothing_and_says_not_now(
    postgres: PostgresDatabase,
) -> None:
    def work(session: Session) -> None:
        write(session, 1)
        await_only(hang_up(postgres.url))
        write(session, 2)

    with pytest.raises(Unavailable):
        await postgres.write(work)

    assert await postgres.read(numbers) == []


async def announce_until(heard: asyncio.Event, db: PostgresDatabase) -> None:
    """Make things due until somebody hears of it; a listener needs a moment to be there."""
    for _ in range(100):
        await db.write(announce_due)
        try:
            await asyncio.wait_for(heard.wait(), 0.1)
        except TimeoutError:
            continue
        return
    raise AssertionError("nobody listens")


async def test_what_one_process_makes_due_wakes_another(postgres: PostgresDatabase) -> None:
    other, heard = PostgresDatabase(postgres.url), asyncio.Event()
    other.on(Topic.DUE, heard.set)

    await announce_until(heard, postgres)

    await other.close()


async def test_a_listener_whose_connection_ends_listens_again(postgres: PostgresDatabase) -> None:
    other, heard = PostgresDatabase(postgres.url), asyncio.Event()
    other.on(Topic.DUE, heard.set)
    await announce_until(heard, postgres)

    heard.clear()
    await hang_up(postgres.url)

    await announce_until(heard, postgres)
    await other.close()


async def test_a_listener_that_is_hung_up_on_before_its_first_word_listens_again(
    postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = asyncpg.connect

    async def ended_at_once(url: str) -> asyncpg.Connection:
        monkeypatch.setattr(asyncpg, "connect", connect)
        connection = await connect(url)
        await connection.close()
        return connection

    monkeypatch.setattr(postgres_module, "RECONNECT_SECONDS", 0.01)
    monkeypatch.setattr(asyncpg, "connect", ended_at_once)
    other, heard = PostgresDatabase(postgres.url), asyncio.Event()
    other.on(Topic.DUE, heard.set)

    await announce_until(heard, postgres)

    await other.close()


async def test_a_session_that_stopped_in_the_middle_of_a_statement_is_ended(
    postgres: PostgresDatabase,
) -> None:
    stopped = await asyncpg.connect(postgres.url, server_settings=GIVEN_UP)
    await stopped.execute("BEGIN")
    await stopped.execute("LOCK TABLE note")
    await stopped.prepare("SELECT 1")  # asks for the plan, and the server waits for what follows

    await postgres.end_stalled(after=timedelta(0))

    await postgres.write(writing(1, "nobody holds the table"))
    with pytest.raises((asyncpg.PostgresError, *ENDED)):
        await stopped.execute("SELECT 1")


async def test_sessions_that_work_or_rest_are_left_alone(postgres: PostgresDatabase) -> None:
    resting = await asyncpg.connect(postgres.url, server_settings=GIVEN_UP)
    await resting.execute("BEGIN")

    await postgres.end_stalled(after=timedelta(0))

    assert await resting.fetchval("SELECT 1") == 1
    await resting.close()


def test_how_many_connections_a_process_holds_is_a_setting() -> None:
    def held(number: str) -> int:
        return load({"ONCUE_DATABASE_CONNECTIONS": number}).connections

    assert (held(""), held("8"), held("40")) == (CONNECTIONS, 8, 40)
    for wrong in ("7", "-20", "many", "8.5", "٩"):
        with pytest.raises(BadSetting, match="ONCUE_DATABASE_CONNECTIONS"):
            held(wrong)
