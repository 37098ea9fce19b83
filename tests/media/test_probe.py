"""What a file is told by its bytes alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from media import files
from oncue.errors import NotAccepted
from oncue.media.probe import LIMITS, Probed, order_for, probe
from oncue.media.probing import work

pytestmark = pytest.mark.anyio


def facts(path: Path, thumbnail: Path | None = None) -> Probed:
    """What `probe` tells; here and now rather than in a process of its own."""
    return Probed(**work(**order_for(path, thumbnail, LIMITS)))


def image(content_type: str, **more: Any) -> Probed:
    nothing = Probed(
        content_type=content_type,
        width=64,
        height=48,
        seconds=None,
        frames=None,
        fps=None,
        video_codec=None,
        audio_codec=None,
        has_thumbnail=False,
    )
    return replace(nothing, **more)


def video(content_type: str, **more: Any) -> Probed:
    seconds: Any = pytest.approx(1, abs=0.05)
    codecs = {"video_codec": "h264", "audio_codec": "aac"}
    return image(content_type, **({"seconds": seconds, "fps": 25} | codecs | more))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (files.picture("JPEG"), image("image/jpeg")),
        (files.picture("JPEG", progressive=True), image("image/jpeg")),
        (files.encoded(files.gradient(64, 48).convert("CMYK"), "JPEG"), image("image/jpeg")),
        (files.picture("PNG"), image("image/png")),
        (files.encoded(Image.new("I;16", (64, 48), 40_000), "PNG"), image("image/png")),
        (files.encoded(Image.new("1", (64, 48)), "PNG"), image("image/png")),
        (files.encoded(Image.new("LA", (64, 48)), "PNG"), image("image/png")),
        (files.picture("WEBP"), image("image/webp")),
        (files.picture("WEBP", lossless=True), image("image/webp")),
        (files.encoded(Image.new("RGBA", (64, 48)), "WEBP"), image("image/webp")),
        (files.picture("GIF"), image("image/gif", frames=1)),
        (
            files.animation("GIF", 5),
            image("image/gif", width=32, height=24, frames=5, seconds=0.5),
        ),
        (
            files.animation("WEBP", 5),
            image("image/webp", width=32, height=24, frames=5, seconds=0.5),
        ),
        (files.animation("PNG", 5), image("image/png", width=32, height=24, frames=5)),
    ],
)
def test_an_images_facts_are_those_of_its_bytes(
    content: bytes, found: Probed, tmp_path: Path
) -> None:
    path = tmp_path / "holiday.mp4"
    path.write_bytes(content)

    assert facts(path) == found


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_as_wide_as_it_is_shown(orientation: int, tmp_path: Path) -> None:
    path, small = tmp_path / "a", tmp_path / "small"
    path.write_bytes(files.picture("JPEG", exif=files.exif(orientation)))

    found = facts(path, small)

    size = (64, 48) if orientation < 5 else (48, 64)
    assert (found.width, found.height) == size
    assert files.size_of(small) == size


@pytest.mark.parametrize(
    ("name", "made", "found"),
    [
        ("a.mp4", {}, video("video/mp4")),
        ("a.mp4", {"sound": None}, video("video/mp4", audio_codec=None)),
        ("a.mov", {}, video("video/quicktime")),
        (
            "a.webm",
            {"codec": "libvpx-vp9", "sound": "libopus"},
            video("video/webm", video_codec="vp9", audio_codec="opus"),
        ),
        (  # as a browser records it: without lengths
            "a.webm",
            {"codec": "libvpx", "sound": "libopus", "options": {"live": "1"}},
            video("video/webm", video_codec="vp8", audio_codec="opus"),
        ),
        ("a.mkv", {}, video("video/x-matroska")),
        (
            "a.avi",
            {"codec": "mpeg4", "sound": "mp3"},
            video("video/x-msvideo", video_codec="mpeg4", audio_codec="mp3"),
        ),
        ("a.mp4", {"options": {"movflags": "faststart"}}, video("video/mp4")),
        (
            "a.mp4",
            {"options": {"movflags": "frag_keyframe+empty_moov"}, "encoder": {"g": "5"}},
            video("video/mp4"),
        ),
    ],
)
def test_a_videos_facts_are_those_of_its_bytes(
    name: str, made: dict[str, Any], found: Probed, tmp_path: Path
) -> None:
    path = files.clip(tmp_path / name, **made).rename(tmp_path / "picture.jpg")

    assert facts(path) == found


async def test_a_video_held_upright_is_higher_than_wide(tmp_path: Path) -> None:
    path, small = files.on_its_side(files.clip(tmp_path / "a.mp4")), tmp_path / "small"

    found = await probe(path, thumbnail=small)

    assert (found.width, found.height, found.has_thumbnail) == (48, 64, True)
    assert files.size_of(small) == (48, 64)


@pytest.mark.parametrize("turned", [False, True])
async def test_a_thumbnail_is_the_whole_picture_the_right_way_up(
    turned: bool, tmp_path: Path
) -> None:
    path, small = tmp_path / "a", tmp_path / "small"
    page = Image.new("RGB", (2_000, 1_000), "white")
    page.paste("black", (0, 0, 2_000, 500))
    path.write_bytes(files.encoded(page, "JPEG", exif=files.exif(3 if turned else 1)))

    await probe(path, thumbnail=small)

    with Image.open(small) as shown:
        assert (shown.format, shown.size) == ("JPEG", (480, 240))
        above, below = (shown.getpixel((240, at)) for at in (20, 220))
    black, white = (0, 0, 0), (255, 255, 255)
    assert (above, below) == ((white, black) if turned else (black, white))


async def test_what_is_transparent_is_white_in_a_thumbnail(tmp_path: Path) -> None:
    path, small = tmp_path / "a", tmp_path / "small"
    path.write_bytes(files.encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"))

    await probe(path, thumbnail=small)

    with Image.open(small) as shown:
        assert shown.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("how", [{}, {"zip": True}], ids=["plain", "compressed"])
async def test_a_picture_may_have_a_long_story(how: dict[str, Any], tmp_path: Path) -> None:
    story = PngInfo()
    story.add_itxt("XML:com.adobe.xmp", "where it was " * 400_000, **how)
    path = tmp_path / "a"
    path.write_bytes(files.picture("PNG", pnginfo=story))

    assert (await probe(path)).width == 64


async def test_a_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(NotAccepted) as refused:
        await probe(files.sound(tmp_path / "a.mp4"))

    assert refused.value.code == "MEDIA_TYPE_NOT_SUPPORTED"


async def test_a_file_that_is_not_there_is_not_the_files_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await probe(tmp_path / "gone")
