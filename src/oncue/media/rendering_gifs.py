"""A GIF written anew: every frame decoded and encoded, its pixels, colours and times as they were.

Comments, texts and other programs' extensions stay behind, and so does whatever was hidden where
a decoder does not look. One frame is in memory at a time.
"""

import io
import struct
from typing import BinaryIO, Final

from PIL import Image

from oncue.media import gif
from oncue.media.gif import Extension, Frame, Screen
from oncue.media.reading import Broken
from oncue.media.rendering_images import is_active

_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_INTERLACED: Final = 0x40
_LOCAL_COLOURS: Final = 0x87  # the flag, and how many
# For decoding alone: no grey scale, which Pillow would take for a picture without a palette.
_ANY_COLOURS: Final = bytes(255 - number // 3 for number in range(768))


def rewritten(file: BinaryIO) -> bytes:
    """Raises Broken or OSError where a frame cannot be read."""
    written = bytearray()
    control = b""
    for block in gif.blocks(file):
        match block:
            case Screen():
                written += b"GIF89a" + block.head[6:] + _colours(block.colours)
            case Extension(label=gif.CONTROL, data=data) if len(data) >= 4:
                control = b"\x21\xf9\x04" + data[:4] + b"\x00"
            case Extension(label=gif.APPLICATION, data=data) if data[:11] in _LOOPS:
                written += _loop(data)
            case Frame():
                written += control + _frame(block)
                control = b""
    return bytes(written + b"\x3b")


def _loop(data: bytes) -> bytes:
    """How often it plays, in Netscape's words."""
    if len(data) < 14 or data[11] != 1:
        return b""
    return b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + data[12:14] + b"\x00"


def _frame(frame: Frame) -> bytes:
    left, top, right, bottom = frame.box
    width, height = right - left, bottom - top
    flags = frame.descriptor[8]
    place = struct.pack("<HHHHB", left, top, width, height, flags & _LOCAL_COLOURS)
    data = _indices(frame, width, height).tobytes("gif", ("P", frame.code_size, 0))
    return b"\x2c" + place + _colours(frame.colours) + bytes([frame.code_size]) + data + b"\x00"


def _indices(frame: Frame, width: int, height: int) -> Image.Image:
    """The frame's pixels as numbers of colours, decoded on a screen of its own."""
    if not 2 <= frame.code_size <= 8:
        raise Broken("a frame has more colours than there are")
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + _ANY_COLOURS
    place = struct.pack("<HHHHB", 0, 0, width, height, frame.descriptor[8] & _INTERLACED)
    lengths = range(0, len(frame.data), 255)
    parts = [frame.data[at : at + 255] for at in lengths]
    data = b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"
    alone = head + b"\x2c" + place + bytes([frame.code_size]) + data + b"\x3b"
    image = Image.open(io.BytesIO(alone), formats=["GIF"])
    image.load()
    return image


def _colours(table: bytes) -> bytes:
    """The table as it is; if its bytes spell something, each colour a shade of 255 off."""
    return bytes(level & 0xFE for level in table) if is_active(table) else table
