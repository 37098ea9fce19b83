"""Still pictures, decoded and encoded anew: what was hidden beside the pixels stays behind."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from PIL import Image, ImageCms

from oncue.connectors.frame import Frame
from oncue.media import pictures
from oncue.media.kinds import IMAGES

QUALITIES: Final = (90, 82, 74, 66)  # of JPEG and WebP, tried in this order at full size
SMALLER: Final = 0.64  # each further try has this much of the last one's pixels
SMALL_QUALITY: Final = 74
LEAST_SIDE: Final = 64
LOSSLESS: Final = frozenset({"image/png"})
PROFILE_BYTES: Final = 1024 * 1024
ACTIVE: Final = (b"<script", b"<?php", b"<html", b"<svg", b"javascript:", b"pk\x03\x04")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An encoded picture."""

    content: bytes
    content_type: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One way to encode a picture."""

    content_type: str
    quality: int | None  # None: without loss
    size: tuple[int, int]


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
    last = recipe["smaller_type"] or recipe["content_type"]
    for kind in dict.fromkeys((recipe["content_type"], last)):
        for quality in (None,) if kind in LOSSLESS else QUALITIES:
            yield Try(content_type=kind, quality=quality, size=size)
    for smaller in _smaller(recipe, size):
        quality = None if last in LOSSLESS else SMALL_QUALITY
        yield Try(content_type=last, quality=quality, size=smaller)


def _smaller(recipe: Mapping[str, Any], size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Sizes of the same shape, within what the network takes."""
    pixels = size[0] * size[1] * SMALLER
    while pixels >= 1:
        frame = Frame(at_least=recipe["least"], ratio=recipe["ratio"], pixels=int(pixels))
        fitting = frame.fit(*size)
        if fitting is not None and max(fitting) >= LEAST_SIDE:
            yield fitting
        pixels *= SMALLER


def _encoded(image: Image.Image, attempt: Try, profile: bytes | None) -> Made:
    if attempt.size != image.size:
        image = image.resize(attempt.size, Image.Resampling.LANCZOS)
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
