"""What a network is like, as facts, and what it says to a draft that breaks its rules."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oncue.connectors.frame import ANY, Frame
from oncue.connectors.options import Option

MB = 1024 * 1024
ADDRESS = "oncue-media:"  # how every Media.address begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file ready to be sent. Its bytes stay outside: the sender loads them by `key`."""

    id: str
    type: str
    bytes: int
    sha256: str
    key: str = ""
    filename: str = "file"
    alt: str = ""
    width: int | None = None
    height: int | None = None
    seconds: float | None = None  # how long a video lasts, where that is known
    frames: int | None = None  # of a GIF or another animation; likewise, and so on
    fps: float | None = None
    video_codec: str | None = None  # FFmpeg's names: h264, aac
    audio_codec: str | None = None

    @property
    def address(self) -> str:
        """What stands in a Call for a public address of the file, for a network that fetches it.

        The sender puts one in its place that is signed, and good for a day at least.
        """
        return f"{ADDRESS}{self.id}/{self.key}"

    @property
    def is_video(self) -> bool:
        return self.type.startswith("video/")

    @property
    def is_gif(self) -> bool:
        return self.type == "image/gif"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadItem:
    """One post of a thread, in its place after the first."""

    text: str
    media: Sequence[Media] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A post as one network will see it: overrides applied, media resolved.

    `key` is the destination's id and `begun_at` the moment its journal was begun; neither
    changes when a publication is resumed, so identifiers derived from them are stable.
    `options` is the post's platformMetadata for this network as it was handed in (V47), and
    `kind` its contentType ("" without one).
    """

    text: str
    key: str
    begun_at: datetime
    media: Sequence[Media] = ()
    thread: Sequence[ThreadItem] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""

    def items(self) -> Sequence[ThreadItem]:
        """The posts to make, in order: the thread's, or the single one this draft is."""
        return self.thread or (ThreadItem(text=self.text, media=self.media),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A rule of a network that a draft breaks. `field` is the request's; limits carry values."""

    field: str
    code: str
    message: str
    limit: int | None = None
    actual: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """How long a text may be, in which unit, and how the network counts."""

    limit: int
    unit: str  # as a person reads it: "characters", "graphemes", "weighted characters"
    measure: Callable[[str], int] = len


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRules:
    """What may be attached to one post. Sizes in bytes, codecs by FFmpeg's names."""

    at_most: int
    at_least: int = 0
    image_types: frozenset[str] = frozenset()
    image_bytes: int = 0
    video_types: frozenset[str] = frozenset()
    image_frame: Frame = ANY
    gif_bytes: int | None = None  # None: as for any image
    gif_frame: Frame | None = None  # likewise
    gif_frames: int | None = None  # how many; None: any number
    video_bytes: int = 0
    video_seconds: tuple[float, float] | None = None  # how short and how long a video may be
    video_frame: Frame = ANY
    video_fps: tuple[float, float] | None = None  # how few and how many frames a second
    video_codecs: frozenset[str] = frozenset()  # empty: any
    audio_codecs: frozenset[str] = frozenset()  # likewise
    alt_text: int | None = None

    def limit_of(self, item: Media) -> int | None:
        """How many bytes `item` may have; None where its type is not taken at all."""
        if item.type in self.image_types:
            return self.gif_bytes if item.is_gif and self.gif_bytes else self.image_bytes
        if item.type in self.video_types:
            return self.video_bytes
        return None

    def frame_of(self, item: Media) -> Frame:
        """Which width and height `item` may have."""
        if item.is_video:
            return self.video_frame
        return self.gif_frame if item.is_gif and self.gif_frame else self.image_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything about a network that is a fact rather than a behaviour."""

    platform: str  # the constant, as in "TWITTER"
    name: str  # as people write it, as in "X"
    base_url: str  # empty where every account has its own server
    text: TextRule
    media: MediaRules
    credentials: Sequence[str]  # the names an account of this network cannot do without
    thread_items: int = 0  # 0: no threads
    suggests_hashtags: bool = False
    takes_nothing: bool = False  # whether a post without text and media is one
    own_server: bool = False  # whether the account says which server it lives on
    default_server: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)  # of platformMetadata
    daily_posts: int | None = None  # what an account may publish a day, where the network says so


def fields_of(draft: Draft, number: int) -> tuple[str, str]:
    """The request's names of a thread item's text and media, or of the post's own."""
    if not draft.thread:
        return "content", "media"
    return f"threadPosts[{number - 1}].content", f"threadPosts[{number - 1}].mediaIds"


def spec_problems(spec: Spec, draft: Draft) -> list[Problem]:
    """The rules of a network's spec that `draft` breaks, item by item."""
    problems: list[Problem] = []
    for number, item in enumerate(draft.items(), start=1):
        text, media = fields_of(draft, number)
        problems += nothing_problems(spec, item.text, item.media, text)
        problems += text_problems(spec, item.text, text)
        problems += media_problems(spec, item.media, media)
    return problems


def option_problems(spec: Spec, options: Mapping[str, Any]) -> list[Problem]:
    """The known fields of a post's platformMetadata that hold what the network has no use for.

    Null is as good as not there. A field that is not known here passes.
    """
    return [
        Problem(
            field=f"platformMetadata.{spec.platform}.{name}",
            code="OPTION_NOT_ALLOWED",
            message=refusal,
        )
        for name, option in spec.options.items()
        if options.get(name) is not None
        if (refusal := option.refuse(options[name])) is not None
    ]


def nothing_problems(spec: Spec, text: str, media: Sequence[Media], field: str) -> list[Problem]:
    """A post with nothing to say and nothing to show, where the network wants one of them."""
    if spec.takes_nothing or text.strip() or media:
        return []
    words = f"{spec.name} takes no post without text or media"
    return [Problem(field=field, code="CONTENT_REQUIRED", message=words)]


def text_problems(spec: Spec, text: str, field: str) -> list[Problem]:
    """The text that is too long for the network, in the network's own unit."""
    length = spec.text.measure(text)
    if length <= spec.text.limit:
        return []
    return [
        Problem(
            field=field,
            code="CONTENT_TOO_LONG",
            message=f"{spec.name} takes {spec.text.limit} {spec.text.unit}; this has {length}",
            limit=spec.text.limit,
            actual=length,
        )
    ]


def media_problems(spec: Spec, media: Sequence[Media], field: str) -> list[Problem]:
    """Too many or too few files, kinds the network does not take, files that are too big."""
    rules = spec.media
    problems: list[Problem] = []
    if len(media) < rules.at_least:
        problems.append(_media_count(spec, field, "MEDIA_REQUIRED", rules.at_least, len(media)))
    if len(media) > rules.at_most:
        problems.append(_media_count(spec, field, "TOO_MANY_MEDIA", rules.at_most, len(media)))
    for item in media:
        problems += file_problems(spec, item, field)
        problems += _alt_problems(spec, item, field)
    return problems


def file_problems(spec: Spec, item: Media, field: str) -> Iterator[Problem]:
    """What the network has against one file: its kind, or else its size, shape and insides."""
    limit = spec.media.limit_of(item)
    if limit is None:
        yield Problem(
            field=field,
            code="MEDIA_TYPE_NOT_SUPPORTED",
            message=f"{spec.name} does not take {item.type} ({item.filename})",
        )
    else:
        yield from _size_problems(spec, item, limit, field)
        if item.is_video:
            yield from _video_problems(spec, item, field)


def _alt_problems(spec: Spec, item: Media, field: str) -> Iterator[Problem]:
    limit = spec.media.alt_text
    if limit is not None and len(item.alt) > limit:
        yield Problem(
            field=field,
            code="ALT_TEXT_TOO_LONG",
            message=f"{spec.name} takes {limit} characters of alternative text",
            limit=limit,
            actual=len(item.alt),
        )


def _size_problems(spec: Spec, item: Media, limit: int, field: str) -> Iterator[Problem]:
    """Bytes, pixels and frames, as far as the file's are known."""
    frame, frames = spec.media.frame_of(item), spec.media.gif_frames
    if item.bytes > limit:
        yield Problem(
            field=field,
            code="MEDIA_TOO_LARGE",
            message=f"{spec.name} takes {limit} bytes; {item.filename} has {item.bytes}",
            limit=limit,
            actual=item.bytes,
        )
    if item.width and item.height and not frame.takes(item.width, item.height):
        size = f"{item.filename} is {item.width}x{item.height}"
        yield Problem(
            field=field,
            code="MEDIA_DIMENSIONS_NOT_SUPPORTED",
            message=f"{spec.name} takes pictures of {frame}; {size}",
        )
    if item.is_gif and frames is not None and (item.frames or 0) > frames:
        yield Problem(
            field=field,
            code="TOO_MANY_FRAMES",
            message=f"{spec.name} takes {frames} frames; {item.filename} has {item.frames}",
            limit=frames,
            actual=item.frames,
        )


def _video_problems(spec: Spec, item: Media, field: str) -> Iterator[Problem]:
    """Seconds, frames a second and codecs, as far as the video's are known."""
    rules = spec.media
    for code, unit, bounds, actual in (
        ("MEDIA_DURATION_NOT_SUPPORTED", "seconds", rules.video_seconds, item.seconds),
        ("MEDIA_FRAME_RATE_NOT_SUPPORTED", "frames a second", rules.video_fps, item.fps),
    ):
        if bounds is not None and actual is not None and not bounds[0] <= actual <= bounds[1]:
            yield Problem(
                field=field,
                code=code,
                message=f"{spec.name} takes videos of {bounds[0]:g} to {bounds[1]:g} {unit}; "
                f"{item.filename} has {actual:g}",
            )
    for taken, codec in (
        (rules.video_codecs, item.video_codec),
        (rules.audio_codecs, item.audio_codec),
    ):
        if taken and codec is not None and codec not in taken:
            yield Problem(
                field=field,
                code="MEDIA_CODEC_NOT_SUPPORTED",
                message=f"{spec.name} takes {', '.join(sorted(taken))}; "
                f"{item.filename} is in {codec}",
            )


def _media_count(spec: Spec, field: str, code: str, limit: int, actual: int) -> Problem:
    bound = "at least" if actual < limit else "at most"
    return Problem(
        field=field,
        code=code,
        message=f"{spec.name} takes {bound} {limit} media files; this has {actual}",
        limit=limit,
        actual=actual,
    )
