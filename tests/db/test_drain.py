"""Waiting for the writes that are on their way."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from oncue.db.open import open_database
from oncue.db.postgres import PostgresDatabase, in_session
from oncue.settings import Settings

pytestmark = pytest.mark.anyio


async def test_on_sqlite_it_is_our_turn_when_others_have_written(tmp_path: Path) -> None:
    one, other = (open_database(Settings(data_dir=tmp_path)) for _ in range(2))
    begun, go_on = threading.Event(), threading.Event()

    def write(session: Session) -> None:
        session.execute(text("CREATE TABLE note (text TEXT)"))
        begun.set()
        go_on.wait()

    writing = asyncio.create_task(one.write(write))
    await asyncio.to_thread(begun.wait)
    draining = asyncio.create_task(other.drain())
    await asyncio.sleep(0.05)
    assert not draining.done()

    go_on.set()
    await draining

    await writing
    await one.close()
    await other.close()


async def test_on_postgresql_it_waits_for_those_that_began_before_and_no_others(
    postgres_url: str,
) -> None:
    one, other = PostgresDatabase(postgres_url), PostgresDatabase(postgres_url)
    ends, later_ends = asyncio.Event(), asyncio.Event()

    async def write_until(event: asyncio.Event, begun: asyncio.Event) -> None:
        async with one._engine.begin() as connection:
            await connection.run_sync(in_session, lambda s: s.execute(text("SELECT 1")).close())
            begun.set()
            await event.wait()

    begun, later_begun = asyncio.Event(), asyncio.Event()
    before = asyncio.create_task(write_until(ends, begun))
    await begun.wait()
    draining = asyncio.create_task(other.drain())
    await asyncio.sleep(0.2)
    later = asyncio.create_task(write_until(later_ends, later_begun))
    await later_begun.wait()
    assert not draining.done()

    ends.set()
    await draining

    assert not later.done()
    later_ends.set()
    await asyncio.gather(before, later)
    await one.close()
    await other.close()
