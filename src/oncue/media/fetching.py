"""Fetching a file from an address that a user names, as if it had been uploaded."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from oncue.errors import Invalid, Issue
from oncue.lib import ids
from oncue.lib.addresses import NotAllowed
from oncue.lib.outbound import GuardedClient, TooLarge, Unreachable
from oncue.media import service as media
from oncue.media.service import MAX_BYTES, Stored

FETCH_TIME: Final = timedelta(seconds=30)
CHUNK_BYTES: Final = 256 * 1024


async def fetch(
    outbound: GuardedClient, folder: Path, url: str, now: datetime, *, field: str
) -> Stored:
    """The file behind an https:// URL (V170), on the disk and not known yet.

    Raises Invalid naming `field`, with the code URL_NOT_ALLOWED, MEDIA_URL_UNREACHABLE or
    MEDIA_TOO_LARGE where it cannot be had, and without one where it is no file we take.
    """
    fetched = _new_file(folder, now)
    try:
        await outbound.check(url, https_only=True)
        await outbound.download(url, fetched, MAX_BYTES, FETCH_TIME)
        return await media.store(folder, _chunks(fetched), now)
    except NotAllowed as refused:
        raise _invalid(field, "URL_NOT_ALLOWED", f"cannot be called: {refused}") from None
    except TooLarge:
        words = f"a file may have {MAX_BYTES} bytes; this has more"
        raise _invalid(field, "MEDIA_TOO_LARGE", words, maxBytes=MAX_BYTES) from None
    except Unreachable as reason:
        words = f"no file could be fetched from there: {reason}"
        raise _invalid(field, "MEDIA_URL_UNREACHABLE", words) from None
    except Invalid as wrong:
        raise Invalid([replace(issue, field=field) for issue in wrong.issues]) from None
    finally:
        _remove(fetched)


def name_of(url: str) -> str:
    """What to call the file: the last part of the URL's path."""
    return PurePosixPath(urlsplit(url).path).name


def _new_file(folder: Path, now: datetime) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{ids.new_id(now)}.fetched"


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with _open(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _invalid(field: str, code: str, message: str, **facts: object) -> Invalid:
    return Invalid([Issue(field=field, code=code, message=message, facts=facts)])
