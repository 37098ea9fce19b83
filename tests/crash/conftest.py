"""Sites to crash, on each database, and the world they publish to."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crash.site import Site
from installation import migrated, pg_database
from oncue.settings import Settings
from processes import World, simulated


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with simulated(tmp_path) as world:
        yield world


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_template: Path, world: World) -> Iterator[Site]:
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    with _open(Settings(data_dir=tmp_path), world) as site:
        yield site


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str, world: World) -> Iterator[Site]:
    """A database of its own: processes that outlive a failed test must not meet the next one."""
    with pg_database(f"oncue_crash_{os.getpid()}") as url:
        settings = Settings(data_dir=tmp_path, database_url=url)
        migrated(settings)
        with _open(settings, world) as site:
            yield site


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest) -> Site:
    name = "on_sqlite" if request.param == "sqlite" else "on_postgres"
    site: Site = request.getfixturevalue(name)
    return site


@contextmanager
def _open(settings: Settings, world: World) -> Iterator[Site]:
    site = Site(settings, world)
    try:
        yield site
    finally:
        site.close()
