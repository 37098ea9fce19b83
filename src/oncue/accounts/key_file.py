"""The file of master keys on its disk: read together with what tells that it changed, and
replaced so that neither a crash nor a power cut leaves less than there was.
"""  # noqa: D205

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from oncue.lib.crashpoints import KEYS_REPLACED, KEYS_WRITTEN, reach

MODE: Final = 0o600
NEXT: Final = ".new"  # of the file that is to take the key file's place


def stamp(file: Path) -> str:
    """What is another one after every change of the file; "" where there is none.

    The same on every machine that has this very file, and another for a copy of it. The file is
    opened for it: NFS vouches for what it says of an open file, and else for what it remembers.
    """
    try:
        with file.open("rb", buffering=0) as opened:
            return _stamp(os.fstat(opened.fileno()))
    except FileNotFoundError:
        return ""
    except OSError as trouble:
        return f"unreadable {trouble.errno}"


def read(file: Path) -> tuple[str, str]:
    """What the file says, and its stamp at that time. Raises OSError, UnicodeDecodeError."""
    with file.open(encoding="utf-8") as opened:
        return opened.read(), _stamp(os.fstat(opened.fileno()))


def _stamp(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


def create(file: Path, text: str) -> None:
    """Write a file that only its owner can read; never over an existing one.

    Raises FileExistsError, OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        _write(descriptor, text)
        _sync(file.parent)
    except OSError:
        file.unlink()  # half a key file would be in the way of a whole one
        raise


def replace(file: Path, text: str) -> None:
    """Put `text` in place of what the file says, whole or not at all; owner and mode stay.

    The new file is durable under a name of its own before it gets this one: whatever is sealed
    with its keys the instant they can be seen, they outlive a power cut. Raises OSError.
    """
    target = file.resolve()  # a link stays one
    fresh = _next(target)
    before = target.stat()
    try:
        _write(_open_like(fresh, before), text)
        _sync(target.parent)
        reach(KEYS_WRITTEN)
        fresh.replace(target)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
    reach(KEYS_REPLACED)
    _sync(target.parent)


def left_over(file: Path) -> str | None:
    """What a replacement that was cut short was about to put in place."""
    try:
        return _next(file.resolve()).read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _next(target: Path) -> Path:
    return target.with_name(target.name + NEXT)


def _open_like(file: Path, model: os.stat_result) -> int:
    """A new, empty file with the model's owner and mode; nobody else can read it meanwhile."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    try:
        made = os.fstat(descriptor)
        if (made.st_uid, made.st_gid) != (model.st_uid, model.st_gid):
            os.fchown(descriptor, model.st_uid, model.st_gid)  # the server's, though root types
        os.fchmod(descriptor, stat.S_IMODE(model.st_mode))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
