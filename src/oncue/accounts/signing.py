"""Keys of ours and what they sign for OAuth: proofs of possession and proofs of who we are.

https://www.rfc-editor.org/rfc/rfc9449 (DPoP) and 7523 (client assertions); ES256 throughout.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from yarl import URL

from oncue.connectors.grants import base64url

ALGORITHM: Final = "ES256"
COORDINATE_BYTES: Final = 32  # P-256
ASSERTION_LIVES: Final = timedelta(minutes=1)  # Bluesky's servers take none older


@dataclass(frozen=True)
class Key:
    """A private key, as PKCS #8 in PEM. It never leaves but sealed."""

    pem: str = field(repr=False)

    @classmethod
    def new(cls) -> "Key":
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(pem.decode())

    @cached_property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self.pem.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("only elliptic curves' keys are made here")
        return key

    @cached_property
    def public(self) -> Mapping[str, str]:
        """The public half as a JWK."""
        numbers = self._private.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url(numbers.x.to_bytes(COORDINATE_BYTES)),
            "y": base64url(numbers.y.to_bytes(COORDINATE_BYTES)),
        }

    @cached_property
    def thumbprint(self) -> str:
        return thumbprint_of(self.public)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JWT."""
        signed = f"{base64url(_compact(header))}.{base64url(_compact(claims))}"
        r, s = decode_dss_signature(self._private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        raw = r.to_bytes(COORDINATE_BYTES) + s.to_bytes(COORDINATE_BYTES)
        return f"{signed}.{base64url(raw)}"


def thumbprint_of(jwk: Mapping[str, str]) -> str:
    """What a public key is called by: RFC 7638."""
    return base64url(hashlib.sha256(_compact(dict(sorted(jwk.items())))).digest())


def possession(
    key: Key,
    method: str,
    url: str,
    *,
    now: datetime,
    serial: str,
    nonce: str | None = None,
    token: str | None = None,
) -> str:
    """Prove that whoever sends this request, with this token, has the key (RFC 9449, 4.2)."""
    claims: dict[str, Any] = {
        "jti": serial,
        "htm": method,
        "htu": str(URL(url, encoded=True).with_query(None).with_fragment(None)),
        "iat": int(now.timestamp()),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if token is not None:
        claims["ath"] = base64url(hashlib.sha256(token.encode()).digest())
    return key.sign({"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": dict(key.public)}, claims)


def assertion(key: Key, client_id: str, audience: str, *, now: datetime, serial: str) -> str:
    """Prove to `audience` that we are this client (RFC 7523, 3)."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": serial,
        "iat": int(now.timestamp()),
        "exp": int((now + ASSERTION_LIVES).timestamp()),
    }
    return key.sign({"alg": ALGORITHM, "kid": key.thumbprint}, claims)


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
