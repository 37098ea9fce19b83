"""Migrations: from nothing, again, from two sides at once, and never over a newer schema."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from oncue.db import migrate
from oncue.db.base import Base
from oncue.db.database import Database
from oncue.db.migrate import NewerSchema
from oncue.db.open import open_database
from oncue.runtime import upgrade_schema
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

SCRIPTS = ScriptDirectory.from_config(migrate.config())
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation whose database has nothing in it, on each database in turn."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path)
    return Settings(data_dir=tmp_path, database_url=request.getfixturevalue("bare_url"))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    db = open_database(settings)
    try:
        yield db
    finally:
        await db.close()


def is_complete(session: Session) -> bool:
    connection = session.connection()
    return migrate.is_current(connection) and not migrate.missing_tables(connection)


async def test_an_empty_database_becomes_a_whole_one(empty: Settings) -> None:
    async with opened(empty) as db:
        applied = await upgrade_schema(empty, db)

        assert applied == REVISIONS
        assert await db.read(is_complete)


async def test_once_more_changes_nothing(settings: Settings) -> None:
    async with opened(settings) as db:
        assert await upgrade_schema(settings, db) == []
        assert await db.read(is_complete)


async def test_two_processes_that_start_at_once_share_the_work(empty: Settings) -> None:
    async with opened(empty) as one, opened(empty) as other:
        applied = await asyncio.gather(upgrade_schema(empty, one), upgrade_schema(empty, other))

        assert sorted(applied) == [[], REVISIONS]
        assert await one.read(is_complete)


async def test_a_schema_from_a_later_version_is_refused(settings: Settings) -> None:
    def upgrade(session: Session) -> list[str]:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        return migrate.upgrade(session.connection())

    async with opened(settings) as db:
        with pytest.raises(NewerSchema, match="9999"):
            await db.write(upgrade)


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Settings) -> None:
    in_the_way = text("CREATE TABLE post (id INTEGER)")
    async with opened(empty) as db:
        await db.write(lambda session: session.execute(in_the_way).close())

        with pytest.raises(DBAPIError, match="post"):
            await upgrade_schema(empty, db)

        tables = await db.read(lambda session: inspect(session.connection()).get_table_names())
        assert tables == ["post"]


async def test_the_migrations_end_where_the_models_are(settings: Settings) -> None:
    async with opened(settings) as db:
        differences = await db.read(lambda session: differing(session.connection()))

    assert differences == []


def differing(connection: Connection) -> list[Any]:
    """What Alembic would still have to migrate; PgQueuer looks after its own tables."""

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or not (name or "").startswith("pgqueuer")

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_name": is_ours}
    )
    return list(compare_metadata(context, Base.metadata))


async def test_they_make_the_very_tables_the_models_describe(settings: Settings) -> None:
    """Alembic compares no conditions of indexes; this compares all that can be seen."""

    def both(session: Session) -> tuple[Any, Any]:
        connection = session.connection()
        migrated = described(connection)
        Base.metadata.drop_all(connection)  # a read is thrown away, and this with it
        Base.metadata.create_all(connection)
        return migrated, described(connection)

    async with opened(settings) as db:
        migrated, modelled = await db.read(both)

    assert migrated == modelled


def described(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table),
            "references": by_name(inspector.get_foreign_keys(table)),
            "uniques": by_name(inspector.get_unique_constraints(table)),
            "indexes": by_name(inspector.get_indexes(table)),
        }
        for table in Base.metadata.tables
    }


def by_name(things: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {thing["name"]: plain(thing) for thing in things}


def plain(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """A thing with the conditions in it as text, for SQLAlchemy does not compare them."""
    options = {name: str(value) for name, value in thing.get("dialect_options", {}).items()}
    return {**thing, "dialect_options": options}
