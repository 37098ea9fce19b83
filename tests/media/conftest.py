"""Where files can be kept, for tests: a folder, and a bucket of a server on this machine."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import buckets
from buckets import CREDENTIALS, Buckets
from installation import Clock, Installation, install
from oncue.db.open import open_database
from oncue.lib.buckets import Bucket
from oncue.media.storage import Storage, open_storage
from oncue.settings import Settings


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Buckets]:
    with buckets.served() as server:
        yield server


@pytest.fixture
def s3(s3_server: Buckets, monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """An S3 that knows us: the credentials are where Oncue looks for them."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each kind of storage in turn, empty."""
    settings = Settings(data_dir=tmp_path)
    if request.param == "bucket":
        s3: Buckets = request.getfixturevalue("s3")
        settings = replace(settings, media_bucket=s3.new())
    return open_storage(settings)


@pytest.fixture(params=["sqlite and a bucket", "postgresql and a folder"])
def places(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Settings:
    """Settings of an empty installation: each database and each kind of storage once."""
    if request.param == "postgresql and a folder":
        return Settings(data_dir=tmp_path, database_url=request.getfixturevalue("postgres_url"))
    s3: Buckets = request.getfixturevalue("s3")
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    return Settings(data_dir=tmp_path, media_bucket=s3.new())


@pytest.fixture
async def site(places: Settings, clock: Clock) -> AsyncIterator[Installation]:
    """A fresh installation there."""
    async with fresh(places, clock) as made:
        yield made


@pytest.fixture
def bucket(s3: Buckets) -> Bucket:
    return s3.new()


@pytest.fixture
async def bucket_site(
    bucket: Bucket, tmp_path: Path, sqlite_template: Path, clock: Clock
) -> AsyncIterator[Installation]:
    """A fresh installation on SQLite that keeps its files in that bucket."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    async with fresh(Settings(data_dir=tmp_path, media_bucket=bucket), clock) as made:
        yield made


@pytest.fixture
async def folder_site(
    tmp_path: Path, sqlite_template: Path, clock: Clock
) -> AsyncIterator[Installation]:
    """One that keeps them in a folder: for what no database has a say in."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    async with fresh(Settings(data_dir=tmp_path), clock) as made:
        yield made


@asynccontextmanager
async def fresh(settings: Settings, clock: Clock) -> AsyncIterator[Installation]:
    db = open_database(settings)
    try:
        async with install(settings, db, clock) as made:
            yield made
    finally:
        await db.close()
