"""An application of Bluesky's in miniature: it pushes requests and proves that it holds its key.

Signing is done here by hand, so that the sandbox's reading is not checked with itself.
"""

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hosted import Hosted
from oncue.sandbox.bluesky_names import did_of
from sandbox.oauth_client import CALLBACK, Answer, send

NUMBERS = itertools.count(1)
SCOPE = "atproto transition:generic"
LOOPBACK_CALLBACK = "http://127.0.0.1:8080/callback"
LOOPBACK = (
    "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback"
    "&scope=atproto%20transition%3Ageneric"
)
CLIENT_ID = "https://app.example/client-metadata.json"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


HANDLE = "maria.sandbox.test"
POST = "app.bsky.feed.post"
RECORD = {"$type": POST, "text": "Hello", "createdAt": "2026-11-22T10:00:00.123Z"}
AT = {"repo": did_of(HANDLE), "collection": POST, "rkey": "3l3qo2vuowo2b"}
WRITTEN = {**AT, "record": RECORD}


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def s256(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


@dataclass
class Key:
    """A key that signs tokens by ES256."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    kid: str = "one"

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        x, y = b64(numbers.x.to_bytes(32)), b64(numbers.y.to_bytes(32))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        parts = [b64(json.dumps(part).encode()) for part in ({"alg": "ES256", **header}, claims)]
        signed = ".".join(parts)
        r, s = decode_dss_signature(self.private.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


@dataclass
class App:
    """One session's side of the conversation. `assertion_key` makes it a confidential client."""

    sandbox: Hosted
    now: Callable[[], datetime]
    client_id: str = LOOPBACK
    redirect_uri: str = LOOPBACK_CALLBACK
    key: Key = field(default_factory=Key)
    assertion_key: Key | None = None
    nonce: str = ""
    verifier: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"{self.sandbox.url}/bluesky"

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        *,
        header: Mapping[str, Any] | None = None,
        **change: Any,
    ) -> str:
        claims = {
            "jti": f"proof-{next(NUMBERS)}",
            "htm": method,
            "htu": url,
            "iat": int(self.now().timestamp()),
            "nonce": self.nonce,
            "ath": token and s256(token),
            **change,
        }
        said = {name: value for name, value in claims.items() if value not in (None, "")}
        return self.key.sign({"typ": "dpop+jwt", "jwk": self.key.jwk, **(header or {})}, said)

    def assertion(self, **change: Any) -> dict[str, str]:
        """What shows who the application is; nothing where anybody could be."""
        if self.assertion_key is None:
            return {}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": f"assertion-{next(NUMBERS)}",
            "iat": int(self.now().timestamp()),
            **change,
        }
        signed = self.assertion_key.sign({"kid": self.assertion_key.kid}, claims)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}

    async def send(
        self, path: str, fields: Mapping[str, str], proof: Mapping[str, Any] | None = None
    ) -> Answer:
        """One request to the authorization server; an empty `proof` is none at all."""
        headers = {"DPoP": self.proof("POST", self.issuer + path, **(proof or {}))}
        form = {"client_id": self.client_id, **self.assertion(), **fields}
        answer = await send(
            self.sandbox,
            "POST",
            self.issuer + path,
            data={name: value for name, value in form.items() if value},
            headers={} if proof == {} else headers,
        )
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    async def persist(self, path: str, **fields: str) -> Answer:
        """As `send`, once more where only the nonce was wrong. Empty fields are left out."""
        answer = await self.send(path, fields)
        is_stale = answer.status == 400 and answer.body.get("error") == "use_dpop_nonce"
        return await self.send(path, fields) if is_stale else answer

    async def push(self, **change: str) -> Answer:
        self.verifier = f"verifier-{next(NUMBERS)}-".ljust(43, "v")
        asked = {
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": "xyz",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
            **change,
        }
        return await self.persist("/oauth/par", **asked)

    async def visit(self, request_uri: str, **more: str) -> Answer:
        """What the user's browser gets."""
        query = {"client_id": self.client_id, "request_uri": request_uri, **more}
        return await send(self.sandbox, "GET", f"{self.issuer}/oauth/authorize", params=query)

    async def code(self, user: str = "maria", **change: str) -> str:
        pushed = await self.push(**change)
        assert pushed.status == 201, pushed.body
        answer = await self.visit(pushed.body["request_uri"], user=user, approve="1")
        return answer.sent_back[1]["code"]

    async def trade(self, code: str, **change: str) -> Answer:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **change,
        }
        return await self.persist("/oauth/token", **fields)

    async def connect(self, user: str = "maria", **change: str) -> dict[str, Any]:
        answer = await self.trade(await self.code(user, **change))
        assert answer.status == 200, answer.body
        self.tokens = answer.body
        return self.tokens

    async def renew(self, token: str | None = None, **change: str) -> Answer:
        token = token or self.tokens["refresh_token"]
        fields = {"grant_type": "refresh_token", "refresh_token": token, **change}
        return await self.persist("/oauth/token", **fields)

    async def call(
        self,
        method: str,
        name: str,
        token: str | None = None,
        proof: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> Answer:
        """One call of the API, with an access token and a proof."""
        url, token = f"{self.issuer}/xrpc/com.atproto.{name}", token or self.tokens["access_token"]
        headers = {"Authorization": f"DPoP {token}", **request.pop("headers", {})}
        if proof != {}:
            headers["DPoP"] = self.proof(method, url, **{"token": token, **(proof or {})})
        answer = await send(self.sandbox, method, url, headers=headers, **request)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    async def whose(self, token: str | None = None) -> Any:
        """The handle that an access token has, or status and error of the refusal."""
        answer = await self.call("GET", "server.getSession", token)
        return answer.body["handle"] if answer.status == 200 else answer.error


def document(**change: Any) -> dict[str, Any]:
    """What an application says of itself at its client_id."""
    said = {
        "client_id": CLIENT_ID,
        "client_name": "An <app>",
        "application_type": "web",
        "redirect_uris": [CALLBACK],
        "scope": SCOPE,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": True,
        **change,
    }
    return {name: value for name, value in said.items() if value is not None}


def signing(key: Key, **change: Any) -> dict[str, Any]:
    """The document of an application that signs its assertions with a key."""
    return document(
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks={"keys": [{**key.jwk, "kid": key.kid}]},
        **change,
    )


def web_app(sandbox: Hosted, now: Callable[[], datetime], key: Key | None = None) -> App:
    """An application on the Web; with a key a confidential one."""
    return App(sandbox, now, CLIENT_ID, CALLBACK, assertion_key=key)
