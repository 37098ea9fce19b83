"""Two workspaces side by side on each database, set up once for all tests of a file."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import paged
from installation import Clock, Installation, install, no_names
from oncue.connectors.base import Connector
from oncue.connectors.registry import CONNECTORS
from oncue.db.open import open_database
from oncue.lib.addresses import NOTHING
from oncue.lib.outbound import Downloaded, GuardedClient
from oncue.settings import Settings
from rights.scene import PNG, Two, furnish


class Shelf(GuardedClient):
    """An outside world in which every address has the same picture, and takes nothing."""

    async def download(self, url: str, to_file: Path, *_limits: Any, **_more: Any) -> Downloaded:
        _write(to_file, PNG)
        return Downloaded(size_bytes=len(PNG), claimed_type="image/png")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Settings:
    """An empty installation's settings, on each database in turn."""
    folder = tmp_path_factory.mktemp("rights")
    if request.param == "sqlite":
        shutil.copy(sqlite_template, folder / "oncue.db")
        return Settings(data_dir=folder)
    return Settings(data_dir=folder, database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module")
def pages() -> Iterator[None]:
    """One network has pages to choose from."""
    with pytest.MonkeyPatch.context() as patch:
        known = cast("dict[str, Connector]", CONNECTORS)
        patch.setitem(known, paged.PLATFORM, paged.Paged())
        yield


@pytest.fixture(scope="module")
async def two(shared_settings: Settings, pages: None) -> AsyncIterator[Two]:
    """One installation, and in it two workspaces that have the same of everything."""
    db = open_database(shared_settings)
    try:
        shelf = Shelf(NOTHING, resolver=no_names)
        async with install(shared_settings, db, Clock(), guarded=shelf) as installation:
            made = await furnish(installation)
            yield made
            await made.theirs.oncue.api.aclose()
    finally:
        await db.close()


@pytest.fixture
async def oncue(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Installation]:
    """A fresh installation for what is decided before any database is asked: one will do."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    settings = Settings(data_dir=tmp_path)
    db = open_database(settings)
    try:
        async with install(settings, db, Clock()) as made:
            yield made
    finally:
        await db.close()
