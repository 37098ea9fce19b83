"""What is kept in a storage can be had again, whichever kind it is."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import NotSupportedError

import buckets
from buckets import Buckets
from oncue.errors import Unavailable
from oncue.lib.buckets import Bucket
from oncue.media.cache import Cache
from oncue.media.storage import (
    PART_BYTES,
    BucketStorage,
    FolderStorage,
    Missing,
    Storage,
    WrongSize,
    new_key,
)

pytestmark = pytest.mark.anyio

QUARTER = timedelta(minutes=15)


def written(storage: Storage, content: bytes) -> Path:
    """A file in the storage's work folder."""
    storage.work.mkdir(parents=True, exist_ok=True)
    path = storage.work / new_key()
    path.write_bytes(content)
    return path


async def kept(storage: Storage, content: bytes) -> str:
    key = new_key()
    await storage.keep(written(storage, content), key, "image/png")
    return key


async def test_what_is_kept_can_be_had_again_until_it_is_dropped(storage: Storage) -> None:
    file, key = written(storage, b"a picture"), new_key()

    await storage.keep(file, key, "image/png")
    size = await storage.size_of(key)
    content = (await storage.path_of(key, 9)).read_bytes()
    await storage.drop(key)

    assert (size, content) == (9, b"a picture")
    assert file.read_bytes() == b"a picture"
    assert await storage.size_of(key) is None
    with pytest.raises(Missing):
        await storage.path_of(key)


async def test_what_is_not_there_is_not_missed_when_it_is_dropped(storage: Storage) -> None:
    await storage.drop(new_key())

    assert await storage.size_of(new_key()) is None


async def test_another_size_than_was_said_is_noticed(storage: Storage) -> None:
    key = await kept(storage, b"a picture")

    with pytest.raises(WrongSize) as wrong:
        await storage.path_of(key, 10)

    assert wrong.value.size_bytes == 9


async def test_a_large_file_goes_and_comes_in_parts(storage: Storage) -> None:
    content = bytes(range(256)) * ((2 * PART_BYTES + 1_000) // 256)
    key = await kept(storage, content)
    if isinstance(storage, BucketStorage):
        storage.cache.forget(key)

    assert (await storage.path_of(key)).read_bytes() == content


async def test_a_folder_takes_and_gives_files_by_way_of_us(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)

    assert await storage.upload_url(new_key(), QUARTER) is None
    assert await storage.download_url(new_key(), QUARTER) is None


async def test_a_file_is_kept_in_a_folder_by_a_second_name(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    file, key = written(storage, b"a picture"), new_key()

    await storage.keep(file, key, "image/png")

    assert (await storage.path_of(key)).samefile(file)


async def test_a_folder_without_hard_links_keeps_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unable(*_args: Any, **_options: Any) -> None:
        raise NotSupportedError("no links here")

    monkeypatch.setattr(obstore, "copy_async", unable)
    storage = FolderStorage(tmp_path)
    file, key = written(storage, b"a picture"), new_key()

    await storage.keep(file, key, "image/png")
    copy = await storage.path_of(key)

    assert copy.read_bytes() == b"a picture"
    assert not copy.samefile(file)


async def test_a_bucket_takes_and_gives_files_at_signed_addresses(
    s3: Buckets, tmp_path: Path
) -> None:
    bucket = s3.new(prefix="here/and there")
    storage, key = BucketStorage(bucket, tmp_path), new_key()

    put = await storage.upload_url(key, QUARTER)
    assert put is not None
    buckets.put(put, b"a picture", "image/png")
    got = await storage.download_url(key, QUARTER)
    assert got is not None
    assert buckets.get(got) == (b"a picture", "image/png")

    assert await storage.size_of(key) == 9
    assert s3.keys(replace(bucket, prefix="")) == [f"here/and there/{key}"]


async def test_others_may_reach_a_bucket_by_another_name(s3: Buckets, tmp_path: Path) -> None:
    bucket = replace(s3.new(), public_endpoint="https://files.example.com")
    storage = BucketStorage(bucket, tmp_path)

    address = await storage.download_url("a-key", QUARTER)

    assert address is not None
    assert address.startswith(f"https://files.example.com/{bucket.name}/media/a-key?")
    assert "X-Amz-Expires=900" in address


async def test_a_file_in_a_bucket_is_served_as_what_it_is(s3: Buckets, tmp_path: Path) -> None:
    bucket = s3.new()
    key = await kept(BucketStorage(bucket, tmp_path), b"a picture")

    given = s3.headers(f"/{bucket.name}/media/{key}")
    assert (given["content-type"], given["content-disposition"]) == ("image/png", "inline")


async def test_a_copy_is_fetched_once_and_again_when_it_is_gone(
    s3: Buckets, tmp_path: Path
) -> None:
    bucket = s3.new()
    key = await kept(BucketStorage(bucket, tmp_path / "one"), b"a picture")
    other = BucketStorage(bucket, tmp_path / "other")  # a process on another machine

    first, second = await asyncio.gather(other.path_of(key), other.path_of(key))
    s3.ask("DELETE", f"/{bucket.name}/media/{key}")
    third = await other.path_of(key)
    other.cache.forget(key)

    assert first == second == third
    with pytest.raises(Missing):
        await other.path_of(key)


async def test_a_bucket_that_does_not_answer_is_not_there_just_now(tmp_path: Path) -> None:
    bucket = Bucket(name="nowhere", endpoint="http://127.0.0.1:9")
    storage = BucketStorage(bucket, tmp_path)

    with pytest.raises(Unavailable):
        await storage.size_of("a-key")
    with pytest.raises(Unavailable):
        await kept(storage, b"a picture")


async def test_a_bucket_that_was_never_made_is_trouble(s3: Buckets, tmp_path: Path) -> None:
    storage = BucketStorage(Bucket(name="not-made", endpoint=s3.url), tmp_path)

    with pytest.raises(Unavailable):
        await kept(storage, b"a picture")
    with pytest.raises(Unavailable):
        await storage.look()
    await BucketStorage(s3.new(), tmp_path).look()


async def test_a_copy_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    async def broken() -> AsyncIterator[bytes]:
        yield b"half of"
        raise ConnectionError("the line is dead")

    with pytest.raises(ConnectionError):
        await cache.add("a-key", broken())

    assert names(tmp_path) == set()
    assert cache.find("a-key") is None


async def chunk(content: bytes) -> AsyncIterator[bytes]:
    yield content


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_old_copies_go_and_the_oldest_first_where_there_are_too_many(
    tmp_path: Path,
) -> None:
    cache = Cache(tmp_path)
    hours = {"new": 0.5, "newer": 2.0, "older": 3.0, "old": 25.0}
    now = 1_800_000_000.0
    for key, ago in hours.items():
        path = await cache.add(key, chunk(b"x" * 100))
        _aged(path, now - ago * 3_600)

    assert (cache.tidy(now), names(tmp_path)) == (1, {"new", "newer", "older"})
    assert (cache.tidy(now, most_bytes=200), names(tmp_path)) == (1, {"new", "newer"})
    assert (cache.tidy(now, most_bytes=10), names(tmp_path)) == (1, {"new"})  # just asked for
    assert Cache(tmp_path / "not made yet").tidy(now) == 0


def _aged(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))
