"""Reading a file's parts where their lengths can be lies."""

from typing import BinaryIO


class Broken(ValueError):
    """A file ends or contradicts itself where its format does not allow that."""


def exactly(file: BinaryIO, count: int) -> bytes:
    """The next `count` bytes. Raises Broken where there are fewer."""
    data = file.read(count)
    if len(data) != count:
        raise Broken("the file ends too early")
    return data
