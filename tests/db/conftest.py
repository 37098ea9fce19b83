"""Each database with a small table in it, for tests of transactions that need no posts."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from db.notes import TABLE
from installation import pg_database
from oncue.db.database import Database
from oncue.db.postgres import PostgresDatabase
from oncue.db.sqlite import SqliteDatabase


@pytest.fixture(scope="session")
def scratch_url(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database to do anything with. (Skipped as `postgres_url` is.)"""
    with pg_database(f"oncue_scratch_{os.getpid()}") as url:
        yield url


@pytest.fixture
def bare_url(scratch_url: str) -> str:
    """A PostgreSQL database with nothing in it."""

    async def clear() -> None:
        connection = await asyncpg.connect(scratch_url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(clear())
    return scratch_url


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    db = SqliteDatabase(tmp_path / "notes.db")
    await db.write(lambda session: session.execute(text(TABLE)))
    yield db
    await db.close()


@pytest.fixture
async def postgres(bare_url: str) -> AsyncIterator[PostgresDatabase]:
    db = PostgresDatabase(bare_url)
    await db.write(lambda session: session.execute(text(TABLE)))
    yield db
    await db.close()


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest) -> Database:
    """Each database in turn."""
    chosen: Any = request.getfixturevalue(request.param)
    found: Database = chosen
    return found
