"""What an image is once a recipe was followed: its pixels, its colours, and nothing else."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageSequence, ImageStat, PngImagePlugin

from media import files
from oncue.errors import NotAccepted
from oncue.media.recipes import AnimationRecipe, ImageRecipe, Recipe
from oncue.media.render import Rendered, order_for, render
from oncue.media.rendering import work

pytestmark = pytest.mark.anyio

JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
MB = 1_000_000


def recipe(type_: str = JPEG, max_bytes: int = MB, **more: Any) -> ImageRecipe:
    return replace(ImageRecipe(content_type=type_, max_bytes=max_bytes, size=None), **more)


def made_of(folder: Path, content: bytes, wanted: Recipe | None = None) -> bytes:
    """What a recipe makes of an image; here and now rather than in a process of its own."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    work(**order_for(source, wanted or recipe(), target))
    return target.read_bytes()


async def rendered(folder: Path, content: bytes, wanted: Recipe | None = None) -> Rendered:
    (folder / "source").write_bytes(content)
    return await render(folder / "source", wanted or recipe(), folder / "target")


def looks_like(content: bytes, expected: Image.Image, *, off_by: float) -> bool:
    """Whether the pixels are the expected ones, `off_by` levels of 255 on average at most."""
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == expected.size
        apart = ImageChops.difference(image.convert("RGB"), expected.convert("RGB"))
    return max(ImageStat.Stat(apart).mean) <= off_by


@pytest.mark.parametrize("type_", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
async def test_every_kind_becomes_every_other(source: str, type_: str, tmp_path: Path) -> None:
    made = await rendered(tmp_path, files.picture(source, 320, 240), recipe(type_))

    content = files.read(tmp_path / "target")
    assert made == Rendered(
        content_type=type_,
        size_bytes=len(content),
        sha256=files.sha256(content),
        width=320,
        height=240,
        seconds=None,
    )
    assert looks_like(content, files.gradient(320, 240), off_by=3)


async def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    source = files.picture("PNG", 320, 240)

    first = await rendered(tmp_path, source, recipe(size=(100, 75)))
    second = await rendered(tmp_path, source, recipe(size=(100, 75)))

    assert first == second


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_the_way_it_was_held(orientation: int, tmp_path: Path) -> None:
    """The pixels are stored turned; EXIF says how to turn them back."""
    seen = files.gradient(80, 60)
    content = files.encoded(
        files.stored(seen, orientation), "JPEG", exif=files.exif(orientation), quality=95
    )

    content = made_of(tmp_path, content, recipe(size=(40, 30)))

    assert looks_like(content, seen.resize((40, 30)), off_by=4)


SECRETS = (b"ACME Optics", b"GPSLatitude", b"somewhere secret", b"Exif", b"xmpmeta", b"exif")


def camera_files() -> dict[str, bytes]:
    """What a camera and a careless program write beside the picture."""
    exif = files.exif(camera="ACME Optics", latitude=(48.0, 8.0, 15.0))
    xmp = b"<x:xmpmeta><exif:GPSLatitude>48,8.25N</exif:GPSLatitude> ACME Optics</x:xmpmeta>"
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "somewhere secret")
    texts.add_text("Other", "somewhere secret", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return {
        "JPEG": files.picture("JPEG", exif=exif, xmp=xmp, comment=b"somewhere secret"),
        "PNG": files.picture("PNG", exif=exif, pnginfo=texts),
        "WEBP": files.picture("WEBP", exif=exif, xmp=xmp),
    }


@pytest.mark.parametrize("type_", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_place_camera_and_comments_stay_behind(source: str, type_: str, tmp_path: Path) -> None:
    told = camera_files()[source]
    assert b"ACME Optics" in told

    content = made_of(tmp_path, told, recipe(type_))

    assert [secret for secret in SECRETS if secret in content] == []
    with Image.open(io.BytesIO(content)) as image:
        assert (dict(image.getexif()), image.info.get("comment")) == ({}, None)


ACTIVE = b"<script>alert(1)</script><?php echo 1; ?>"


def polyglots() -> dict[str, bytes]:
    """Images that are something else as well."""
    archive = files.archive()
    jpeg, png = files.picture("JPEG"), files.picture("PNG")
    script = (b"*/=1;" + ACTIVE + b"/*").ljust(0x2F2A - 16, b"\0")  # "/*" is a length, too
    text = PngImagePlugin.PngInfo()
    text.add_text("a", ACTIVE.decode())
    profile = bytearray(srgb())
    profile[-len(ACTIVE) :] = ACTIVE
    return {
        "a JPEG and HTML": files.picture("JPEG", comment=b"--><html>" + ACTIVE),
        "a JPEG and JavaScript": jpeg[:4] + b"/*" + jpeg[6:20] + script + jpeg[20:],
        "a JPEG and PHP behind it": jpeg + ACTIVE,
        "a JPEG and a ZIP": jpeg + archive,
        "a JPEG and a ZIP in EXIF": files.picture("JPEG", exif=b"Exif\0\0" + archive),
        "a PNG and HTML": files.picture("PNG", pnginfo=text),
        "a PNG and a ZIP": png + archive,
        "a PNG of few colours that spell": files.encoded(spelling(), "PNG"),
        "a profile that spells": files.picture("JPEG", icc_profile=bytes(profile)),
        "a WebP and HTML": files.picture("WEBP", xmp=ACTIVE),
        "a WebP and a ZIP": files.picture("WEBP") + archive,
    }


def spelling() -> Image.Image:
    """A picture whose colours, written down, are a program."""
    image = Image.new("P", (16, 16))
    image.putdata([number % 14 for number in range(256)])
    image.putpalette(ACTIVE.ljust(42, b"\0"))
    return image


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("type_", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("name", sorted(polyglots()))
def test_nothing_but_a_picture_comes_out_of_a_polyglot(
    name: str, type_: str, tmp_path: Path
) -> None:
    content = polyglots()[name]
    assert b"<script" in content or b"PK\x03\x04" in content

    made = made_of(tmp_path, content, recipe(type_))

    assert [sign for sign in (b"<script", b"<?php", b"PK\x03\x04") if sign in made] == []


@pytest.mark.parametrize("type_", [JPEG, PNG, WEBP])
def test_the_profile_of_the_colours_is_kept(type_: str, tmp_path: Path) -> None:
    profile = srgb()

    content = made_of(tmp_path, files.picture("JPEG", icc_profile=profile), recipe(type_))

    with Image.open(io.BytesIO(content)) as image:
        assert image.info["icc_profile"] == profile


def test_a_profile_of_other_colours_is_not(tmp_path: Path) -> None:
    grey = files.encoded(Image.new("L", (9, 9), 90), "PNG", icc_profile=srgb())

    content = made_of(tmp_path, grey)

    with Image.open(io.BytesIO(content)) as image:
        assert "icc_profile" not in image.info


def clear(mode: str) -> bytes:
    """A picture of nothing at all, in several ways of saying so."""
    match mode:
        case "RGBA" | "LA":
            return files.encoded(Image.new(mode, (20, 10)), "PNG")
        case "P":
            return files.encoded(Image.new("P", (20, 10), 0), "PNG", transparency=0)
        case "L":
            return files.encoded(Image.new("L", (20, 10), 7), "PNG", transparency=7)
        case "RGB":
            return files.encoded(Image.new("RGB", (20, 10), 0), "PNG", transparency=(0, 0, 0))
        case _:
            return files.encoded(Image.new("RGBA", (20, 10)), "WEBP", lossless=True)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "WebP"])
def test_what_is_transparent_becomes_white_in_a_jpeg(mode: str, tmp_path: Path) -> None:
    content = made_of(tmp_path, clear(mode))

    assert looks_like(content, Image.new("RGB", (20, 10), "white"), off_by=1)


@pytest.mark.parametrize("type_", [PNG, WEBP])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "WebP"])
def test_and_stays_transparent_where_it_can(mode: str, type_: str, tmp_path: Path) -> None:
    content = made_of(tmp_path, clear(mode), recipe(type_))

    with Image.open(io.BytesIO(content)) as image:
        assert image.convert("RGBA").getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        (files.encoded(Image.new("I;16", (20, 10), 0x8000), "PNG"), "#808080"),
        (files.encoded(Image.new("1", (20, 10), 1), "PNG"), "#ffffff"),
        (files.encoded(Image.new("CMYK", (20, 10), (0, 255, 255, 0)), "JPEG"), "#ff0000"),
        (
            files.encoded(Image.new("CMYK", (20, 10), (0, 0, 0, 0)), "JPEG", icc_profile=srgb()),
            "#ffffff",
        ),
        (files.encoded(Image.new("P", (20, 10), 3), "GIF"), "#030303"),
    ],
)
def test_every_way_to_store_colours_is_read(source: bytes, seen: str, tmp_path: Path) -> None:
    content = made_of(tmp_path, source)

    assert looks_like(content, Image.new("RGB", (20, 10), seen), off_by=3)


def noise(size: tuple[int, int], format: str) -> bytes:  # noqa: A002
    """A picture that hardly compresses."""
    return files.encoded(Image.effect_noise(size, 90).convert("RGB"), format)


async def test_few_bytes_cost_quality_before_they_cost_pixels(tmp_path: Path) -> None:
    source = noise((600, 400), "JPEG")
    best = await rendered(tmp_path, source)

    small = await rendered(tmp_path, source, recipe(max_bytes=best.size_bytes * 4 // 5))
    smaller = await rendered(tmp_path, source, recipe(max_bytes=best.size_bytes // 4))

    assert (small.width, small.height) == (600, 400)
    assert small.size_bytes <= best.size_bytes * 4 // 5
    assert smaller.size_bytes <= best.size_bytes // 4
    assert smaller.width is not None
    assert smaller.width < 600


async def test_a_png_with_too_many_bytes_becomes_a_jpeg_where_that_is_taken(
    tmp_path: Path,
) -> None:
    source = noise((300, 200), "PNG")

    turned = await rendered(tmp_path, source, recipe(PNG, 90_000, smaller_type=JPEG))
    shrunk = await rendered(tmp_path, source, recipe(PNG, 90_000))

    assert (turned.content_type, turned.width) == (JPEG, 300)
    assert shrunk.content_type == PNG
    assert shrunk.width is not None
    assert shrunk.width < 300


async def test_a_picture_that_becomes_smaller_keeps_to_its_shape(tmp_path: Path) -> None:
    """4:5 is the highest that Instagram takes: 691x864 would be a hair too high."""
    wanted = recipe(max_bytes=40_000, ratio=(0.8, 1.91))

    made = await rendered(tmp_path, noise((1_080, 1_350), "JPEG"), wanted)

    assert made.width is not None
    assert made.height is not None
    assert made.width < 700
    assert made.width / made.height >= 0.8


@pytest.mark.parametrize(
    ("wanted", "least"),
    [(recipe(max_bytes=100), 64), (recipe(max_bytes=9_000, least=(250, 250)), 250)],
)
async def test_what_is_still_too_large_at_its_smallest_is_not_mendable(
    wanted: ImageRecipe, least: int, tmp_path: Path
) -> None:
    with pytest.raises(NotAccepted) as refused:
        await rendered(tmp_path, noise((300, 300), "JPEG"), wanted)

    assert (refused.value.code, refused.value.status) == ("MEDIA_NOT_MENDABLE", 422)
    assert refused.value.facts["limit"] == wanted.max_bytes
    assert refused.value.facts["actual"] > wanted.max_bytes
    assert files.names(tmp_path) == ["source"]


async def test_a_file_that_breaks_leaves_what_was_there(tmp_path: Path) -> None:
    before = made_of(tmp_path, files.picture("JPEG"))

    with pytest.raises(NotAccepted, match="cut off or broken"):
        await rendered(tmp_path, files.picture("PNG", 200, 200)[:-90])

    assert files.names(tmp_path) == ["source", "target"]
    assert files.read(tmp_path / "target") == before


async def test_a_recipe_for_another_kind_of_file_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(NotAccepted) as refused:
        await rendered(tmp_path, files.clip_bytes())

    assert refused.value.code == "MEDIA_NOT_MENDABLE"


ANIMATION = AnimationRecipe(content_type=GIF, max_bytes=MB)


def frames(content: bytes) -> list[tuple[bytes, int]]:
    """What is shown, frame by frame, and for how long."""
    with Image.open(io.BytesIO(content)) as image:
        return [
            (frame.convert("RGBA").tobytes(), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]


def moving(**options: Any) -> bytes:
    pictures = [files.gradient(48, 36).rotate(number * 40) for number in range(5)]
    durations = [20, 50, 100, 200, 400]
    return files.encoded(
        pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=durations, **options
    )


@pytest.mark.parametrize(
    "content",
    [
        moving(loop=0),
        moving(loop=3, disposal=2),
        moving(interlace=1),
        moving(disposal=2, transparency=0, optimize=True),
        files.animation("GIF", 7),
    ],
    ids=["endless", "three times", "interlaced", "transparent", "plain"],
)
async def test_a_gif_is_written_anew_without_a_pixel_changed(
    content: bytes, tmp_path: Path
) -> None:
    made = await rendered(tmp_path, content, ANIMATION)

    again = files.read(tmp_path / "target")
    assert frames(again) == frames(content)
    with Image.open(io.BytesIO(again)) as new, Image.open(io.BytesIO(content)) as old:
        assert new.info.get("loop") == old.info.get("loop")
    assert made.seconds == sum(length for _, length in frames(content)) / 1000
    assert made.size_bytes < len(content) * 1.05


def with_extensions() -> bytes:
    """A GIF with a comment, XMP, something after its end, and colours that spell."""
    whole = files.encoded(
        spelling(), "GIF", save_all=True, append_images=[spelling().rotate(90)], duration=50
    )
    xmp = b"\x21\xff\x0bXMP DataXMP" + bytes([len(ACTIVE)]) + ACTIVE + b"\x00"
    comment = b"\x21\xfe\x10somewhere secret\x00"
    start = 13 + 3 * 2 ** ((whole[10] & 7) + 1)
    return whole[:start] + comment + xmp + whole[start:] + files.archive()


def test_nothing_but_frames_comes_out_of_a_gif(tmp_path: Path) -> None:
    content = with_extensions()
    assert [content.count(sign) > 0 for sign in (b"<script", b"PK\x03\x04")] == [True, True]

    again = made_of(tmp_path, content, ANIMATION)

    signs = (b"<script", b"<?php", b"PK\x03\x04", b"somewhere secret", b"XMP")
    assert [sign for sign in signs if sign in again] == []
    assert len(frames(again)) == len(frames(content)) == 2


def test_bytes_hidden_behind_the_end_of_a_frame_stay_behind(tmp_path: Path) -> None:
    """A decoder stops at the end code; what follows in the same block is for somebody else."""
    whole = files.picture("GIF", 16, 16)
    hidden = whole[:-2] + bytes([len(ACTIVE)]) + ACTIVE + whole[-2:]
    assert frames_of_one(hidden) == frames_of_one(whole)

    again = made_of(tmp_path, hidden, ANIMATION)

    assert b"<script" not in again
    assert frames_of_one(again) == frames_of_one(whole)


def frames_of_one(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB").tobytes()


async def test_a_gif_over_the_limit_is_not_mendable(tmp_path: Path) -> None:
    with pytest.raises(NotAccepted) as refused:
        await rendered(tmp_path, moving(), AnimationRecipe(content_type=GIF, max_bytes=500))

    assert (refused.value.code, refused.value.facts["limit"]) == ("MEDIA_NOT_MENDABLE", 500)
