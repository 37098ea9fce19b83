"""Whether a video's file is all there, told from the sizes its outermost parts announce.

A decoder does not notice what is missing from a file whose index comes first: it plays on until
there is no more.
"""

import os
import struct
from typing import BinaryIO, Final

from oncue.media.reading import Broken, exactly

_BOXES: Final = frozenset({b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid"})
_SEGMENT: Final = b"\x18\x53\x80\x67"


def check_whole(file: BinaryIO, demuxer: str) -> None:
    """Raise Broken where the file ends before one of its parts does."""
    whole = file.seek(0, os.SEEK_END)
    file.seek(0)
    match demuxer:
        case "mov":
            _boxes(file, whole)
        case "matroska":
            _segment(file, whole)
        case "avi":
            _reaches(8, _little(file, 4), whole)


def is_fragmented(file: BinaryIO) -> bool:
    """Whether an MP4 comes in fragments, so that its index knows only the first's length."""
    return b"moof" in _boxes(file, file.seek(0, os.SEEK_END))


def _boxes(file: BinaryIO, whole: int) -> set[bytes]:
    """The names of an MP4's outermost boxes (ISO/IEC 14496-12, 4.2)."""
    at, seen = 0, set[bytes]()
    while at + 8 <= whole:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        if name not in _BOXES and {b"moov", b"mdat"} <= seen:
            break  # what somebody appended is none of ours
        if size == 1:
            (size,) = struct.unpack(">Q", exactly(file, 8))
        elif size == 0:
            size = whole - at
        if size < 8 or at + size > whole:
            raise Broken("the file ends too early")
        seen.add(name)
        at += size
    if b"moov" not in seen:
        raise Broken("the file has no index")
    return seen


def _segment(file: BinaryIO, whole: int) -> None:
    """The one Segment of a Matroska file, where its size is known (RFC 8794, 6)."""
    file.seek(4)
    file.seek(_length(file) or 0, os.SEEK_CUR)
    while (name := file.read(4)) != _SEGMENT:
        if len(name) < 4 or name[:1] != b"\xec":  # Void
            raise Broken("there is nothing in this Matroska file")
        file.seek(-3, os.SEEK_CUR)
        file.seek(_length(file) or 0, os.SEEK_CUR)
    size = _length(file)
    if size is not None:
        _reaches(file.tell(), size, whole)


def _length(file: BinaryIO) -> int | None:
    """A variable-size integer; None where all its bits are set, which means unknown."""
    first = exactly(file, 1)[0]
    more = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & (0x7F >> more)]) + exactly(file, more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _little(file: BinaryIO, at: int) -> int:
    file.seek(at)
    return int.from_bytes(exactly(file, 4), "little")


def _reaches(at: int, size: int, whole: int) -> None:
    if at + size > whole:
        raise Broken("the file ends too early")
