"""Trouble with this machine's disk: no file is to blame for it, and it passes."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from oncue.errors import Unavailable

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_WRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def written() -> Iterator[None]:
    """Raise Unavailable where a disk is full, or its folder cannot be written."""
    try:
        yield
    except OSError as trouble:
        if trouble.errno in FULL:
            raise full() from trouble
        if trouble.errno in NOT_WRITABLE:
            words = "The folder of media cannot be written; nothing was changed."
            raise Unavailable(words) from trouble
        raise


def full() -> Unavailable:
    return Unavailable("The disk is full; nothing was changed.")
