"""Locks between processes of one machine, that go with the process however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Locked(Exception):
    """Another process has the lock."""


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold the file's lock for as long as the block lasts; raises Locked, OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked from None
        yield
