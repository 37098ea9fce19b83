"""Copies of files that are kept elsewhere. One that goes missing is fetched again."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

UNFINISHED: Final = ".part"

# What nobody has asked for so long goes first. It is never what somebody has just been given.
KEPT: Final = timedelta(days=1)
IN_USE: Final = timedelta(hours=1)
MOST_BYTES: Final = 4 * 1024**3


class Cache:
    """A folder of copies. Any number of processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Let one at a time look for `key`, so that the others find what the first one fetched."""
        lock = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(key, None)

    def find(self, key: str) -> Path | None:
        """The copy, which stays for an hour at least; None where there is none."""
        path = self._folder / key
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    async def add(self, key: str, chunks: AsyncIterable[Any]) -> Path:
        """A new copy, there as a whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{key}.{uuid4().hex}{UNFINISHED}"
        try:
            with unfinished.open("xb") as file:
                async for chunk in chunks:
                    file.write(chunk)
            return unfinished.rename(self._folder / key)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def take(self, key: str, file: Path) -> None:
        """Have a copy without fetching one, where the file system has hard links."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            (self._folder / key).hardlink_to(file)

    def forget(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)

    def tidy(self, now: float, most_bytes: int = MOST_BYTES) -> int:
        """Remove what nobody has used lately, and the oldest of what is too much; how many.

        `now` is in seconds since 1970, as the file system has it.
        """
        copies = sorted(_aged(self._folder))
        total = sum(size for _used, size, _path in copies)
        removed = 0
        for used, size, path in copies:
            unused = now - used
            too_much = total > most_bytes and unused > IN_USE.total_seconds()
            if too_much or unused > KEPT.total_seconds():
                path.unlink(missing_ok=True)
                total -= size
                removed += 1
        return removed


def _aged(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file was last used, and its size."""
    found = []
    for path in folder.iterdir() if folder.exists() else ():
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        found.append((facts.st_mtime, facts.st_size, path))
    return found
