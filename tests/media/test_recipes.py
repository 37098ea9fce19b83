"""What becomes of a file for each network, decided from its facts."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from oncue.connectors.planned import PLANNED
from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.connectors.spec import MB, Media, Spec
from oncue.media.recipes import (
    AnimationRecipe,
    ImageRecipe,
    Mended,
    NotMendable,
    PictureRecipe,
    Recipe,
    VideoRecipe,
    decide,
)

JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
MP4, MOV, WEBM, MKV, AVI = (
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-msvideo",
)
LONG, FEED = (0.05, 20), (0.8, 1.91)  # the shapes that Telegram and Instagram take
NETWORKS: Final = sorted({*CONNECTORS, *PLANNED})


def file(type_: str, **facts: Any) -> Media:
    usual = {"bytes": MB, "width": 1_000, "height": 1_000, "frames": 1 if type_ == GIF else None}
    return Media(id="m1", type=type_, sha256="a" * 64, filename="a", **(usual | facts))


def video(type_: str = MP4, **facts: Any) -> Media:
    usual = {"seconds": 20.0, "fps": 30.0, "video_codec": "h264", "audio_codec": "aac"}
    size = {"width": 1_280, "height": 720}
    return file(type_, **(usual | size | facts))


def with_videos(network: str) -> Spec:
    """The network as it is once its connector sends videos."""
    spec = spec_of(network)
    types = spec.media.video_types or frozenset({MP4})
    return replace(spec, media=replace(spec.media, video_types=types))


def mended(spec: Spec, item: Media) -> Mended:
    decision = decide(spec, item, "media")
    assert isinstance(decision, Mended), decision
    return decision


def problems(spec: Spec, item: Media) -> list[tuple[str, int | None, int | None]]:
    decision = decide(spec, item, "media")
    assert isinstance(decision, NotMendable), decision
    assert all(problem.field == "media" for problem in decision.problems)
    return [(problem.code, problem.limit, problem.actual) for problem in decision.problems]


def image(type_: str, max_bytes: int, size: tuple[int, int], **more: Any) -> ImageRecipe:
    return ImageRecipe(content_type=type_, max_bytes=max_bytes, size=size, **more)


@pytest.mark.parametrize(
    ("network", "item", "recipe"),
    [
        ("TWITTER", file(JPEG), image(JPEG, 5 * MB, (1_000, 1_000))),
        ("TWITTER", file(PNG), image(PNG, 5 * MB, (1_000, 1_000), smaller_type=JPEG)),
        ("TWITTER", file(WEBP), image(WEBP, 5 * MB, (1_000, 1_000))),
        ("TWITTER", file(JPEG, bytes=20 * MB), image(JPEG, 5 * MB, (1_000, 1_000))),
        ("TWITTER", file(GIF), image(PNG, 5 * MB, (1_000, 1_000), smaller_type=JPEG)),
        ("BLUESKY", file(JPEG, bytes=20 * MB), image(JPEG, 2_000_000, (1_000, 1_000))),
        ("MASTODON", file(JPEG, width=8_000, height=6_000), image(JPEG, 16 * MB, (6_651, 4_988))),
        (
            "TELEGRAM",
            file(JPEG, width=9_000, height=6_000),
            image(JPEG, 10 * MB, (6_000, 4_000), ratio=LONG),
        ),
        (
            "TELEGRAM",
            file(PNG),
            image(PNG, 10 * MB, (1_000, 1_000), smaller_type=JPEG, ratio=LONG),
        ),
        ("INSTAGRAM", file(PNG), image(JPEG, 8 * MB, (1_000, 1_000), ratio=FEED)),
        ("INSTAGRAM", file(WEBP), image(JPEG, 8 * MB, (1_000, 1_000), ratio=FEED)),
        ("INSTAGRAM", file(GIF), image(JPEG, 8 * MB, (1_000, 1_000), ratio=FEED)),
        ("THREADS", file(WEBP), image(JPEG, 8 * MB, (1_000, 1_000))),
        ("TIKTOK", file(PNG), image(JPEG, 20 * MB, (1_000, 1_000))),
        ("TIKTOK", file(WEBP, width=4_000, height=2_250), image(WEBP, 20 * MB, (1_920, 1_080))),
        ("LINKEDIN", file(WEBP), image(JPEG, 36 * MB, (1_000, 1_000))),
        ("FACEBOOK", file(WEBP), image(JPEG, 10 * MB, (1_000, 1_000))),
        ("PINTEREST", file(GIF), image(PNG, 20 * MB, (1_000, 1_000), smaller_type=JPEG)),
        ("REDDIT", file(WEBP), image(JPEG, 20 * MB, (1_000, 1_000))),
        ("DISCORD", file(WEBP), image(WEBP, 10 * MB, (1_000, 1_000))),
        ("SNAPCHAT", file(WEBP), image(JPEG, 20 * MB, (1_000, 1_000))),
        (
            "GOOGLE_BUSINESS",
            file(JPEG, bytes=9 * MB),
            image(JPEG, 5 * MB, (1_000, 1_000), least=(250, 250)),
        ),
    ],
)
def test_an_image_is_made_into_what_the_network_takes(
    network: str, item: Media, recipe: ImageRecipe
) -> None:
    made = mended(spec_of(network), item)

    assert made.recipe == recipe
    assert (made.result.type, (made.result.width, made.result.height)) == (
        recipe.content_type,
        recipe.size,
    )
    assert made.result.bytes <= recipe.max_bytes


@pytest.mark.parametrize(
    ("network", "item", "limit"),
    [
        ("TWITTER", file(GIF, frames=350), 15 * MB),
        ("BLUESKY", file(GIF, frames=500), 2_000_000),
        ("TELEGRAM", file(GIF, frames=500, width=100, height=9_999), 10 * MB),
        ("MASTODON", file(GIF, frames=2), 16 * MB),
        ("MASTODON", file(GIF, frames=None), 16 * MB),
        ("LINKEDIN", file(GIF, frames=250), 36 * MB),
    ],
)
def test_a_gif_that_moves_stays_one(network: str, item: Media, limit: int) -> None:
    made = mended(spec_of(network), item)

    assert made.recipe == AnimationRecipe(content_type=GIF, max_bytes=limit)
    assert made.result == item


@pytest.mark.parametrize(
    ("network", "item", "found"),
    [
        ("YOUTUBE", file(JPEG), [("MEDIA_TYPE_NOT_SUPPORTED", None, None)]),
        ("INSTAGRAM", file(GIF, frames=2), [("MEDIA_TYPE_NOT_SUPPORTED", None, None)]),
        ("TWITTER", file(GIF, frames=351), [("TOO_MANY_FRAMES", 350, 351)]),
        (
            "TWITTER",
            file(GIF, frames=2, bytes=16 * MB),
            [("MEDIA_TOO_LARGE", 15 * MB, 16 * MB)],
        ),
        (
            "TWITTER",
            file(GIF, frames=2, width=1_281),
            [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        ("TWITTER", file(WEBP, frames=9), [("MEDIA_ANIMATION_NOT_SUPPORTED", 1, 9)]),
        ("MASTODON", file(PNG, frames=9), [("MEDIA_ANIMATION_NOT_SUPPORTED", 1, 9)]),
        (
            "INSTAGRAM",
            file(PNG, width=1_000, height=2_000),
            [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        (
            "TELEGRAM",
            file(JPEG, width=2_100, height=100),
            [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        (
            "GOOGLE_BUSINESS",
            file(WEBP, width=200, height=200),
            [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        ("GOOGLE_BUSINESS", video(), [("MEDIA_TYPE_NOT_SUPPORTED", None, None)]),
        ("TWITTER", video(), [("MEDIA_TYPE_NOT_SUPPORTED", None, None)]),
        ("MASTODON", video(AVI, seconds=90_000), [("MEDIA_TOO_LARGE", 99 * MB, 1_716_494_846)]),
        ("INSTAGRAM", video(seconds=901), [("MEDIA_DURATION_NOT_SUPPORTED", None, None)]),
        ("INSTAGRAM", video(AVI, seconds=2), [("MEDIA_DURATION_NOT_SUPPORTED", None, None)]),
        (
            "TIKTOK",
            video(width=300, height=500),
            [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)],
        ),
        ("SNAPCHAT", video(), [("MEDIA_DIMENSIONS_NOT_SUPPORTED", None, None)]),
        (
            "DISCORD",
            video(bytes=900 * MB, seconds=4_000),
            [("MEDIA_TOO_LARGE", 10 * MB, 900 * MB)],
        ),
    ],
)
def test_what_no_machine_can_mend_is_told_with_limit_and_value(
    network: str, item: Media, found: list[tuple[str, int | None, int | None]]
) -> None:
    assert problems(spec_of(network), item) == found


def copied(type_: str = MP4, audio_bits: int | None = None) -> dict[str, Any]:
    return {"content_type": type_, "picture": None, "audio_bits": audio_bits}


def encoded(size: tuple[int, int], fps: float = 30, **more: Any) -> dict[str, Any]:
    return {
        "content_type": MP4,
        "picture": {"size": size, "fps": fps},
        "audio_bits": 128_000,
    } | more


@pytest.mark.parametrize(
    ("network", "item", "recipe"),
    [
        ("TWITTER", video(), copied()),
        ("TWITTER", video(MOV), copied()),
        ("TWITTER", video(width=720, height=1_280), copied()),
        ("TWITTER", video(MKV), copied()),
        ("TWITTER", video(audio_codec="opus"), copied(audio_bits=128_000)),
        ("TWITTER", video(audio_codec=None), copied()),
        ("TWITTER", video(video_codec="hevc"), encoded((1_280, 720))),
        ("TWITTER", video(width=1_920, height=1_080), encoded((1_280, 720))),
        ("TWITTER", video(width=1_080, height=1_920), encoded((720, 1_280))),
        ("TWITTER", video(fps=120), encoded((1_280, 720), 60)),
        ("TWITTER", video(AVI, video_codec="mpeg4"), encoded((1_280, 720))),
        ("TWITTER", video(AVI), encoded((1_280, 720))),
        (
            "TWITTER",
            video(WEBM, video_codec="vp9", audio_codec="opus", width=641, height=361),
            encoded((640, 360)),
        ),
        ("BLUESKY", video(MOV, video_codec="prores"), encoded((1_280, 720))),
        ("MASTODON", video(WEBM, video_codec="vp9", audio_codec="opus"), copied(WEBM)),
        ("MASTODON", video(MOV, video_codec="prores", audio_codec="pcm_s16le"), copied(MOV)),
        ("MASTODON", video(MOV, audio_codec="pcm_s16le"), copied(audio_bits=128_000)),
        ("MASTODON", video(width=7_680, height=4_320), encoded((1_920, 1_080))),
        ("INSTAGRAM", video(MOV, video_codec="hevc"), copied()),
        ("INSTAGRAM", video(fps=15), encoded((1_280, 720), 30)),
        ("INSTAGRAM", video(MKV, video_codec="vp9"), encoded((1_280, 720))),
        ("TIKTOK", video(WEBM, video_codec="vp8", audio_codec="vorbis"), copied(WEBM)),
        ("TIKTOK", video(MOV, video_codec="mpeg4"), encoded((1_280, 720))),
        ("YOUTUBE", video(AVI, video_codec="mpeg4"), encoded((1_280, 720))),
        (
            "FACEBOOK",
            video(AVI, video_codec="mpeg4", audio_codec=None, fps=None),
            encoded((1_280, 720), audio_bits=None),
        ),
        ("LINKEDIN", video(MOV), copied()),
    ],
)
def test_a_video_is_copied_where_it_can_be_and_encoded_where_not(
    network: str, item: Media, recipe: dict[str, Any]
) -> None:
    made = mended(with_videos(network), item)

    assert isinstance(made.recipe, VideoRecipe)
    assert asked(made.recipe) == recipe
    assert made.recipe.seconds == 20
    assert made.result.type == recipe["content_type"]


def asked(recipe: VideoRecipe) -> dict[str, Any]:
    picture = recipe.picture
    return {
        "content_type": recipe.content_type,
        "picture": None if picture is None else {"size": picture.size, "fps": picture.fps},
        "audio_bits": recipe.audio_bits,
    }


@pytest.mark.parametrize(
    ("item", "size", "bits", "audio_bits"),
    [
        (video(bytes=99 * MB, seconds=60), (1_280, 720), 1_228_158, 128_000),
        (video(bytes=99 * MB, seconds=300), (572, 322), 223_231, 48_000),
        (video(bytes=99 * MB, seconds=500, audio_codec=None), (490, 276), 162_738, None),
        (video(AVI, bytes=MB, seconds=None), (1_280, 720), None, 128_000),
        (video(AVI, bytes=MB, seconds=1), (1_280, 720), 7_012_000, 128_000),
    ],
)
def test_the_bytes_of_a_video_are_shared_out_among_its_seconds(
    item: Media, size: tuple[int, int], bits: int | None, audio_bits: int | None
) -> None:
    """Discord takes 10 MiB. With few bits for a frame, it has fewer pixels."""
    made = mended(spec_of("DISCORD"), item)

    assert made.recipe == VideoRecipe(
        content_type=MP4,
        max_bytes=10 * MB,
        picture=PictureRecipe(size=size, fps=30, bits=bits),
        audio_bits=audio_bits,
        seconds=item.seconds,
    )
    assert made.result.bytes <= 10 * MB


def all_kinds() -> Iterator[Media]:
    """Files large and small, wide and high, slow and fast."""
    for kind, size in product((JPEG, PNG, WEBP, GIF), ((9_000, 9_000), (1_000, 1_001), (50, 30))):
        yield file(kind, width=size[0], height=size[1], bytes=30 * MB)
    for kind, size, fps, codec in product(
        (MP4, MOV, WEBM, MKV, AVI),
        ((3_840, 2_160), (1_080, 1_920), (641, 1_139)),
        (10.0, 240.0),
        ("h264", "vp9", "mpeg4"),
    ):
        facts = {"fps": fps, "video_codec": codec, "bytes": 400 * MB}
        yield video(kind, width=size[0], height=size[1], **facts)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_mended_is_taken_and_what_is_not_has_a_reason(network: str) -> None:
    spec = spec_of(network)
    decisions = [decide(spec, item, "media") for item in all_kinds()]

    results = [made.result for made in decisions if isinstance(made, Mended)]
    again = [mended(spec, result).result for result in results]
    assert again == results
    assert all(one.problems for one in decisions if isinstance(one, NotMendable))


@pytest.mark.parametrize("network", NETWORKS)
def test_whoever_takes_videos_takes_mp4(network: str) -> None:
    types = spec_of(network).media.video_types

    assert MP4 in types or not types


def test_a_file_without_facts_is_encoded_as_it_is() -> None:
    bare = Media(id="m1", type=JPEG, bytes=MB, sha256="a" * 64)

    assert mended(spec_of("TWITTER"), bare).recipe == ImageRecipe(
        content_type=JPEG, max_bytes=5 * MB, size=None
    )


def test_a_recipe_is_known_by_its_key() -> None:
    one = image(JPEG, 5 * MB, (10, 20))
    others: list[Recipe] = [
        image(PNG, 5 * MB, (10, 20)),
        image(JPEG, 4 * MB, (10, 20)),
        image(JPEG, 5 * MB, (20, 10)),
        AnimationRecipe(content_type=JPEG, max_bytes=5 * MB),
        VideoRecipe(
            content_type=MP4, max_bytes=5 * MB, picture=None, audio_bits=None, seconds=None
        ),
    ]

    assert one.key == image(JPEG, 5 * MB, (10, 20)).key == "183b1a583a59c9c1"
    assert len({recipe.key for recipe in (one, *others)}) == 6
