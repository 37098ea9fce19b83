"""The doctor says how much room files take, and whether the bucket answers."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from buckets import Buckets
from installation import MASTER_KEY, Installation
from media.test_storage_sharing import file_id
from media.uploading import PHOTO
from oncue.cli.doctor_database import database
from oncue.cli.doctor_media import bucket as look_at_bucket
from oncue.cli.findings import Level
from oncue.lib.buckets import Bucket
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

MB = 1024 * 1024


async def said(site: Installation, retention: timedelta | None) -> str:
    current = replace(site.services.settings, secret_keys=MASTER_KEY, media_retention=retention)
    [finding] = [each for each in await database(current, site.clock) if each.name == "media"]
    assert finding.level is Level.OK
    return finding.words


async def test_the_room_that_files_take_is_told(installation: Installation) -> None:
    empty = await said(installation, timedelta(days=90))
    used = await file_id(installation, PHOTO + bytes(2 * MB))
    await file_id(installation, PHOTO + bytes(1 * MB))
    await installation.create("MASTODON", media=[used])

    assert empty == ("0 files, 0.0 MB; no post uses 0 of them, 0.0 MB, which go after 90 days")
    assert await said(installation, timedelta(days=7)) == (
        "2 files, 3.0 MB; no post uses 1 of them, 1.0 MB, which go after 7 days"
    )
    assert (await said(installation, None)).endswith("1.0 MB, which are kept")


async def test_a_bucket_is_asked_whether_it_is_there(s3: Buckets, tmp_path: Path) -> None:
    async def levels(place: Bucket | None) -> list[tuple[str, str]]:
        settings = Settings(data_dir=tmp_path, media_bucket=place)
        return [(each.name, each.level) for each in await look_at_bucket(settings)]

    name = "media bucket"
    assert await levels(None) == []
    assert await levels(s3.new()) == [(name, Level.OK)]
    assert await levels(Bucket(name="not-made", endpoint=s3.url)) == [(name, Level.PROBLEM)]
    assert await levels(Bucket(name="x-y-z", endpoint="http://127.0.0.1:9")) == [
        (name, Level.PROBLEM)
    ]
