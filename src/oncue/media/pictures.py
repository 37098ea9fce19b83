"""Opening, turning and shrinking pictures with little memory beside the decoded picture itself."""

import io
import struct
from collections.abc import Mapping
from typing import BinaryIO, Final

from PIL import Image, ImageFile, PngImagePlugin

from oncue.errors import NotAccepted
from oncue.media.headers import Header, header_of
from oncue.media.kinds import IMAGES

Image.MAX_IMAGE_PIXELS = None  # ours are counted in `within_budget`, before Pillow sees the file
ImageFile.LOAD_TRUNCATED_IMAGES = False
# What editors write of a picture's history, and large colour profiles: Pillow takes a mebibyte.
# The process has its own limit of memory, and all texts together still have theirs.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024

_ORIENTATION: Final = 0x0112
_TURNS: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_STRIP_PIXELS: Final = 1_000_000
_BROKEN_EXIF: Final = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error)
_DEEP: Final = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})  # 16 bits of grey


def within_budget(file: BinaryIO, content_type: str, *, pixels: int, frames: int) -> Header:
    """The image's header. Raises NotAccepted where decoding it would be too much to ask."""
    header = header_of(file, content_type, frames)
    size = f"{header.width}x{header.height}"
    if not header.width or not header.height:
        raise NotAccepted(code="MEDIA_UNREADABLE", reason="the image has no pixels")
    facts = {"width": header.width, "height": header.height}
    if (actual := header.width * header.height) > pixels:
        raise NotAccepted(
            code="IMAGE_TOO_LARGE",
            reason=f"an image may have {pixels} pixels; this is {size}",
            facts={"limit": pixels, "actual": actual, **facts},
        )
    if header.frames > frames:
        raise NotAccepted(
            code="TOO_MANY_FRAMES",
            reason=f"an animation may have {frames} frames; this has more",
            facts={"limit": frames, **facts},
        )
    if (actual := actual * header.frames) > pixels:
        raise NotAccepted(
            code="IMAGE_TOO_LARGE",
            reason=f"all frames together may have {pixels} pixels; "
            f"these are {header.frames} of {size}",
            facts={"limit": pixels, "actual": actual, "frames": header.frames, **facts},
        )
    return header


def opened(
    file: BinaryIO, content_type: str, *, enough: tuple[int, int] | None = None
) -> Image.Image:
    """The image, decoded whole; a JPEG smaller where `enough` pixels (width, height) will do."""
    file.seek(0)
    try:
        image = Image.open(file, formats=[IMAGES[content_type]])
        if enough is not None and content_type == "image/jpeg":
            image.draft(None, enough)
        image.load()
    except OSError as error:
        if "could not create decoder" in str(error):  # WebP's word for having no memory
            raise MemoryError from error
        raise
    return image


def orientation_of(image: Image.Image) -> int:
    """How the camera was held, from 1 to 8 as in EXIF; 1 where that cannot be told."""
    try:
        held = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1
    return held if held in _TURNS else 1


def is_on_its_side(orientation: int) -> bool:
    return orientation >= 5


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it was seen, for its `orientation` in EXIF."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def plain(image: Image.Image, *, alpha: bool = False) -> Image.Image:
    """The picture in grey or in red, green and blue, eight bits each; in RGBA where `alpha`.

    Without `alpha`, what is transparent shows white.
    """
    if image.mode in _DEEP:
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if not has_alpha(image):
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    clear = image if image.mode == "RGBA" else image.convert("RGBA")
    if alpha:
        return clear
    page = Image.new("RGB", clear.size, "white")
    page.paste(clear, mask=clear.getchannel("A"))
    return page


def reduced(image: Image.Image, factor: int, *, alpha: bool = False) -> Image.Image:
    """The picture made plain and `factor` times smaller, strip by strip."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // (width * factor)) * factor
    page: Image.Image | None = None
    for top in range(0, height, rows):
        strip = plain(image.crop((0, top, width, min(top + rows, height))), alpha=alpha)
        small = strip.reduce(factor) if factor > 1 else strip
        if page is None:
            page = Image.new(small.mode, (-(-width // factor), -(-height // factor)))
        page.paste(small, (0, top // factor))
    assert page is not None
    return page


def thumbnail(image: Image.Image, orientation: int, long_side: int) -> bytes:
    """A small JPEG of the picture as it was seen."""
    small = reduced(image, max(1, max(image.size) // (2 * long_side)))
    small.thumbnail((long_side, long_side))
    written = io.BytesIO()
    turned(small, orientation).save(written, "JPEG", quality=80)
    return written.getvalue()
