"""Puts a process together: settings in, a server or a worker out, and down again in order."""

import asyncio
import fcntl
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import BinaryIO, Final
from uuid import uuid4

import oncue.tables  # noqa: F401  (the migrations compare with all of them)
from oncue.accounts import expiring
from oncue.accounts.holders import LOOK_SECONDS, Holder
from oncue.accounts.vault import Vault, open_vault
from oncue.accounts.vault_check import verify_vault
from oncue.accounts.wire import Wire
from oncue.api.services import Services
from oncue.db import migrate
from oncue.db.database import Database, Topic
from oncue.db.open import open_database, sqlite_file
from oncue.db.postgres import PostgresDatabase
from oncue.lib.clock import Clock, utc_now
from oncue.lib.fence import SystemResolver
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient
from oncue.lib.outbound import GuardedClient
from oncue.lib.selftest import self_test
from oncue.media.intake import PROBES_AT_ONCE, Intake, Probe
from oncue.media.links import Links
from oncue.media.mending import Mender, Render
from oncue.media.probe import probe
from oncue.media.processing import FETCHES_AT_ONCE, Processor
from oncue.media.render import render
from oncue.media.retention import Collector, Remover
from oncue.media.storage import Storage, open_storage
from oncue.publishing.ahead import MendingAhead
from oncue.publishing.comments import Commenter
from oncue.publishing.duties import Duty
from oncue.publishing.engine import (
    Engine,
    MemoryEngine,
    PostgresEngine,
    install_queue,
)
from oncue.publishing.files import address_of, file_of
from oncue.publishing.guarding import Guard
from oncue.publishing.importing import Importer
from oncue.publishing.metrics import Metrics
from oncue.publishing.publisher import Publisher
from oncue.publishing.releasing import Releasing
from oncue.publishing.renewing import Renewer
from oncue.publishing.tidying import Tidying
from oncue.publishing.worker import Worker
from oncue.recurrence.running import run_due
from oncue.settings import Settings
from oncue.webhooks.delivery import Deliverer
from oncue.webhooks.dispatch import Dispatcher
from oncue.workspaces.gate import Gate, MemoryGate, PostgresGate

MEDIA_LINKS: Final = "media links"


class CannotStart(RuntimeError):
    """The process cannot run like this; the message says what an operator can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The parts of one process."""

    services: Services
    worker: Worker


async def upgrade_schema(settings: Settings, db: Database) -> list[str]:
    """Apply the migrations that are missing; which ones."""
    if settings.is_sqlite:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        sqlite_file(settings).touch(mode=0o600)  # what SQLite makes, the whole machine may read
    applied = await db.write(lambda session: migrate.upgrade(session.connection()))
    if isinstance(db, PostgresDatabase):
        await install_queue(db)
    return applied


@asynccontextmanager
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Everything opened and checked; closed again at the end.

    Raises VaultError, NewerSchema, GuardBroken.
    """
    vault = open_vault(settings.secret_keys, settings.key_file)
    db = open_database(settings)
    http, resolver = HttpClient(), SystemResolver()
    outbound = GuardedClient(settings.outbound_allow, resolver=resolver)
    try:
        await self_test(outbound)
        await upgrade_schema(settings, db)
        await db.write(lambda session: verify_vault(session, vault))
        engine = open_engine(db, settings.heartbeat)
        async with reporting(new_holder(settings, db, vault)):
            yield assemble(
                settings,
                db,
                vault,
                http,
                engine,
                outbound,
                probe=probe,
                render=render,
                now=utc_now,
                sleep=asyncio.sleep,
            )
    finally:
        resolver.close()
        await http.close()
        await db.close()


def new_holder(settings: Settings, db: Database, vault: Vault) -> Holder:
    """This process, as one that holds keys."""
    name = f"process {os.getpid()} on {socket.gethostname()}"
    return Holder(id=uuid4(), name=name, db=db, vault=vault, now=utc_now, beat=settings.heartbeat)


@asynccontextmanager
async def reporting(holder: Holder) -> AsyncIterator[None]:
    """Have others know which keys this process has, for as long as the block lasts."""
    guarded = Guard(what="holding_keys")

    async def report() -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await guarded.attempt(holder.act)

    await holder.act()
    task = asyncio.create_task(report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await guarded.attempt(holder.leave)


def assemble(
    settings: Settings,
    db: Database,
    vault: Vault,
    http: HttpClient,
    engine: Engine,
    outbound: GuardedClient,
    *,
    probe: Probe,
    render: Render,
    now: Clock,
    sleep: Callable[[float], Awaitable[None]],
) -> Runtime:
    """The parts of a process, fitted to each other; what touches the world is passed in."""
    storage = open_storage(settings)
    intake = Intake(db=db, storage=storage, probe=probe, now=now)
    processor = Processor(
        db=db, intake=intake, outbound=outbound, now=now, lease=settings.heartbeat
    )
    links = Links(base=settings.address, now=now, keys=partial(vault.derived, MEDIA_LINKS))
    mender = Mender(intake=intake, render=render, now=now)
    metrics = Metrics()
    wire = Wire(
        http=http,
        guarded=GuardedHttp(outbound),
        settings=settings,
        db=db,
        vault=vault,
        now=now,
        chance=random.random,
        media_file=partial(file_of, storage),
        media_address=partial(address_of, links),
    )
    publisher = Publisher(
        db=db,
        engine=engine,
        wire=wire,
        mender=mender,
        now=now,
        sleep=sleep,
        lookup_seconds=settings.lookup_seconds,
        count=metrics,
    )
    services = Services(
        settings=settings,
        db=db,
        vault=vault,
        wire=wire,
        engine=engine,
        metrics=metrics,
        now=now,
        outbound=outbound,
        intake=intake,
        processor=processor,
        links=links,
        gate=open_gate(db),
    )
    importer = Importer(db=db, now=now, lease=settings.heartbeat)
    commenter = Commenter(
        db=db, wire=wire, now=now, sleep=sleep, lookup_seconds=settings.lookup_seconds
    )
    dispatcher = Dispatcher(db=db, now=now)
    deliverer = Deliverer(db=db, vault=vault, outbound=outbound, now=now)
    duties = [
        Duty(name="importing", topic=Topic.ERRAND, act=importer.act),
        Duty(name="repeating", topic=Topic.ERRAND, act=partial(run_due, db, now)),
        Duty(name="commenting", topic=Topic.ERRAND, act=commenter.act),
        Duty(name="dispatching", topic=Topic.EVENT, act=dispatcher.dispatch),
        Duty(name="delivering", topic=Topic.EVENT, act=deliverer.deliver),
        *media_duties(db, storage, processor, settings, now),
        MendingAhead(db=db, mender=mender, now=now).duty(),
        Duty(name="expiring", topic=Topic.ERRAND, act=partial(expiring.warn, db, now)),
        Releasing(db=db, now=now).duty(),
        Duty(name="renewing", topic=Topic.ERRAND, act=Renewer(wire=wire).act),
        Tidying(db=db, now=now).duty(),
    ]
    worker = Worker(db=db, engine=engine, publisher=publisher, now=now, duties=duties)
    return Runtime(services=services, worker=worker)


def media_duties(
    db: Database, storage: Storage, processor: Processor, settings: Settings, now: Clock
) -> Sequence[Duty]:
    """Uploads wait for none that comes slowly from a URL, nor one of a kind for the other."""
    remover = Remover(db=db, storage=storage, now=now)
    collector = Collector(db=db, storage=storage, now=now, retention=settings.media_retention)
    return [
        *(
            Duty(name="processing_media", topic=Topic.ERRAND, act=processor.act)
            for _ in range(PROBES_AT_ONCE)
        ),
        *(
            Duty(name="fetching_media", topic=Topic.ERRAND, act=partial(processor.act, by_url=True))
            for _ in range(FETCHES_AT_ONCE)
        ),
        Duty(name="removing_media", topic=Topic.ERRAND, act=remover.act),
        Duty(name="collecting_media", topic=Topic.ERRAND, act=collector.act),
    ]


def open_engine(db: Database, heartbeat: timedelta) -> Engine:
    """PgQueuer on PostgreSQL, or in memory beside SQLite."""
    if isinstance(db, PostgresDatabase):
        return PostgresEngine(db, heartbeat)
    return MemoryEngine(db, heartbeat)


def open_gate(db: Database) -> Gate:
    """Where requests are counted: in a table of PostgreSQL's, or in memory beside SQLite."""
    if isinstance(db, PostgresDatabase):
        return PostgresGate(db)
    return MemoryGate(db)


def sole_worker(settings: Settings) -> BinaryIO | None:
    """Make sure that one process alone publishes from a SQLite database; raises CannotStart.

    The lock goes with the process, however it ends. PostgreSQL needs none.
    """
    if not settings.is_sqlite:
        return None
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = (settings.data_dir / "worker.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotStart(
            f"Another process already publishes from {settings.data_dir}. "
            "SQLite serves one; set ONCUE_DATABASE_URL to PostgreSQL for more."
        ) from None
    return lock
