"""Open the database the settings name."""

from pathlib import Path

from oncue.db.database import Database
from oncue.db.postgres import PostgresDatabase
from oncue.db.sqlite import SqliteDatabase
from oncue.settings import Settings


def sqlite_file(settings: Settings) -> Path:
    return Path(settings.resolved_database_url.removeprefix("sqlite:///"))


def open_database(settings: Settings) -> Database:
    """A connection is made when the first work asks for one."""
    if settings.is_sqlite:
        return SqliteDatabase(sqlite_file(settings))
    return PostgresDatabase(settings.resolved_database_url, settings.connections)
