"""Bring a database to the schema this version needs; refuse one from a newer version."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from oncue.db.base import Base

MIGRATION_LOCK = 0x6F6E6375 + 1


class NewerSchema(RuntimeError):
    """The database was written by a version of Oncue that this one does not know."""


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file."""
    alembic = Config()
    alembic.set_main_option("script_location", str(files("oncue.db").joinpath("migrations")))
    alembic.attributes["connection"] = connection
    return alembic


def upgrade(connection: Connection) -> list[str]:
    """Apply what is missing, all in this connection's transaction; return what was applied.

    Raises NewerSchema. Two processes may call this at once: the second waits for the first.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    scripts = ScriptDirectory.from_config(config())
    present = current(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise NewerSchema(
            f"The database is at revision {present}, which this version of Oncue does not know. "
            "Install the version that wrote it, or a newer one."
        )
    missing = [
        script.revision
        for script in scripts.iterate_revisions("head", present or "base")
        if script.revision != present
    ]
    if missing:
        command.upgrade(config(connection), "head")
    return list(reversed(missing))


def current(connection: Connection) -> str | None:
    """The revision the database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(connection: Connection) -> bool:
    head = ScriptDirectory.from_config(config()).get_current_head()
    return current(connection) == head


def missing_tables(connection: Connection) -> set[str]:
    """Tables the program has and the database has not."""
    return set(Base.metadata.tables) - set(inspect(connection).get_table_names())
