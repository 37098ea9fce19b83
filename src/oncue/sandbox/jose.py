"""JSON web signatures by ES256, and keys by their thumbprints: RFC 7515, 7517, 7518, 7638."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ALGORITHM: Final = "ES256"
SIZE: Final = 32  # bytes of a coordinate, and of half a signature
TEXT: Final = re.compile(r"[A-Za-z0-9_-]*")


class Malformed(ValueError):
    """What should be a signed token or a key is none."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token whose signature nobody has looked at yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read(text: str) -> Jws:
    """A token in the compact form; raises Malformed."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Malformed("Invalid Compact JWS")
    header, claims = (_object(part) for part in parts[:2])
    return Jws(header, claims, f"{parts[0]}.{parts[1]}".encode(), decoded(parts[2]))


def is_signed_by(jws: Jws, jwk: Mapping[str, Any]) -> bool:
    """Whether this key signed the token; raises Malformed where it is no key for that."""
    if jws.header.get("alg") != ALGORITHM or len(jws.signature) != 2 * SIZE:
        return False
    r, s = (int.from_bytes(half) for half in (jws.signature[:SIZE], jws.signature[SIZE:]))
    try:
        _public_key(jwk).verify(encode_dss_signature(r, s), jws.signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The name of a key, the same however it is written down (RFC 7638)."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    written = json.dumps(members, separators=(",", ":")).encode()
    return encoded(hashlib.sha256(written).digest())


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    if not TEXT.fullmatch(text) or len(text) % 4 == 1:
        raise Malformed("Invalid base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public_key(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise Malformed("The key is not a public one of the curve P-256")
    x, y = decoded(str(jwk.get("x"))), decoded(str(jwk.get("y")))
    if len(x) != SIZE or len(y) != SIZE:
        raise Malformed("The key has coordinates of a wrong length")
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1())
    try:
        return numbers.public_key()
    except ValueError as off_the_curve:
        raise Malformed(str(off_the_curve)) from None


def _object(part: str) -> Mapping[str, Any]:
    try:
        said = json.loads(decoded(part))
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Malformed("Invalid JWS payload or header")
    return said
