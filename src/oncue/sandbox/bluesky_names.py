"""How the simulated Bluesky names things: accounts, contents, moments and sessions.

Every name follows from what it names, so that nothing has to be remembered over a restart.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from oncue.sandbox.bluesky_lexicons import POST
from oncue.sandbox.network import TOKEN_PREFIX, username_of

ACCESS: Final = "com.atproto.access"
REFRESH: Final = "com.atproto.refresh"
LIVES: Final[Mapping[str, timedelta]] = {ACCESS: timedelta(hours=2), REFRESH: timedelta(days=90)}

RAW, CBOR = 0x55, 0x71  # what a CID says that it is the digest of
TID_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def handle_of(identifier: str, password: str) -> str:
    """Whose credentials these are. A name without a domain gets the sandbox's."""
    is_ours = password.startswith(TOKEN_PREFIX) and "." not in identifier
    name = username_of(password) if is_ours else identifier
    name = name.lower().removeprefix("@").partition("@")[0]
    return name if "." in name else re.sub(r"[^a-z0-9]+", "-", name).strip("-") + ".sandbox.test"


def did_of(handle: str) -> str:
    digest = hashlib.sha256(handle.encode()).digest()
    return "did:plc:" + base64.b32encode(digest).decode().lower()[:24]


def uri_of(handle: str, rkey: str) -> str:
    return f"at://{did_of(handle)}/{POST}/{rkey}"


def cid_of(digest: bytes, codec: int) -> str:
    """The name of a content by its SHA-256, as the protocol writes it."""
    multihash = bytes((1, codec, 0x12, 0x20)) + digest
    return "b" + base64.b32encode(multihash).decode().lower().rstrip("=")


def cid_of_record(record: Mapping[str, Any]) -> str:
    """Follows from the content, though not in the encoding that a real server uses."""
    written = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return cid_of(hashlib.sha256(written).digest(), CBOR)


def blob_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A file as records refer to it, from what the ledger knows of it."""
    return {
        "$type": "blob",
        "ref": {"$link": cid_of(bytes.fromhex(facts["sha256"]), RAW)},
        "mimeType": facts["type"],
        "size": facts["bytes"],
    }


def moment_of(rkey: str) -> datetime:
    """The time that is in a record key."""
    number = 0
    for letter in rkey:
        number = number << 5 | TID_ALPHABET.index(letter)
    return EPOCH + timedelta(microseconds=number >> 10)


def token_of(claims: Mapping[str, Any]) -> str:
    """A token that says everything itself, in the shape of a JWT and without a signature."""
    return ".".join((_encoded({"alg": "none"}), _encoded(claims), "sandbox"))


def claims_of(token: str | None) -> Mapping[str, Any] | None:
    """What `token` says, or None where it is none of ours."""
    try:
        _, claims, _ = (token or "").split(".")
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (ValueError, binascii.Error):
        return None
    return said if isinstance(said, dict) and said.keys() >= CLAIMS else None


CLAIMS: Final = frozenset({"scope", "handle", "exp", "jti"})


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
