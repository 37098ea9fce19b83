"""Files made to hurt, by every way in: refused or failed for what they are, and nothing is kept."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from api.answers import problem, rows
from api.test_media import kept
from installation import Clock, Installation, install
from loopback import answering, serving
from media import files
from media.test_probe_hostile import png_of_nothing
from media.test_storage_sharing import directly
from media.uploading import content_of, upload
from oncue.db.open import open_database
from oncue.lib.addresses import Allowed
from oncue.media.probe import probe
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

PLAYLIST: Final = b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/secret\n#EXTINF:1,\nfile:///etc/passwd\n"
HOSTILE: Final = {
    "a bomb": (png_of_nothing(13_000, 13_000), 422, "IMAGE_TOO_LARGE"),
    "a script": (b"<svg onload=alert(1)></svg>", 415, "MEDIA_TYPE_NOT_SUPPORTED"),
    "a playlist": (PLAYLIST, 422, "MEDIA_TYPE_NOT_SUPPORTED"),
    "half a picture": (files.picture("JPEG")[:300], 422, "MEDIA_UNREADABLE"),
}


@pytest.fixture
async def site(tmp_path: Path, sqlite_template: Path, clock: Clock) -> AsyncIterator[Installation]:
    """An installation on SQLite that looks into files for real."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    settings = Settings(data_dir=tmp_path)
    db = open_database(settings)
    try:
        async with install(settings, db, clock, probe=probe) as made:
            made.services.outbound.allowed = Allowed.parse("127.0.0.1")
            yield made
    finally:
        await db.close()


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_for_what_it_is(site: Installation, name: str) -> None:
    content, status, code = HOSTILE[name]
    before = await rows(site)

    by_hand = await directly(site, content, "a.mp4")
    async with serving(answering(200, content, content_type="image/png")) as server:
        by_url = await site.api.post("/v1/media/register", json={"url": f"{server.url}/a.png"})

    for answer in (by_hand, by_url):
        said = problem(answer)
        assert (said[0], said[1], said[2]["reason"]) == (status, code, code.lower())
    assert await rows(site) == before
    assert kept(site) == []
    assert len(server.asked) == 1


async def test_a_hostile_upload_fails_for_what_it_is(site: Installation) -> None:
    content, _, code = HOSTILE["a playlist"]

    media = await upload(site, content, contentType="video/mp4", filename="a.mp4")

    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", code)
    await site.errands()
    assert kept(site) == []


async def test_a_video_is_shown_with_all_that_is_known_of_it(
    site: Installation, tmp_path: Path
) -> None:
    clip = files.clip(tmp_path / "clip.mp4").read_bytes()

    media = await upload(site, clip, contentType="video/mp4", filename="clip.mp4")

    known = {
        "contentType": "video/mp4",
        "dimensions": {"width": 64, "height": 48},
        "frameRate": 25.0,
        "videoCodec": "h264",
        "audioCodec": "aac",
        "status": "ready",
    }
    assert media.items() >= known.items()
    assert 950 <= media["durationMs"] <= 1_100
    assert media["thumbnailUrl"] is not None
    assert await content_of(site, media["id"]) == clip
