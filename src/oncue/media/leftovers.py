"""Files in the media folder that nothing knows of: what a crash left, or an old backup forgot."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from oncue.db.database import Database
from oncue.media import objects

OLD: Final = timedelta(days=1)  # older than whatever may still be on its way
BATCH: Final = 500

# With another database beside it, a folder would be full of files that nothing knows of. So
# many are no leftovers, and stay.
FEW: Final = 10

log = structlog.get_logger()


async def sweep(db: Database, work: Path, kept: Path | None, now: float) -> int:
    """Remove old files from `work`, and from `kept` those without a row; how many.

    `now` is in seconds since 1970, as the file system has it.
    """
    stale = await asyncio.to_thread(_old_files, work, now)
    if kept is not None:
        stale += await _unknown(db, await asyncio.to_thread(_old_files, kept, now))
    for path in stale:
        path.unlink(missing_ok=True)
    if stale:
        log.info("leftovers_removed", count=len(stale))
    return len(stale)


async def _unknown(db: Database, files: Sequence[Path]) -> list[Path]:
    """Those that have no row, unless they are too many to have been left by accident."""
    unknown: list[Path] = []
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        known = await db.read(partial(objects.known, keys=[path.name for path in batch]))
        unknown += [path for path in batch if path.name not in known]
    if len(unknown) > max(FEW, len(files) // 2):
        log.warning("media_folder_of_another_database", files=len(files), unknown=len(unknown))
        return []
    return unknown


def _old_files(folder: Path, now: float) -> list[Path]:
    """The plain files in a folder that nobody has written to for a day."""
    found = []
    for path in folder.iterdir() if folder.exists() else ():
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file() and now - facts.st_mtime > OLD.total_seconds():
            found.append(path)
    return found
