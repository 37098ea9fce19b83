"""Keys of ours and what they sign: checked with a library's own verification."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from oncue.accounts.signing import Key, assertion, possession, thumbprint_of

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read(jwt: str, jwk: Any) -> tuple[Any, Any]:
    """Header and claims of a token that was signed by this key; raises InvalidSignature."""
    head, body, signature = jwt.split(".")
    x, y = (int.from_bytes(decoded(jwk[name])) for name in "xy")
    raw = decoded(signature)
    encoded = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(encoded, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    return json.loads(decoded(head)), json.loads(decoded(body))


def test_possession_is_proved_for_one_request() -> None:
    key = Key.new()

    jwt = possession(key, "POST", "https://pds.test/a%20b?c=d#e", now=NOW, serial="1")

    head, claims = read(jwt, key.public)
    assert head == {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public}
    assert claims == {
        "jti": "1",
        "htm": "POST",
        "htu": "https://pds.test/a%20b",
        "iat": int(NOW.timestamp()),
    }


def test_with_a_token_and_a_nonce_they_are_in_it() -> None:
    key = Key.new()

    jwt = possession(
        key, "GET", "https://pds.test/", now=NOW, serial="1", nonce="n", token="canary"
    )

    _, claims = read(jwt, key.public)
    digest = hashlib.sha256(b"canary").digest()
    assert (claims["nonce"], decoded(claims["ath"])) == ("n", digest)
    assert "canary" not in jwt


def test_who_we_are_is_proved_to_one_server_for_a_minute() -> None:
    key = Key.new()

    head, claims = read(
        assertion(key, "https://us.test/id", "https://pds.test", now=NOW, serial="1"), key.public
    )

    assert head == {"alg": "ES256", "kid": key.thumbprint}
    assert claims == {
        "iss": "https://us.test/id",
        "sub": "https://us.test/id",
        "aud": "https://pds.test",
        "jti": "1",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
    }


def test_another_key_has_signed_nothing() -> None:
    jwt = assertion(Key.new(), "a", "b", now=NOW, serial="1")

    with pytest.raises(InvalidSignature):
        read(jwt, Key.new().public)


def test_a_key_is_kept_as_text_and_never_shown() -> None:
    key = Key.new()

    assert Key(key.pem).public == key.public
    assert Key.new().public != key.public
    assert "PRIVATE" in key.pem
    assert repr(key) == "Key()"


def test_a_thumbprint_is_the_one_of_the_specification() -> None:
    jwk = {  # RFC 9449, 4.2 and 6.1
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    }

    assert thumbprint_of(jwk) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_a_key_of_another_kind_is_none_of_ours() -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )

    with pytest.raises(TypeError):
        _ = Key(pem.decode()).public
