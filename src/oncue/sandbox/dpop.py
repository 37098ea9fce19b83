"""Proofs that a caller holds the key its tokens are bound to: RFC 9449, as Bluesky's server checks.

One thing is stricter than there: `htu` has no query, as the RFC says.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from oncue.sandbox import jose

PAST: Final = timedelta(seconds=190)  # how far off a proof's clock may be
FUTURE: Final = timedelta(seconds=180)
TURN: Final = 60  # seconds until there is another nonce; a nonce is good for three turns
NO_NONCE: Final = "Authorization server requires nonce in DPoP proof"


class BadProof(Exception):
    """The proof proves nothing."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`jkt` is the thumbprint of the key that made it."""

    jkt: str
    jti: str
    nonce: str


class Proofs:
    """What one server knows of the proofs it saw and the nonces it gave."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._secret = secrets.token_bytes(32)
        self._seen: set[str] = set()

    def nonce(self) -> str:
        """The one to use next."""
        return self._nonce(self._turn() + 1)

    def check(self, request: web.Request, token: str | None = None) -> Proof | None:
        """The request's proof, if it brings one; with an access token, for that.

        A proof is good once. Whether its nonce is current is for `staleness` to say, before.
        Raises BadProof.
        """
        proof = read(request, self._now(), token)
        if proof is None:
            return None
        if proof.jti in self._seen:
            raise BadProof("DPoP proof replayed")
        self._seen.add(proof.jti)
        return proof

    def staleness(self, request: web.Request, token: str | None = None) -> str:
        """What to say where the request's proof lacks nothing but a nonce, else nothing.

        The proof is not used up by this.
        """
        try:
            proof = read(request, self._now(), token)
        except BadProof:
            return ""
        if proof is None:
            return ""
        if not proof.nonce:
            return NO_NONCE
        turn = self._turn()
        is_current = proof.nonce in map(self._nonce, (turn - 1, turn, turn + 1))
        return "" if is_current else 'DPoP "nonce" mismatch'

    def _turn(self) -> int:
        return int(self._now().timestamp()) // TURN

    def _nonce(self, turn: int) -> str:
        digest = hmac.digest(self._secret, turn.to_bytes(8, signed=True), hashlib.sha256)
        return jose.encoded(digest)


def read(request: web.Request, now: datetime, token: str | None) -> Proof | None:
    """The request's proof, its nonce unseen; raises BadProof where it is not for this request."""
    texts = request.headers.getall("DPoP", [])
    if not texts:
        return None
    if len(texts) > 1 or not texts[0]:
        raise BadProof("DPoP header must contain a single proof")
    return _for(request.method, address_of(request), _signed(texts[0]), now, token)


def address_of(request: web.Request) -> str:
    """A request's address as a proof has it: without the query."""
    return f"{request.scheme}://{request.host}{request.rel_url.raw_path}"


def challenge_for(error: str, words: str) -> str:
    """What stands in WWW-Authenticate. Words with quotation marks stay out, as at the real one."""
    described = "" if '"' in words else f', error_description="{words}"'
    return f'DPoP algs="{jose.ALGORITHM}", error="{error}"{described}'


def hash_of(token: str) -> str:
    """An access token as a proof names it."""
    return jose.encoded(hashlib.sha256(token.encode()).digest())


def _for(
    method: str,
    address: str,
    signed: tuple[Mapping[str, Any], str],
    now: datetime,
    token: str | None,
) -> Proof:
    """What a proof says; raises BadProof where that is about something else."""
    claims, jkt = signed
    _expect_recent(claims.get("iat"), now)
    jti, nonce = claims.get("jti"), claims.get("nonce", "")
    if not isinstance(nonce, str):
        raise BadProof('Invalid DPoP "nonce" type')
    if not jti or not isinstance(jti, str):
        raise BadProof('DPoP "jti" missing')
    if claims.get("htm") != method:
        raise BadProof('DPoP "htm" mismatch')
    if claims.get("htu") != address:
        raise BadProof('DPoP "htu" mismatch')
    if token is None and "ath" in claims:
        raise BadProof('DPoP "ath" claim not allowed')
    if token is not None and claims.get("ath") != hash_of(token):
        raise BadProof('DPoP "ath" mismatch')
    return Proof(jkt, jti, nonce)


def _expect_recent(made: Any, now: datetime) -> None:
    if made is None:
        raise BadProof('Failed to verify DPoP proof: missing required "iat" claim')
    if not isinstance(made, int | float) or isinstance(made, bool):
        raise BadProof('Failed to verify DPoP proof: "iat" claim must be a number')
    age = now.timestamp() - made
    if not -FUTURE.total_seconds() <= age <= PAST.total_seconds():
        where = "too far in the past" if age > 0 else "it should be in the past"
        words = f'"iat" claim timestamp check failed ({where})'
        raise BadProof(f"Failed to verify DPoP proof: {words}")


def _signed(text: str) -> tuple[Mapping[str, Any], str]:
    """The claims, and the thumbprint of the key that came along and signed them."""
    try:
        jws = jose.read(text)
        jwk = jws.header.get("jwk")
        if not isinstance(jwk, dict):
            words = '"jwk" (JSON Web Key) Header Parameter must be a JSON object'
            raise jose.Malformed(words)
        if not jose.is_signed_by(jws, jwk):
            raise jose.Malformed("signature verification failed")
        if jws.header.get("typ") != "dpop+jwt":
            raise jose.Malformed('unexpected "typ" JWT header value')
    except jose.Malformed as wrong:
        raise BadProof(f"Failed to verify DPoP proof: {wrong}") from None
    return jws.claims, jose.thumbprint(jwk)
