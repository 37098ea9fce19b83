"""What every test shares: both databases, a clock that obeys, and no way out to the network."""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
import structlog

from installation import Clock, Installation, install, migrated, pg_database, pg_reachable
from oncue.connectors.base import Connector
from oncue.connectors.registry import CONNECTORS
from oncue.db.open import open_database
from oncue.settings import Settings
from paged import PLATFORM, Paged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for most time begins first, so that nobody waits for it in the end."""

    def longest(item: pytest.Item) -> float:
        asked = item.get_closest_marker("timeout")
        return -asked.args[0] if asked else 0

    items.sort(key=longest)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A test that sets up logging does so for itself alone."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to copy for each test."""
    folder = tmp_path_factory.mktemp("template")
    migrated(Settings(data_dir=folder))
    return folder / "oncue.db"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A migrated PostgreSQL database of this test process; each test empties it first."""
    if not pg_reachable():
        if os.environ.get("CI"):
            raise AssertionError("CI needs PostgreSQL on 127.0.0.1:5432 (user postgres)")
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 (trust, user postgres); set ONCUE_TEST_PG")
    with pg_database(f"oncue_test_{os.getpid()}") as url:
        migrated(Settings(database_url=url))
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Settings:
    """An empty installation's settings, on each database in turn."""
    if request.param == "sqlite":
        shutil.copy(sqlite_template, tmp_path / "oncue.db")
        return Settings(data_dir=tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return Settings(data_dir=tmp_path, database_url=url)


@pytest.fixture
async def installation(settings: Settings, clock: Clock) -> AsyncIterator[Installation]:
    """A fresh installation with one sandbox account on every network."""
    db = open_database(settings)
    try:
        async with install(settings, db, clock) as made:
            yield made
    finally:
        await db.close()


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> Paged:
    """A network with pages, for as long as the test lasts."""
    made = Paged()
    monkeypatch.setitem(cast("dict[str, Connector]", CONNECTORS), PLATFORM, made)
    return made


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
