"""Where the bytes of files are kept: a folder, or an S3-compatible bucket. Both through obstore.

A key is random and says nothing of what it names. What is kept under one never changes. Whoever
sends a file to a network or looks into it needs a path on this machine's disk; for a bucket that
is a copy in a cache.
"""

import os
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from oncue.errors import Unavailable
from oncue.lib.buckets import Bucket
from oncue.media.cache import Cache
from oncue.settings import Settings

# A bucket takes a large file in parts, so many at once: what is in memory meanwhile.
PART_BYTES: Final = 8 * 1024 * 1024
PARTS_AT_ONCE: Final = 2
CHUNK_BYTES: Final = 1024 * 1024

# For a request to a bucket as a whole: half a gigabyte over a slow line, and no longer.
REQUEST_TIME: Final = timedelta(minutes=10)
SILENCE: Final = timedelta(seconds=30)
CONNECT_TIME: Final = timedelta(seconds=5)
RETRIES: Final = 2
RETRY_TIME: Final = timedelta(seconds=15)

WORK: Final = "work"  # the folder of files on their way
CACHE: Final = "cache"

log = structlog.get_logger()


class Missing(LookupError):
    """Nothing is kept under this key."""


class WrongSize(ValueError):
    """What is kept has another size than it was said to have."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"it has {size_bytes} bytes")
        self.size_bytes = size_bytes


class Storage(Protocol):
    """Keeps files under keys. Every call raises Unavailable where that cannot be done just now."""

    @property
    def work(self) -> Path:
        """The folder for files on their way."""
        ...

    async def keep(self, file: Path, key: str, content_type: str) -> None:
        """Keep what is in `file`, one of `work` or `path_of`; the file itself stays.

        What is kept survives a power cut when this returns.
        """
        ...

    async def path_of(self, key: str, size_bytes: int | None = None) -> Path:
        """A file on this machine with the bytes; raises Missing, and WrongSize for another size."""
        ...

    async def size_of(self, key: str) -> int | None:
        """How many bytes are kept under `key`; None: nothing is."""
        ...

    async def drop(self, key: str) -> None:
        """Keep it no longer; nothing where there is nothing."""
        ...

    async def upload_url(self, key: str, lasting: timedelta) -> str | None:
        """Where anybody may PUT what is to be kept under `key`; None: with us."""
        ...

    async def download_url(self, key: str, lasting: timedelta) -> str | None:
        """Where anybody may GET it; None: with us."""
        ...


def new_key() -> str:
    return str(uuid4())


def open_storage(settings: Settings) -> Storage:
    """The storage the settings describe. Nothing is asked of a bucket yet."""
    if settings.media_bucket is None:
        return FolderStorage(settings.media_dir)
    return BucketStorage(settings.media_bucket, settings.media_dir)


class FolderStorage:
    """A folder. A file that is in it already is kept by a second name, a hard link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.work = self.folder / WORK

    async def keep(self, file: Path, key: str, content_type: str) -> None:
        with reached(nothing_is_missing=True):
            store = self._open()
            try:
                await obstore.copy_async(store, file.relative_to(self.folder).as_posix(), key)
            except BaseError:  # a file system without hard links
                await obstore.put_async(store, key, file)
            await to_thread(_make_durable, self.folder / key)

    def _open(self) -> LocalStore:
        return LocalStore(self.folder, mkdir=True)

    async def path_of(self, key: str, size_bytes: int | None = None) -> Path:
        path = self.folder / key
        with reached():
            actual = path.stat().st_size
        if size_bytes is not None and actual != size_bytes:
            raise WrongSize(actual)
        return path

    async def size_of(self, key: str) -> int | None:
        try:
            with reached():
                return (self.folder / key).stat().st_size
        except Missing:
            return None

    async def drop(self, key: str) -> None:
        with suppress(Missing), reached():
            await obstore.delete_async(self._open(), key)

    async def upload_url(self, key: str, lasting: timedelta) -> str | None:
        return None

    async def download_url(self, key: str, lasting: timedelta) -> str | None:
        return None


class BucketStorage:
    """A bucket, and copies of what was needed from it lately. Credentials come from AWS_*."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.work = folder.absolute() / WORK
        self.cache = Cache(folder.absolute() / CACHE)
        self._store = _open_bucket(bucket, bucket.endpoint)
        self._to_others = self._store
        if bucket.public_endpoint:
            self._to_others = _open_bucket(bucket, bucket.public_endpoint)

    async def keep(self, file: Path, key: str, content_type: str) -> None:
        with reached(nothing_is_missing=True):
            await obstore.put_async(
                self._store,
                key,
                file,
                attributes={"Content-Type": content_type, "Content-Disposition": "inline"},
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        self.cache.take(key, file)

    async def path_of(self, key: str, size_bytes: int | None = None) -> Path:
        async with self.cache.turn(key):
            path = self.cache.find(key)
            if path is None:
                path = await self._download(key, size_bytes)
        if size_bytes is not None and (actual := path.stat().st_size) != size_bytes:
            raise WrongSize(actual)
        return path

    async def _download(self, key: str, size_bytes: int | None) -> Path:
        with reached():
            found = await obstore.get_async(self._store, key)
            actual = found.meta["size"]
            if size_bytes is not None and actual != size_bytes:
                raise WrongSize(actual)
            return await self.cache.add(key, found.stream(min_chunk_size=CHUNK_BYTES))

    async def look(self) -> None:
        """Raises Unavailable where the bucket does not answer, or not to us."""
        with reached(nothing_is_missing=True):
            async for _some in obstore.list(self._store, chunk_size=1):
                return

    async def size_of(self, key: str) -> int | None:
        try:
            with reached():
                return int((await obstore.head_async(self._store, key))["size"])
        except Missing:
            return None

    async def drop(self, key: str) -> None:
        self.cache.forget(key)
        with suppress(Missing), reached():
            await obstore.delete_async(self._store, key)

    async def upload_url(self, key: str, lasting: timedelta) -> str | None:
        with reached():
            return await obstore.sign_async(self._to_others, "PUT", key, lasting)

    async def download_url(self, key: str, lasting: timedelta) -> str | None:
        with reached():
            return await obstore.sign_async(self._to_others, "GET", key, lasting)


@contextmanager
def reached(*, nothing_is_missing: bool = False) -> Iterator[None]:
    """Word what can go wrong with a storage: Missing, or Unavailable.

    `nothing_is_missing`: what is not there is not a file but the bucket itself. The trouble is
    logged by its kind alone: its words may hold a signed address.
    """
    try:
        yield
    except (BaseError, OSError) as trouble:
        if isinstance(trouble, FileNotFoundError) and not nothing_is_missing:
            raise Missing from None
        log.warning("storage_trouble", kind=type(trouble).__name__)
        words = "The storage of media cannot be reached or written; nothing was changed."
        raise Unavailable(words) from trouble


def _open_bucket(bucket: Bucket, endpoint: str) -> S3Store:
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config={"region": bucket.region, **({"endpoint": endpoint} if endpoint else {})},
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": CONNECT_TIME,
            "read_timeout": SILENCE,
            "timeout": REQUEST_TIME,
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIME},
    )


def _make_durable(path: Path) -> None:
    """Let the file and its name survive a power cut."""
    for what in (path, path.parent):
        descriptor = os.open(what, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
