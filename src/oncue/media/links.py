"""Addresses that need no key: each is signed for one file, one purpose, and a time.

Networks that fetch media themselves are given one, and so is whoever looks at a file.
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from oncue.errors import AppError, Unauthorized
from oncue.lib import ids
from oncue.lib.clock import Clock

# An address is good until the end of tomorrow (UTC): one to two days. So a file has the same
# address all day, which browsers and the networks' own caches know again.
DAY: Final = timedelta(days=1)
UPLOAD_TIME: Final = timedelta(minutes=15)
DIGITS: Final = 12  # of a time in seconds: enough for some 30,000 years


class Purpose(StrEnum):
    """What an address lets its holder do."""

    FILE = "file"
    THUMBNAIL = "thumbnail"
    UPLOAD = "upload"
    SENT = "sent"


class LinkNotValid(AppError):
    """The address is not one that we made."""

    code = "LINK_NOT_VALID"
    status = 403

    def __str__(self) -> str:
        return "This address is not signed for what it names"


class LinkExpired(AppError):
    """The address was one of ours, and its time is over."""

    code = "LINK_EXPIRED"
    status = 403

    def __str__(self) -> str:
        return "This address was good for a certain time, which is over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes and checks addresses. The first key signs, every one of them is good."""

    base: str  # the public URL, without a slash at its end
    now: Clock
    keys: Callable[[], Sequence[bytes]] = field(repr=False)  # as they are by now

    def file(self, media_id: UUID) -> str:
        return self._link(f"/media/{_name(media_id)}", Purpose.FILE, media_id)

    def thumbnail(self, media_id: UUID) -> str:
        return self._link(f"/media/{_name(media_id)}/thumbnail", Purpose.THUMBNAIL, media_id)

    def sent(self, media_id: UUID, key: str) -> str:
        """Of the bytes that a network is sent for a file: its own, or those of a mended copy."""
        path = f"/media/{_name(media_id)}/sent/{key}"
        return self._link(path, Purpose.SENT, media_id, key)

    def upload(self, media_id: UUID, until: datetime) -> str:
        path = f"/v1/media/uploads/{_name(media_id)}"
        return self._signed(path, Purpose.UPLOAD, media_id, "", _seconds(until))

    def check(
        self, purpose: Purpose, media_id: UUID, expires: str, signature: str, key: str = ""
    ) -> None:
        """Raises LinkNotValid, LinkExpired; Unauthorized where there is no signature at all."""
        if not signature:
            raise Unauthorized(is_keyless=True)
        is_time = expires.isascii() and expires.isdigit() and len(expires) <= DIGITS
        given = signature.encode(errors="replace")
        signed = [_sign(each, purpose, media_id, key, expires) for each in self.keys()]
        if not is_time or not any(hmac.compare_digest(good, given) for good in signed):
            raise LinkNotValid
        if int(expires) <= self.now().timestamp():
            raise LinkExpired

    def _link(self, path: str, purpose: Purpose, media_id: UUID, key: str = "") -> str:
        today = self.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return self._signed(path, purpose, media_id, key, _seconds(today + 2 * DAY))

    def _signed(self, path: str, purpose: Purpose, media_id: UUID, key: str, expires: str) -> str:
        signature = _sign(self.keys()[0], purpose, media_id, key, expires).decode()
        return f"{self.base}{path}?expires={expires}&signature={signature}"


def _sign(secret: bytes, purpose: Purpose, media_id: UUID, key: str, expires: str) -> bytes:
    said = f"{purpose}|{media_id}|{key}|{expires}".encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, said, sha256)).rstrip(b"=")


def _name(media_id: UUID) -> str:
    return ids.to_typeid("media", media_id)


def _seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))
