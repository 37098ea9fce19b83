"""What an image's header says of its size, before a single pixel is decoded."""

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from oncue.media import gif
from oncue.media.reading import Broken, exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Width and height in pixels as stored, the number of frames, and how long they take."""

    width: int
    height: int
    frames: int = 1
    seconds: float | None = None


def header_of(file: BinaryIO, content_type: str, most_frames: int) -> Header:
    """Read on until everything is known, or one frame more than `most_frames` was seen.

    Raises Broken where the file cannot be what it says it is.
    """
    file.seek(0)
    return _READERS[content_type](file, most_frames)


def _gif(file: BinaryIO, most_frames: int) -> Header:
    width = height = frames = hundredths = 0
    for block in gif.blocks(file, pictures=False):
        match block:
            case gif.Screen():
                width, height = block.size
            case gif.Extension(label=gif.CONTROL, data=data) if len(data) >= 3:
                hundredths += int.from_bytes(data[1:3], "little")
            case gif.Frame():
                _, _, right, bottom = block.box
                width, height, frames = max(width, right), max(height, bottom), frames + 1
        if frames > most_frames:
            break
    return _animated(width, height, frames, hundredths / 100)


def _png(file: BinaryIO, most_frames: int) -> Header:
    """IHDR, and acTL where an animated PNG counts its frames; both come before any pixel."""
    head = exactly(file, 33)
    if head[12:16] != b"IHDR":
        raise Broken("a PNG begins with its size; this does not")
    width, height = struct.unpack(">II", head[16:24])
    while len(chunk := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", chunk)
        if name == b"acTL":
            return Header(
                width=width, height=height, frames=int.from_bytes(exactly(file, 4), "big")
            )
        if name in (b"IDAT", b"IEND"):
            break
        file.seek(length + 4, os.SEEK_CUR)
    return Header(width=width, height=height)


def _webp(file: BinaryIO, most_frames: int) -> Header:
    whole = file.seek(0, os.SEEK_END)
    file.seek(4)
    if _number(exactly(file, 4)) + 8 > whole:
        raise Broken("the file ends too early")
    file.seek(12)
    size: tuple[int, int] | None = None
    frames, milliseconds = 0, 0
    for name, start in _riff_chunks(file):
        if name == b"VP8X":
            size = _number(start[4:7]) + 1, _number(start[7:10]) + 1
        elif name == b"VP8 " and size is None:
            size = _number(start[6:8]) & 0x3FFF, _number(start[8:10]) & 0x3FFF
        elif name == b"VP8L" and size is None:
            bits = _number(start[1:5])
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif name == b"ANMF":
            frames, milliseconds = frames + 1, milliseconds + _number(start[12:15])
            if frames > most_frames:
                break
    if size is None:
        raise Broken("there is no picture in this WebP")
    return _animated(*size, max(frames, 1), milliseconds / 1000)


def _riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's name and first 16 bytes."""
    while len(head := file.read(8)) == 8:
        length = _number(head[4:])
        start = file.read(min(16, length))
        file.seek(length + length % 2 - len(start), os.SEEK_CUR)
        yield head[:4], start


def _jpeg(file: BinaryIO, most_frames: int) -> Header:
    """The first start-of-frame segment (ITU-T T.81, B.2.2)."""
    file.seek(2)
    while True:
        marker = _marker(file)
        if 0xD0 <= marker <= 0xD7 or marker == 0x01:
            continue  # these have no length
        length = int.from_bytes(exactly(file, 2), "big")
        if marker in _STARTS_OF_FRAME:
            _, height, width = struct.unpack(">BHH", exactly(file, 5))
            return Header(width=width, height=height)
        if marker in (0xD9, 0xDA) or length < 2:
            raise Broken("there is no picture in this JPEG")
        file.seek(length - 2, os.SEEK_CUR)


def _marker(file: BinaryIO) -> int:
    if exactly(file, 1) != b"\xff":
        raise Broken("a segment of this JPEG begins where none can")
    while (byte := exactly(file, 1)[0]) == 0xFF:
        pass
    return byte


def _animated(width: int, height: int, frames: int, seconds: float) -> Header:
    moves = seconds if frames > 1 else None
    return Header(width=width, height=height, frames=frames, seconds=moves)


def _number(little_endian: bytes) -> int:
    return int.from_bytes(little_endian, "little")


_STARTS_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READERS: Final[Mapping[str, Callable[[BinaryIO, int], Header]]] = {
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
