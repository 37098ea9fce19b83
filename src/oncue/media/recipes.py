"""What is done to a file so that a network takes it: decided from facts alone, before it is due."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeAlias

from oncue.connectors.spec import Media, MediaRules, Problem, Spec, file_problems

# Part of every recipe's key: raise it when the same recipe is to give other bytes.
EDITION: Final = 2

ANIMATION: Final = "MEDIA_ANIMATION_NOT_SUPPORTED"

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
GIF: Final = "image/gif"
MP4: Final = "video/mp4"
ANIMATIONS: Final = frozenset({PNG, "image/webp"})  # what moves besides a GIF, for nobody

MP4_VIDEO: Final = frozenset({"h264", "hevc"})
MP4_AUDIO: Final = frozenset({"aac", "mp3"})
REWRAPPED: Final = frozenset({MP4, "video/quicktime", "video/webm", "video/x-matroska"})
USUAL_FPS: Final = 30.0
PLENTY: Final = 1_920 * 1_080  # pixels of a video that is encoded anew

AUDIO_BITS: Final = 128_000  # a second, as all rates here
LEAST_AUDIO_BITS: Final = 48_000
LEAST_VIDEO_BITS: Final = 100_000
MOST_BITS_A_PIXEL: Final = 0.25  # of a frame
CONTAINER_SHARE: Final = 0.03  # of the bytes, and what an encoder overshoots
BITS_A_PIXEL: Final = 0.04  # of a frame; with fewer, a smaller picture looks better


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is to come out. Where it comes from is the renderer's affair."""

    content_type: str
    max_bytes: int

    @property
    def key(self) -> str:
        """Sixteen hex digits: the same for the same recipe, in every process and release."""
        words = [EDITION, type(self).__name__, asdict(self)]
        text = json.dumps(words, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe(Recipe):
    """One still picture, encoded anew; its orientation applied, nothing but its colours kept."""

    size: tuple[int, int] | None  # width, height; None: as it is
    least: tuple[int, int] | None = None  # how small it may become to have few enough bytes
    ratio: tuple[float, float] | None = None  # of the width to the height: least, most
    smaller_type: str | None = None  # what to turn to when it has too many


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimationRecipe(Recipe):
    """A GIF written anew, frame by frame, as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRecipe:
    """A moving picture as H.264."""

    size: tuple[int, int] | None  # None: as it is
    fps: float
    bits: int | None  # a second, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecipe(Recipe):
    """A video in a new container, without what its camera wrote beside picture and sound."""

    picture: PictureRecipe | None  # None: copied as it is
    audio_bits: int | None  # None: copied as it is, or there is none
    seconds: float | None  # how long it lasts, for whoever limits the work


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A file a network takes once the recipe is followed, and what the file will be then."""

    recipe: Recipe
    result: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMendable:
    """Rules of the network that no machine can have the file obey, and the file without those
    that one can.
    """  # noqa: D205

    problems: Sequence[Problem]
    result: Media


Decision: TypeAlias = Mended | NotMendable


def decide(spec: Spec, item: Media, field: str) -> Decision:
    """How `item` becomes a file that the network of `spec` takes.

    It is mended as far as that goes; what the network then still has against it is told with
    the values of the file as it was.
    """
    recipe, result = _video(spec.media, item) if item.is_video else _picture(spec.media, item)
    problems = list(file_problems(spec, result, field))
    if item.type in ANIMATIONS and (item.frames or 0) > 1:
        problems.append(_moves(spec, item, field))
    if problems or recipe is None:
        return NotMendable(problems=problems, result=result)
    return Mended(recipe=recipe, result=result)


def _moves(spec: Spec, item: Media, field: str) -> Problem:
    return Problem(
        field=field,
        code=ANIMATION,
        message=f"{spec.name} takes animations as GIFs; {item.filename} is {item.type} with "
        f"{item.frames} frames",
        limit=1,
        actual=item.frames,
    )


def _picture(rules: MediaRules, item: Media) -> tuple[Recipe | None, Media]:
    if item.is_gif and item.frames != 1:
        most = rules.limit_of(item)
        recipe = None if most is None else AnimationRecipe(content_type=GIF, max_bytes=most)
        return recipe, item
    target = _picture_type(rules, item)
    if target is None:
        return None, item
    result = replace(item, type=target, frames=None)
    limit, frame = rules.image_bytes, rules.frame_of(result)
    size = None
    if item.width and item.height:
        size = frame.fit(item.width, item.height)
    width, height = size or (item.width, item.height)
    return ImageRecipe(
        content_type=target,
        max_bytes=limit,
        size=size,
        least=frame.at_least,
        ratio=frame.ratio,
        smaller_type=JPEG if target == PNG and JPEG in rules.image_types else None,
    ), replace(result, width=width, height=height, bytes=min(item.bytes, limit))


def _picture_type(rules: MediaRules, item: Media) -> str | None:
    """What a still picture becomes: a GIF of one frame has the colours of a PNG."""
    wanted = (PNG if item.is_gif else item.type, JPEG, PNG)
    return next((kind for kind in wanted if kind in rules.image_types), None)


def _video(rules: MediaRules, item: Media) -> tuple[Recipe | None, Media]:
    kind = _container(rules, item)
    if kind is None:
        return None, item
    if _may_be_copied(rules, item, kind):
        return _rewrapped(rules, replace(item, type=kind))
    return _encoded(rules, replace(item, type=MP4))


def _container(rules: MediaRules, item: Media) -> str | None:
    """MP4, but for a picture that only its own container holds. No network takes no MP4."""
    if MP4 not in rules.video_types:
        return None
    return (
        item.type if item.type in rules.video_types and item.video_codec not in MP4_VIDEO else MP4
    )


def _may_be_copied(rules: MediaRules, item: Media, kind: str) -> bool:
    """Whether the picture is taken as it is, once it is in a container of `kind`."""
    held = item.type in REWRAPPED and (kind == item.type or item.video_codec in MP4_VIDEO)
    taken = not rules.video_codecs or item.video_codec in rules.video_codecs
    sized = not (item.width and item.height) or rules.video_frame.takes(item.width, item.height)
    small = item.bytes <= rules.video_bytes
    return held and taken and sized and small and _fps(rules, item.fps) == item.fps


def _fps(rules: MediaRules, fps: float | None) -> float | None:
    """The frames a second within the bounds that are nearest to the video's own."""
    if fps is None or rules.video_fps is None:
        return fps
    least, most = rules.video_fps
    return min(fps, most) if fps >= least else min(max(USUAL_FPS, least), most)


def _rewrapped(rules: MediaRules, item: Media) -> tuple[Recipe, Media]:
    copied = item.audio_codec is None or _holds_sound(rules, item)
    return VideoRecipe(
        content_type=item.type,
        max_bytes=rules.video_bytes,
        picture=None,
        audio_bits=None if copied else AUDIO_BITS,
        seconds=item.seconds,
    ), replace(item, audio_codec=item.audio_codec if copied else "aac")


def _holds_sound(rules: MediaRules, item: Media) -> bool:
    taken = not rules.audio_codecs or item.audio_codec in rules.audio_codecs
    return taken and (item.type != MP4 or item.audio_codec in MP4_AUDIO)


def _encoded(rules: MediaRules, item: Media) -> tuple[Recipe, Media]:
    """The video as H.264 and AAC; as large as it was, where nothing makes it small enough."""
    limit, fps = rules.video_bytes, _fps(rules, item.fps) or USUAL_FPS
    audio = _audio_bits(limit, item)
    video = None if not item.seconds else _bits(limit, item.seconds) - audio
    size = _size(rules, item, None if video is None else video / fps)
    if size is not None and video is not None:
        video = min(video, int(size[0] * size[1] * fps * MOST_BITS_A_PIXEL) + LEAST_VIDEO_BITS)
    width, height = size or (item.width, item.height)
    return VideoRecipe(
        content_type=MP4,
        max_bytes=limit,
        picture=PictureRecipe(size=size, fps=fps, bits=video),
        audio_bits=audio or None,
        seconds=item.seconds,
    ), replace(
        item,
        width=width,
        height=height,
        fps=fps,
        video_codec="h264",
        audio_codec="aac" if audio else None,
        bytes=_bytes(limit, item, audio),
    )


def _bits(limit: int, seconds: float) -> int:
    """How many bits a second there are for everything."""
    return int(limit * 8 * (1 - CONTAINER_SHARE) / seconds)


def _bytes(limit: int, item: Media, audio: int) -> int:
    """How many there will be: within the limit, unless it is so long that it would be a blur."""
    least = math.ceil((LEAST_VIDEO_BITS + audio) * (item.seconds or 0) / 8 / (1 - CONTAINER_SHARE))
    return max(item.bytes, least) if least > limit else min(item.bytes, limit)


def _audio_bits(limit: int, item: Media) -> int:
    if item.audio_codec is None:
        return 0
    is_tight = item.seconds and _bits(limit, item.seconds) < 10 * AUDIO_BITS
    return LEAST_AUDIO_BITS if is_tight else AUDIO_BITS


def _size(rules: MediaRules, item: Media, bits: float | None) -> tuple[int, int] | None:
    """As large as a frame of so many bits looks well; None where no size will do."""
    if not (item.width and item.height):
        return None
    frame = rules.video_frame
    pixels = min(PLENTY, frame.pixels or PLENTY)
    if bits is not None:
        pixels = min(pixels, max(4, math.floor(bits / BITS_A_PIXEL)))
    wanted = replace(frame, pixels=pixels).fit(item.width, item.height, step=2)
    return wanted or frame.fit(item.width, item.height, step=2)
