"""A full disk is no file's fault: it is said, nothing is lost, and what waits for room goes on."""

import errno
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import pytest
from starlette import formparsers

from api.answers import problem
from api.test_media import kept
from installation import Installation
from media import files
from media.uploading import PHOTO
from oncue.errors import Unavailable
from oncue.lib.outbound import Downloaded, GuardedClient
from oncue.media import confined, disk
from oncue.media.fetching import fetch
from oncue.media.probe import probe
from oncue.media.recipes import ImageRecipe, PictureRecipe, Recipe, VideoRecipe
from oncue.media.render import limits_for, order_for

pytestmark = pytest.mark.anyio

FULL: Final = Path("/dev/full")  # where every write finds no room
STILL: Final = ImageRecipe(content_type="image/jpeg", max_bytes=100_000, size=None)
COPY: Final = VideoRecipe(
    content_type="video/mp4", max_bytes=100_000, picture=None, audio_bits=None, seconds=1.0
)
ENCODE: Final = VideoRecipe(
    content_type="video/mp4",
    max_bytes=100_000,
    picture=PictureRecipe(size=(32, 24), fps=10, bits=None),
    audio_bits=None,
    seconds=1.0,
)


def no_room(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_no_room_for_a_thumbnail_says_nothing_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(files.picture("PNG"))

    with pytest.raises(Unavailable, match="The disk is full"):
        await probe(path, thumbnail=FULL)


@pytest.mark.parametrize("recipe", [STILL, COPY, ENCODE], ids=["still", "copied", "encoded"])
async def test_no_room_for_a_mended_file_says_nothing_of_the_file(
    recipe: Recipe, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    if isinstance(recipe, VideoRecipe):
        files.clip(path)
    else:
        path.write_bytes(files.picture("PNG"))
    order = order_for(path, recipe, tmp_path / "b") | {"target": str(FULL)}

    with pytest.raises(Unavailable, match="The disk is full"):
        await confined.run("render", order, limits_for(recipe))


async def test_no_room_for_a_process_says_nothing_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(files.picture("PNG"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))

    with pytest.raises(Unavailable, match="No process can be started"):
        await probe(path)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
    ],
)
def test_what_is_wrong_with_the_disk_is_said(number: int, says: str) -> None:
    with pytest.raises(Unavailable, match=says), disk.written():
        raise OSError(number, "x")


def test_what_is_not_the_disks_fault_is_not_laid_to_it() -> None:
    with pytest.raises(FileNotFoundError), disk.written():
        raise FileNotFoundError(errno.ENOENT, "x")


async def test_an_upload_that_finds_no_room_leaves_nothing(folder_site: Installation) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield PHOTO
        no_room()

    with pytest.raises(Unavailable, match="The disk is full"):
        await folder_site.services.intake.receive(chunks(), 1_000_000)

    assert kept(folder_site) == []


async def test_a_fetched_file_that_finds_no_room_leaves_nothing(
    folder_site: Installation,
) -> None:
    class Fetcher(GuardedClient):
        """Has nowhere to put what it fetches."""

        def __init__(self) -> None:
            pass

        async def check(self, url: str, *, https_only: bool) -> None:
            pass

        async def download(self, url: str, to_file: Path, *_: Any, **__: Any) -> Downloaded:
            to_file.open("xb").close()
            return no_room()  # type: ignore[no-any-return]

    site = folder_site
    with pytest.raises(Unavailable, match="The disk is full"):
        await fetch(
            Fetcher(),
            site.services.intake,
            site.workspace_id,
            "https://example.com/a.png",
            timedelta(seconds=1),
            field="url",
        )

    assert kept(site) == []


async def test_no_room_for_a_form_is_not_the_senders_fault(
    folder_site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Spool(SpooledTemporaryFile[bytes]):
        """What a form's file is written to on its way, where there is no room for it."""

        write = no_room

    monkeypatch.setattr(formparsers, "SpooledTemporaryFile", Spool)

    answer = await folder_site.api.post("/v1/media", files={"file": ("a.png", PHOTO, "image/png")})

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)
    assert "The disk is full" in answer.text
