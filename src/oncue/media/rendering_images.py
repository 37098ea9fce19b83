"""Still pictures, decoded and encoded anew: what was hidden beside the pixels stays behind."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from PIL import Image, ImageCms

from oncue.media import pictures
from oncue.media.kinds import IMAGES

QUALITIES: Final = (90, 82, 74, 66)  # of JPEG and WebP, tried in this order at full size
SMALLER: Final = 0.8  # each further try has this much of the last one's sides
SMALL_QUALITY: Final = 74
LEAST_SIDE: Final = 64
LOSSLESS: Final = frozenset({"image/png"})
PROFILE_BYTES: Final = 1024 * 1024
ACTIVE: Final = (b"<script", b"<?php", b"<html", b"<svg", b"javascript:", b"pk\x03\x04")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    content: bytes
    content_type: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    content_type: str
    quality: int | None
    scale: float


def render(
    file: BinaryIO, content_type: str, recipe: Mapping[str, Any], budget: Mapping[str, int]
) -> Made:
    """The first try with few enough bytes, or the last of all."""
    pictures.within_budget(file, content_type, pixels=budget["pixels"], frames=budget["frames"])
    alpha = recipe["content_type"] != "image/jpeg"
    image, profile = prepared(file, content_type, recipe["size"], alpha=alpha)
    made = None
    for attempt in tries(recipe, image.size):
        made = _encoded(image, attempt, profile)
        if len(made.content) <= recipe["max_bytes"]:
            break
    assert made is not None
    return made


def prepared(
    file: BinaryIO, content_type: str, size: tuple[int, int] | None, *, alpha: bool
) -> tuple[Image.Image, bytes | None]:
    """The picture the right way up and of that `size`, and the profile its colours need."""
    enough = None if size is None else (max(size), max(size))
    image = pictures.opened(file, content_type, enough=enough)
    held = pictures.orientation_of(image)
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK" and profile:
        image, profile = _from_print(image, profile), None
    factor = 1 if size is None else max(1, min(image.size) // (2 * min(size)))
    image = pictures.reduced(image, factor, alpha=alpha)
    image = pictures.turned(image, held)
    if size is not None and image.size != tuple(size):
        image = image.resize(tuple(size), Image.Resampling.LANCZOS)
    return image, harmless(profile, image.mode)


def _from_print(image: Image.Image, profile: bytes) -> Image.Image:
    """Inks to light, as their profile says; by rule of thumb where that cannot be read."""
    try:
        inks = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        light = ImageCms.profileToProfile(
            image, inks, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        light = None
    return light or image.convert("RGB")


def harmless(profile: bytes | None, mode: str) -> bytes | None:
    """The colour profile, where it is one, fits the picture and holds nothing that would run."""
    if profile is None or len(profile) > PROFILE_BYTES or profile[36:40] != b"acsp":
        return None
    if profile[16:20] != (b"GRAY" if mode == "L" else b"RGB ") or is_active(profile):
        return None
    return profile


def is_active(content: bytes) -> bool:
    """Whether some program might take a part of this for its own language."""
    lowered = content.lower()
    return any(sign in lowered for sign in ACTIVE)


def tries(recipe: Mapping[str, Any], size: tuple[int, int]) -> Iterator[Try]:
    """From the best to the smallest: other qualities first, then fewer pixels."""
    kinds = [recipe["content_type"]] + [kind for kind in [recipe["smaller_type"]] if kind]
    for kind in kinds:
        for quality in (None,) if kind in LOSSLESS else QUALITIES:
            yield Try(content_type=kind, quality=quality, scale=1.0)
    last, scale = kinds[-1], SMALLER
    least = recipe["least"]
    while _scaled(size, scale) >= (1, 1) and _is_enough(_scaled(size, scale), least):
        yield Try(
            content_type=last,
            quality=None if last in LOSSLESS else SMALL_QUALITY,
            scale=scale,
        )
        scale *= SMALLER


def _is_enough(size: tuple[int, int], least: tuple[int, int]) -> bool:
    return size[0] >= least[0] and size[1] >= least[1] and max(size) >= LEAST_SIDE


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _encoded(image: Image.Image, attempt: Try, profile: bytes | None) -> Made:
    if attempt.scale < 1:
        image = image.resize(_scaled(image.size, attempt.scale), Image.Resampling.LANCZOS)
    if attempt.content_type == "image/jpeg":
        image = pictures.plain(image)
    options: dict[str, Any] = {} if profile is None else {"icc_profile": profile}
    if attempt.quality is not None:
        options["quality"] = attempt.quality
    if attempt.content_type == "image/jpeg":
        options["optimize"] = True
    written = io.BytesIO()
    image.save(written, IMAGES[attempt.content_type], **options)
    return Made(content=written.getvalue(), content_type=attempt.content_type, size=image.size)
