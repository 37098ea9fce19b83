"""Fetching a file from an address that a user names, as if it had been uploaded."""

from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

from oncue.errors import Invalid, Issue
from oncue.lib.addresses import NotAllowed
from oncue.lib.outbound import GuardedClient, TooLarge, Unreachable
from oncue.media.disk import written
from oncue.media.intake import Intake, Kept, discard
from oncue.media.taken import MOST_BYTES

FETCH_TIME: Final = timedelta(seconds=30)


async def fetch(
    outbound: GuardedClient,
    intake: Intake,
    workspace_id: UUID,
    url: str,
    time: timedelta = FETCH_TIME,
    *,
    field: str,
) -> Kept:
    """The file behind an https:// URL (V170), stored and not known yet.

    Raises Invalid naming `field`, with the code URL_NOT_ALLOWED, MEDIA_URL_UNREACHABLE or
    MEDIA_TOO_LARGE where it cannot be had, NotAccepted where it is no file we take, and
    Unavailable where there is no room for it.
    """
    path = intake.new_file()
    try:
        await _download(outbound, url, path, time, field)
        return await intake.keep(workspace_id, path)
    finally:
        discard(path)


async def _download(
    outbound: GuardedClient, url: str, path: Path, time: timedelta, field: str
) -> None:
    try:
        await outbound.check(url, https_only=True)
        with written():
            await outbound.download(url, path, MOST_BYTES, time)
    except NotAllowed as refused:
        raise _invalid(field, "URL_NOT_ALLOWED", f"cannot be called: {refused}") from None
    except TooLarge:
        words = f"a file may have {MOST_BYTES} bytes; this has more"
        raise _invalid(field, "MEDIA_TOO_LARGE", words, limit=MOST_BYTES) from None
    except Unreachable as reason:
        words = f"no file could be fetched from there: {reason}"
        raise _invalid(field, "MEDIA_URL_UNREACHABLE", words) from None


def name_of(url: str) -> str:
    """What to call the file: the last part of the URL's path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name


def _invalid(field: str, code: str, message: str, **facts: object) -> Invalid:
    return Invalid([Issue(field=field, code=code, message=message, facts=facts)])
