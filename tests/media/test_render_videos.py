"""What a video is once a recipe was followed: copied or encoded, and stripped of its camera."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from media import files
from oncue.errors import NotAccepted
from oncue.media.probe import LIMITS, Probed
from oncue.media.probe import order_for as probe_order
from oncue.media.probing import work as probed
from oncue.media.recipes import PictureRecipe, VideoRecipe
from oncue.media.render import limits_for, order_for, render
from oncue.media.rendering import work

pytestmark = pytest.mark.anyio

MP4 = "video/mp4"
COPY = VideoRecipe(
    content_type=MP4, max_bytes=1_000_000, picture=None, audio_bits=None, seconds=1.0
)
LOOKING_AHEAD = {"preset": "medium"}  # frames that need later ones, as most encoders make them
ENCODE = replace(COPY, picture=PictureRecipe(size=(48, 36), fps=30, bits=None), audio_bits=64_000)


def facts(path: Path, thumbnail: Path | None = None) -> Probed:
    return Probed(**probed(**probe_order(path, thumbnail, LIMITS)))


def made_of(source: Path, recipe: VideoRecipe = COPY) -> tuple[Path, Probed]:
    """What a recipe makes of a video; here and now rather than in a process of its own."""
    target = source.with_name("target")
    work(**order_for(source, recipe, target))
    return target, facts(target)


def packets(path: Path) -> list[bytes]:
    """The compressed pictures, in order."""
    with av.open(path) as clip:
        return [bytes(packet) for packet in clip.demux(video=0) if packet.size]


PLACE = {"location": "+48.1371+011.5754/", "title": "ACME Optics", "comment": "somewhere secret"}
APPLE = {
    "com.apple.quicktime.location.ISO6709": "+48.1371+011.5754/",
    "com.apple.quicktime.model": "ACME Optics",
}
SECRETS = (b"+48.1371", b"ACME Optics", b"somewhere secret", b"\xa9xyz", b"ISO6709", b"Lavf")


@pytest.mark.parametrize("recipe", [COPY, ENCODE], ids=["copied", "encoded"])
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a.mp4", {"metadata": PLACE}),
        ("a.mov", {"metadata": PLACE}),
        ("a.mov", {"metadata": APPLE, "options": {"movflags": "use_metadata_tags"}}),
        ("a.mkv", {"metadata": PLACE}),
    ],
)
def test_place_camera_and_comments_stay_behind(
    name: str, made: dict[str, Any], recipe: VideoRecipe, tmp_path: Path
) -> None:
    source = files.clip(tmp_path / name, **made)
    assert b"ACME Optics" in files.read(source)

    target, found = made_of(source, recipe)

    content = files.read(target)
    assert [secret for secret in SECRETS if secret in content] == []
    assert (found.content_type, found.video_codec, found.audio_codec) == (MP4, "h264", "aac")


@pytest.mark.parametrize(
    ("name", "made", "type_"),
    [
        ("a.mp4", {}, MP4),
        ("a.mov", {}, MP4),
        ("a.mkv", {}, MP4),
        ("a.mkv", {"encoder": LOOKING_AHEAD}, MP4),
        ("a.mp4", {"sound": None}, MP4),
        ("a.mov", {"codec": "mpeg4"}, "video/quicktime"),
        ("a.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, "video/webm"),
    ],
)
def test_a_picture_that_will_do_is_copied_bit_by_bit(
    name: str, made: dict[str, Any], type_: str, tmp_path: Path
) -> None:
    source = files.clip(tmp_path / name, **made)
    before = facts(source)

    target, after = made_of(source, replace(COPY, content_type=type_))

    assert packets(target) == packets(source)
    assert after == replace(before, content_type=type_, seconds=after.seconds)
    assert after.seconds == pytest.approx(before.seconds, abs=0.05)


def test_a_sound_alone_is_encoded_where_only_the_sound_will_not_do(tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mov", sound="pcm_s16le")

    target, found = made_of(source, replace(COPY, audio_bits=64_000))

    assert packets(target) == packets(source)
    assert (found.video_codec, found.audio_codec) == ("h264", "aac")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a.mp4", {"size": (96, 72), "fps": 50}),
        ("a.mov", {"codec": "mjpeg", "pixels": "yuvj420p", "sound": "pcm_s16be"}),
        ("a.webm", {"codec": "libvpx", "sound": "libopus"}),
        ("a.mkv", {"codec": "libvpx-vp9", "sound": "flac"}),
        ("a.avi", {"codec": "mpeg4", "sound": "mp3"}),
        ("a.mp4", {"pixels": "yuv444p10le"}),
        ("a.mkv", {"fps": 10}),
        ("a.mp4", {"sound": None}),
    ],
)
def test_what_will_not_do_becomes_h264_and_aac(
    name: str, made: dict[str, Any], tmp_path: Path
) -> None:
    source = files.clip(tmp_path / name, **made)

    target, found = made_of(source, ENCODE)

    assert found == Probed(
        content_type=MP4,
        width=48,
        height=36,
        seconds=pytest.approx(1, abs=0.1),  # type: ignore[arg-type]
        frames=None,
        fps=30,
        video_codec="h264",
        audio_codec=None if made.get("sound", "") is None else "aac",
        has_thumbnail=False,
    )
    with av.open(target) as clip:
        assert clip.streams.video[0].pix_fmt == "yuv420p"
    content = files.read(target)
    assert content.index(b"moov") < content.index(b"mdat")


def test_an_odd_side_loses_a_pixel(tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mkv", size=(65, 49), codec="mjpeg", pixels="yuvj444p")
    as_it_is = replace(ENCODE, picture=PictureRecipe(size=None, fps=25, bits=None))

    _, found = made_of(source, as_it_is)

    assert (found.width, found.height) == (64, 48)


@pytest.mark.parametrize(
    "recipe",
    [COPY, replace(ENCODE, picture=PictureRecipe(size=(48, 64), fps=25, bits=None))],
    ids=["copied", "encoded"],
)
def test_a_video_held_upright_is_shown_upright(recipe: VideoRecipe, tmp_path: Path) -> None:
    source = files.on_its_side(files.clip(tmp_path / "a.mp4"))
    before, after = tmp_path / "before", tmp_path / "after"
    facts(source, before)

    target, _ = made_of(source, recipe)
    found = facts(target, after)

    assert (found.width, found.height) == (48, 64)
    with Image.open(before) as one, Image.open(after) as other:
        assert max(ImageStat.Stat(ImageChops.difference(one, other)).mean) < 12


@pytest.mark.parametrize("recipe", [COPY, ENCODE], ids=["copied", "encoded"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_picture_that_begins_after_the_sound_still_does(
    name: str, recipe: VideoRecipe, tmp_path: Path
) -> None:
    source = files.clip(tmp_path / name, late=20)

    target, _ = made_of(source, recipe)

    with av.open(target) as clip:
        heard = next(frame.time for frame in clip.decode(audio=0))
    with av.open(target) as clip:
        seen = [frame.time for frame in clip.decode(video=0)]
    assert heard == 0
    assert seen[0] == pytest.approx(20 / 25, abs=0.04)
    assert seen[-1] == pytest.approx(44 / 25, abs=0.05)


def test_a_picture_of_long_pixels_is_made_of_square_ones(tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mp4", shape=Fraction(3, 2))
    before = facts(source)
    picture = PictureRecipe(size=(96, 48), fps=25, bits=None)

    target, after = made_of(source, replace(ENCODE, picture=picture))

    assert (before.width, before.height) == (after.width, after.height) == (96, 48)
    with av.open(target) as clip:
        assert clip.streams.video[0].width == 96


@pytest.mark.parametrize("bits", [150_000, 300_000])
def test_a_video_has_no_more_bits_than_it_may(bits: int, tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mp4", size=(160, 120), seconds=4, sound=None, noisy=True)
    picture = PictureRecipe(size=(160, 120), fps=25, bits=bits)

    free, _ = made_of(source, replace(ENCODE, picture=replace(picture, bits=None)))
    unbound = files.size(free) * 8 / 4
    bound, _ = made_of(source, replace(ENCODE, picture=picture))

    assert unbound > 400_000
    assert files.size(bound) * 8 < bits * (4 + 1)  # a second's worth may be used beforehand


async def test_in_a_process_of_its_own_a_video_comes_out_the_same_twice(tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mkv", codec="libvpx", sound="libopus")

    first = await render(source, ENCODE, tmp_path / "first.mp4")
    second = await render(source, ENCODE, tmp_path / "second.mp4")

    assert first == second
    assert (first.content_type, first.width, first.height) == (MP4, 48, 36)
    assert first.seconds == pytest.approx(1, abs=0.1)
    assert files.sha256(files.read(tmp_path / "first.mp4")) == first.sha256
    assert files.names(tmp_path) == ["a.mkv", "first.mp4", "second.mp4"]


@pytest.mark.parametrize("recipe", [COPY, ENCODE], ids=["copied", "encoded"])
async def test_a_video_over_the_limit_is_not_mendable(recipe: VideoRecipe, tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mp4")

    with pytest.raises(NotAccepted) as refused:
        await render(source, replace(recipe, max_bytes=3_000), tmp_path / "target")

    assert (refused.value.code, refused.value.facts["limit"]) == ("MEDIA_NOT_MENDABLE", 3_000)
    assert files.names(tmp_path) == ["a.mp4"]


async def test_a_video_that_breaks_off_is_unreadable(tmp_path: Path) -> None:
    source = files.clip(tmp_path / "a.mkv")
    source.write_bytes(files.read(source)[:-300])

    with pytest.raises(NotAccepted) as refused:
        await render(source, COPY, tmp_path / "target")

    assert refused.value.code == "MEDIA_UNREADABLE"
    assert files.names(tmp_path) == ["a.mkv"]


async def test_a_picture_is_no_video(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(files.picture("JPEG"))

    with pytest.raises(NotAccepted) as refused:
        await render(source, COPY, tmp_path / "target")

    assert refused.value.code == "MEDIA_NOT_MENDABLE"


def test_the_longer_a_video_the_longer_its_encoding_may_take() -> None:
    seconds = [
        limits_for(recipe).cpu_seconds
        for recipe in (
            COPY,
            replace(COPY, seconds=7_200),
            ENCODE,
            replace(ENCODE, seconds=60),
            replace(ENCODE, seconds=7_200),
            replace(ENCODE, seconds=None),
        )
    ]

    assert seconds == [120, 120, 140, 1_320, 14_400, 14_400]
