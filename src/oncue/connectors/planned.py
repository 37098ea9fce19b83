"""Facts of the networks whose connectors are still to come, so that posts can be checked.

A network moves from here to its connector's own file when it is built.
"""

from collections.abc import Mapping
from typing import Final

from oncue.connectors.options import Between, Name, OneOf, Option
from oncue.connectors.spec import MB, MediaRules, Spec, TextRule
from oncue.connectors.text import utf8_bytes

GB: Final = 1024 * MB
JPEG_PNG: Final = frozenset({"image/jpeg", "image/png"})
PHOTOS: Final = JPEG_PNG | {"image/gif"}
MP4: Final = frozenset({"video/mp4"})
MP4_MOV: Final = MP4 | {"video/quicktime"}

# https://developers.tiktok.com/doc/content-posting-api-reference-direct-post (privacy_level)
TIKTOK_OPTIONS: Final[Mapping[str, Option]] = {
    "tiktokPrivacyLevel": OneOf(
        ("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY", "FOLLOWER_OF_CREATOR")
    )
}
NO_OPTIONS: Final[Mapping[str, Option]] = {}
INSTAGRAM_OPTIONS: Final[Mapping[str, Option]] = {
    "instagramAudioId": Name(),
    "instagramAudioVolume": Between(0.0, 1.0),
    "instagramVideoVolume": Between(0.0, 1.0),
}


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _characters(limit: int) -> TextRule:
    return TextRule(limit=limit, unit="characters")


def _spec(
    platform: str,
    name: str,
    text: TextRule,
    media: MediaRules,
    options: Mapping[str, Option] = NO_OPTIONS,
) -> Spec:
    return Spec(
        platform=platform,
        name=name,
        base_url="",
        text=text,
        media=media,
        credentials=("accessToken",),
        options=options,
    )


PLANNED: Final[Mapping[str, Spec]] = {
    spec.platform: spec
    for spec in (
        _spec(
            "LINKEDIN",
            "LinkedIn",
            _characters(3_000),
            MediaRules(
                at_most=20,
                image_types=PHOTOS,
                image_bytes=36 * MB,
                video_types=MP4,
                video_bytes=500 * MB,
            ),
        ),
        _spec(
            "FACEBOOK",
            "Facebook",
            _characters(63_206),
            MediaRules(
                at_most=10,
                image_types=PHOTOS | {"image/bmp", "image/tiff"},
                image_bytes=10 * MB,
                video_types=MP4_MOV | {"video/x-msvideo"},
                video_bytes=10 * GB,
            ),
        ),
        _spec(
            "INSTAGRAM",
            "Instagram",
            _characters(2_200),
            MediaRules(
                at_least=1,
                at_most=10,
                image_types=frozenset({"image/jpeg"}),
                image_bytes=8 * MB,
                video_types=MP4_MOV,
                video_bytes=300 * MB,
            ),
            INSTAGRAM_OPTIONS,
        ),
        _spec(
            "THREADS",
            "Threads",
            TextRule(limit=500, unit="bytes of UTF-8", measure=utf8_bytes),
            MediaRules(
                at_most=20,
                image_types=JPEG_PNG,
                image_bytes=8 * MB,
                video_types=MP4_MOV,
                video_bytes=GB,
            ),
        ),
        _spec(
            "TIKTOK",
            "TikTok",
            TextRule(limit=2_200, unit="UTF-16 units", measure=_utf16_units),
            MediaRules(
                at_least=1,
                at_most=35,
                image_types=frozenset({"image/jpeg", "image/webp"}),
                image_bytes=20 * MB,
                video_types=MP4_MOV | {"video/webm"},
                video_bytes=4 * GB,
            ),
            TIKTOK_OPTIONS,
        ),
        _spec(
            "YOUTUBE",
            "YouTube",
            TextRule(limit=5_000, unit="bytes of UTF-8", measure=utf8_bytes),
            MediaRules(
                at_least=1,
                at_most=1,
                video_types=MP4_MOV | {"video/webm", "video/x-msvideo"},
                video_bytes=256 * GB,
            ),
        ),
        _spec(
            "PINTEREST",
            "Pinterest",
            _characters(800),
            MediaRules(
                at_least=1,
                at_most=5,
                image_types=JPEG_PNG,
                image_bytes=20 * MB,
                video_types=MP4_MOV,
                video_bytes=2 * GB,
            ),
        ),
        _spec(
            "REDDIT",
            "Reddit",
            _characters(40_000),
            MediaRules(
                at_most=20,
                image_types=PHOTOS,
                image_bytes=20 * MB,
                video_types=MP4_MOV,
                video_bytes=GB,
            ),
        ),
        _spec(
            "DISCORD",
            "Discord",
            _characters(2_000),
            MediaRules(
                at_most=10,
                image_types=PHOTOS | {"image/webp"},
                image_bytes=10 * MB,
                video_types=MP4_MOV | {"video/webm"},
                video_bytes=10 * MB,
                alt_text=1_024,
            ),
        ),
        _spec(
            "GOOGLE_BUSINESS",
            "Google Business",
            _characters(1_500),
            MediaRules(at_most=1, image_types=JPEG_PNG, image_bytes=5 * MB),
        ),
        _spec(
            "SNAPCHAT",
            "Snapchat",
            _characters(160),
            MediaRules(
                at_least=1,
                at_most=1,
                image_types=JPEG_PNG,
                image_bytes=20 * MB,
                video_types=MP4,
                video_bytes=500 * MB,
            ),
        ),
    )
}
