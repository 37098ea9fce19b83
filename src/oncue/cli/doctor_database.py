"""What the doctor looks at in the database: its schema, its queue, and work that is held up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from pgqueuer import AsyncpgDriver, Queries
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.cli.common import told
from oncue.cli.doctor_media import media_space
from oncue.cli.doctor_vault import secrets
from oncue.cli.findings import Finding, Level, ok, problem, warning
from oncue.db import migrate
from oncue.db.database import Database
from oncue.db.open import open_database, sqlite_file
from oncue.db.postgres import PostgresDatabase
from oncue.errors import Unavailable
from oncue.lib import ids
from oncue.lib.clock import Clock, from_epoch_ms
from oncue.outbox import Event
from oncue.posts.lifecycle import HeldReason, State
from oncue.posts.models import Destination
from oncue.publishing.promoter import WITH_WORKERS, next_due
from oncue.settings import Settings

HELD_UP: Final = timedelta(minutes=1)
STUCK: Final = timedelta(minutes=15)
CLOCKS_DIFFER: Final = timedelta(seconds=2)
NAMED: Final = 3  # examples in one finding
MIGRATE: Final = "oncue migrate"


async def database(current: Settings, now: Clock) -> list[Finding]:
    """Every finding in the database, or the one that it is not there."""
    name = "database"
    if current.is_sqlite and not (file := sqlite_file(current)).exists():
        return [problem(name, f"{file} does not exist", "oncue init makes it.")]
    db = open_database(current)
    try:
        return await _examine(db, current, now())
    except (Unavailable, SQLAlchemyError, asyncpg.PostgresError, OSError) as trouble:
        words = f"It cannot be read: {told(trouble).partition(chr(10))[0]}"
        return [problem(name, words, "Look at ONCUE_DATABASE_URL, and whether the server runs.")]
    finally:
        await db.close()


async def _examine(db: Database, current: Settings, now: datetime) -> list[Finding]:
    schema = await db.read(_schema)
    if schema.level is Level.PROBLEM:
        return [schema]
    found = [schema, *await secrets(db, current, now)]
    if isinstance(db, PostgresDatabase):
        found += [await _queue(db)]
    for look in (_clock, _overdue, _stuck, _held, _waiting, _unknown, _reconnect):
        found += [await db.read(_at(look, now))]
    return [*found, await db.read(media_space(current))]


def _at(
    look: Callable[[Session, datetime], Finding], now: datetime
) -> Callable[[Session], Finding]:
    return lambda session: look(session, now)


def _schema(session: Session) -> Finding:
    name, connection = "schema", session.connection()
    revision = migrate.current(connection)
    if revision is None:
        return problem(name, "The database is empty", "oncue init sets it up.")
    if not migrate.is_current(connection):
        words = f"It is at revision {revision}, which is not this version's"
        return problem(name, words, f"{MIGRATE}; if that refuses, install the newer version.")
    if missing := migrate.missing_tables(connection):
        words = f"Tables are missing: {', '.join(sorted(missing))}"
        return problem(name, words, "Put the database back from a backup.")
    return ok(name, f"revision {revision}, all tables there")


async def _queue(db: PostgresDatabase) -> Finding:
    """Whether PgQueuer's tables are there and of this version."""
    name = "queue"
    connection = await asyncpg.connect(db.url)
    try:
        queries = Queries(AsyncpgDriver(connection))
        if not await queries.schema_is_installed():
            return problem(name, "The queue's tables are missing", MIGRATE)
        plan = await queries.plan_upgrade()
        if plan.statements:
            return problem(
                name, "The queue's tables are incomplete, or an older version's", MIGRATE
            )
    finally:
        await connection.close()
    return ok(name, "the queue's tables are there")


def _clock(session: Session, now: datetime) -> Finding:
    """Whether this clock agrees with the database server's, and with what was written already."""
    name = "clock"
    if session.get_bind().dialect.name == "postgresql":
        theirs = session.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
        apart = abs(from_epoch_ms(int(theirs or 0)) - now)
        if apart > CLOCKS_DIFFER:
            words = f"It is {_long(apart)} off the database server's"
            return problem(name, words, "Let both keep time with NTP.")
    newest = session.scalar(select(func.max(Event.created_at)))
    if newest is not None and newest - now > CLOCKS_DIFFER:
        words = f"The newest event lies {_long(newest - now)} in the future: it was set back"
        return warning(name, words, "Check the clock; posts go out by it.")
    return ok(name, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _overdue(session: Session, now: datetime) -> Finding:
    name, first = "due posts", next_due(session)
    if first is not None and now - first > HELD_UP:
        words = f"One has been due for {_long(now - first)} and nobody has taken it"
        return warning(name, words, "Is oncue serve running, or oncue worker?")
    return ok(name, "none is held up" if first is None else f"the next is due {first:%F %T} UTC")


def _stuck(session: Session, now: datetime) -> Finding:
    name = "being published"
    found = _named(session, Destination.state.in_(WITH_WORKERS), Destination.due_at < now - STUCK)
    if found:
        words = f"For more than {_long(STUCK)}: {found}"
        return warning(name, words, "Restart Oncue: the step ledger knows what was sent.")
    return ok(name, "nothing is stuck")


def _held(session: Session, _now: datetime) -> Finding:
    name = "held posts"
    reason = Destination.held_reason == HeldReason.LATE
    if found := _named(session, Destination.state == State.HELD, reason):
        advice = "Publish, reschedule or cancel them (docs/operating.md, Late posts)."
        return warning(name, f"Waiting for a person: {found}", advice)
    return ok(name, "none")


def _waiting(session: Session, _now: datetime) -> Finding:
    name = "posts without an account"
    reason = Destination.held_reason == HeldReason.ACCOUNT
    if found := _named(session, Destination.state == State.HELD, reason):
        advice = "Connect the accounts again: they go on by themselves (docs/api.md)."
        return warning(name, f"Waiting for their accounts: {found}", advice)
    return ok(name, "none")


def _unknown(session: Session, _now: datetime) -> Finding:
    name = "unknown outcomes"
    if found := _named(session, Destination.needs_review):
        advice = "Look on the network, then /resolve (docs/exactly-once.md)."
        return warning(name, f"Waiting for a person: {found}", advice)
    return ok(name, "none")


def _reconnect(session: Session, _now: datetime) -> Finding:
    name = "accounts"
    rows = session.execute(
        select(Account.platform, Account.username)
        .where(Account.status.in_(("expired", "revoked")))
        .order_by(Account.platform, Account.username)
    ).all()
    if rows:
        named = _few([f"{platform} {username}" for platform, username in rows])
        advice = "Connect them again: oncue accounts add, or POST /v1/accounts."
        return warning(name, f"To be connected again: {named}", advice)
    count = session.scalar(select(func.count()).where(Account.status == "active"))
    return ok(name, f"{count} connected")


def _named(session: Session, *conditions: Any) -> str:
    """The posts behind the destinations that meet the conditions; empty where there are none."""
    posts = session.scalars(
        select(Destination.post_id).where(*conditions).distinct().order_by(Destination.post_id)
    ).all()
    return _few([ids.to_typeid("post", post_id) for post_id in posts])


def _few(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _long(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
