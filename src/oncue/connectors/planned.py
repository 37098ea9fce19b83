"""Facts of the networks whose connectors are still to come, so that posts can be checked.

A network moves from here to its connector's own file when it is built.
"""

from collections.abc import Mapping
from typing import Final

from oncue.connectors.frame import Frame
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
    daily_posts: int | None = None,
) -> Spec:
    return Spec(
        platform=platform,
        name=name,
        base_url="",
        text=text,
        media=media,
        credentials=("accessToken",),
        options=options,
        daily_posts=daily_posts,
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
                image_frame=Frame(pixels=36_152_320),
                gif_frames=250,
                video_types=MP4,
                video_bytes=500 * MB,
                video_seconds=(3, 1_800),
            ),
            daily_posts=150,  # a member: Ayrshare's documentation, LinkedIn's own names no number
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
                video_seconds=(0, 14_400),
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
                image_frame=Frame(ratio=(0.8, 1.91)),
                video_types=MP4_MOV,
                video_bytes=300 * MB,
                video_seconds=(3, 900),
                video_fps=(23, 60),
                video_codecs=frozenset({"h264", "hevc"}),
                audio_codecs=frozenset({"aac"}),
            ),
            INSTAGRAM_OPTIONS,
            # 25, 50 or 100 by source and date: the most, so that no day is called full too early.
            # An account's own number is in GET /{ig-user-id}/content_publishing_limit.
            daily_posts=100,
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
                video_seconds=(0, 300),
            ),
            daily_posts=250,  # developers.facebook.com/docs/threads, and Meta's Postman collection
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
                image_frame=Frame(pixels=1_920 * 1_080),
                video_types=MP4_MOV | {"video/webm"},
                video_bytes=4 * GB,
                video_seconds=(0, 600),
                video_frame=Frame(at_least=(360, 360), at_most=(4_096, 4_096)),
                video_fps=(23, 60),
                video_codecs=frozenset({"h264", "hevc", "vp8", "vp9"}),
            ),
            TIKTOK_OPTIONS,
            daily_posts=15,  # pages about the Content Posting API; TikTok's own names no number
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
            MediaRules(
                at_most=1,
                image_types=JPEG_PNG,
                image_bytes=5 * MB,
                image_frame=Frame(at_least=(250, 250)),
            ),
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
                video_seconds=(5, 60),
                video_frame=Frame(ratio=(0.55, 0.575)),  # 9:16, give or take a rounding
            ),
        ),
    )
}
