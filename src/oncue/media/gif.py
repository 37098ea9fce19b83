"""The blocks of a GIF, read one at a time and never decoded (GIF89a specification)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from oncue.media.reading import Broken, exactly

CONTROL: Final = 0xF9
APPLICATION: Final = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The canvas that every frame is put on. `head` is its 13 bytes, signature and all."""

    head: bytes
    colours: bytes

    @property
    def size(self) -> tuple[int, int]:
        width, height = struct.unpack("<HH", self.head[6:10])
        return width, height


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A control, a comment, an application's own; `data` without the lengths in between."""

    label: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture. `data` is compressed, without the lengths; empty where nobody wanted it."""

    descriptor: bytes
    colours: bytes
    code_size: int
    data: bytes

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Where on the screen it goes: left, top, right, bottom."""
        left, top, width, height = struct.unpack("<HHHH", self.descriptor[:8])
        return left, top, left + width, top + height


Block: TypeAlias = Screen | Extension | Frame


def blocks(file: BinaryIO, *, pictures: bool = True) -> Iterator[Block]:
    """Every block in order. Raises Broken where the file is cut off within one."""
    head = exactly(file, 13)
    yield Screen(head=head, colours=_colours(file, head[10]))
    while introducer := file.read(1):
        match introducer[0]:
            case 0x21:
                label = exactly(file, 1)[0]
                yield Extension(label=label, data=_sub_blocks(file))
            case 0x2C:
                descriptor = exactly(file, 9)
                colours = _colours(file, descriptor[8])
                code_size = exactly(file, 1)[0]
                data = _sub_blocks(file, keep=pictures)
                yield Frame(descriptor=descriptor, colours=colours, code_size=code_size, data=data)
            case 0x3B:
                return
            case _:
                raise Broken(f"there is no block {introducer[0]:#x} in a GIF")


def _colours(file: BinaryIO, flags: int) -> bytes:
    """The colour table that `flags` announce: three bytes a colour."""
    return exactly(file, 3 << (flags & 7) + 1) if flags & 0x80 else b""


def _sub_blocks(file: BinaryIO, *, keep: bool = True) -> bytes:
    kept = bytearray()
    while length := exactly(file, 1)[0]:
        data = exactly(file, length)
        if keep:
            kept += data
    return bytes(kept)
