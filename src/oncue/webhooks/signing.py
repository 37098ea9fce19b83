"""Signatures by which a receiver knows that a delivery is ours.

Two at once: Standard Webhooks (https://www.standardwebhooks.com) for new receivers, and the
plain HMAC of the body under a name of the endpoint's choice for those that know it already.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
ROTATION_GRACE: Final = timedelta(hours=24)
DEFAULT_PLAIN_HEADER: Final = "X-Oncue-Signature"

# A header that says it is a signature is none that HTTP itself goes by.
_PLAIN_HEADER: Final = re.compile(
    r"(?=.{1,64}\Z)(?!webhook-)[a-z0-9-]*signature[a-z0-9-]*", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A signing secret. A rotated one still signs, beside its successor, until it `ends_at`."""

    value: str = field(repr=False)
    ends_at: datetime | None = None


def new_secret(random: bytes) -> str:
    """`whsec_` and the bytes in base64; Standard Webhooks demands 24 to 64 of them."""
    if not 24 <= len(random) <= 64:
        raise ValueError("a signing secret has 24 to 64 bytes")
    return PREFIX + base64.b64encode(random).decode()


def rotate(
    secrets: Sequence[Secret], successor: str, now: datetime, grace: timedelta = ROTATION_GRACE
) -> list[Secret]:
    """The secrets after a rotation, the newest first; none that is retired outlives `grace`."""
    end = now + grace
    retired = [
        Secret(value=secret.value, ends_at=min(secret.ends_at or end, end))
        for secret in living(secrets, now)
    ]
    return living([Secret(value=successor), *retired], now)


def living(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    """The secrets that sign at this time."""
    return [secret for secret in secrets if secret.ends_at is None or now < secret.ends_at]


def sign(
    message_id: str,
    body: bytes,
    secrets: Sequence[Secret],
    now: datetime,
    plain_header: str = DEFAULT_PLAIN_HEADER,
) -> dict[str, str]:
    """The headers of one attempt. The id stays a message's own; time and signature are new.

    The plain header has room for one signature: it is the newest secret's.
    """
    timestamp = int(now.timestamp())
    content = f"{message_id}.{timestamp}.".encode() + body
    signing = [secret.value for secret in living(secrets, now)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_standard(secret, content) for secret in signing),
        plain_header: _plain(signing[0], body),
    }


def is_plain_header(name: str) -> bool:
    """Whether an endpoint may have its plain signature in a header of this name."""
    return bool(_PLAIN_HEADER.fullmatch(name))


def _standard(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def _plain(secret: str, body: bytes) -> str:
    """Keyed with the secret's text itself: receivers of this kind do not decode it."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"
