"""Applications as a Bluesky server knows them: by a document at the address that is their id.

https://atproto.com/specs/oauth has the rules. `http://localhost` with redirect_uris and scope in
its query stands for an application under development. A document is also taken from a plain
http address on this machine, which a real server refuses: a sandbox has no certificates.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlsplit

from oncue.sandbox import jose
from oncue.sandbox.network import Fetch
from oncue.sandbox.oauth_terms import Fields, Refused, Trouble, is_address, needed

LOCALHOST: Final = "http://localhost"
LOOPBACK: Final = ("127.0.0.1", "::1")
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIVES: Final = 60  # seconds
Document: TypeAlias = Mapping[str, Any]

METHODS: Final = ("none", "private_key_jwt")
GRANT_TYPES: Final = ("authorization_code", "refresh_token")


def _texts(document: Document, name: str, usual: Sequence[str] = ()) -> Sequence[str]:
    """A list of texts; empty where the document has something else."""
    given = document.get(name, usual)
    is_list = isinstance(given, list | tuple) and all(isinstance(each, str) for each in given)
    return given if is_list else ()


def _signs(document: Document) -> bool:
    return document.get("token_endpoint_auth_method") == "private_key_jwt"


RULES: Final[Sequence[tuple[str, Callable[[Document], bool]]]] = (  # and what breaks them
    (
        '"dpop_bound_access_tokens" must be true',
        lambda it: it.get("dpop_bound_access_tokens") is not True,
    ),
    (
        'Missing "atproto" scope',
        lambda it: not isinstance(it.get("scope"), str) or "atproto" not in it["scope"].split(),
    ),
    (
        'response_types must include "code"',
        lambda it: "code" not in _texts(it, "response_types", ["code"]),
    ),
    (
        'The "code" response type requires that "grant_types" contains "authorization_code"',
        lambda it: GRANT_TYPES[0] not in _texts(it, "grant_types", GRANT_TYPES[:1]),
    ),
    (
        'grant_types other than "authorization_code" and "refresh_token" are not supported',
        lambda it: bool(set(_texts(it, "grant_types")) - set(GRANT_TYPES)),
    ),
    ("At least one redirect_uri is required", lambda it: not _texts(it, "redirect_uris")),
    (
        f"Unsupported client authentication method: it is one of {', '.join(METHODS)}",
        lambda it: it.get("token_endpoint_auth_method") not in METHODS,
    ),
    (
        'Native clients must authenticate using "none" method',
        lambda it: _signs(it) and it.get("application_type") == "native",
    ),
    (
        "private_key_jwt auth method requires jwks or jwks_uri",
        lambda it: _signs(it) and ("jwks" in it) == ("jwks_uri" in it),
    ),
    (
        f"token_endpoint_auth_signing_alg has to be {jose.ALGORITHM}",
        lambda it: _signs(it) and it.get("token_endpoint_auth_signing_alg") != jose.ALGORITHM,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What is known of an application. `keys` are those it signs its assertions with."""

    id: str
    name: str
    redirect_uris: Sequence[str]
    scopes: frozenset[str]
    grant_types: Sequence[str] = GRANT_TYPES
    method: str = "none"
    keys: Sequence[Mapping[str, Any]] = ()

    def takes(self, redirect_uri: str) -> bool:
        """Whether users may be sent there. On this machine any port will do (RFC 8252, 7.3)."""
        is_sound = is_address(redirect_uri)
        return is_sound and any(_is_same(uri, redirect_uri) for uri in self.redirect_uris)


async def application(client_id: str, fetch: Fetch) -> Application:
    """The application of this id; raises Refused."""
    if not is_address(client_id):
        raise _bad(f'Unable to obtain client metadata for "{client_id}": Invalid URL')
    parts = urlsplit(client_id)
    if (parts.scheme, parts.netloc) == ("http", "localhost") and parts.path in ("", "/"):
        return _under_development(client_id, parts)
    is_here = parts.scheme == "http" and parts.hostname in (*LOOPBACK, "localhost")
    if not (parts.scheme == "https" or is_here) or parts.path in ("", "/") or parts.fragment:
        raise _bad(f'Invalid client ID "{client_id}"')
    document = await _json_at(client_id, fetch)
    if document.get("client_id") != client_id:
        raise _bad("client_id does not match")
    for words, is_broken in RULES:
        if is_broken(document):
            raise _bad(words)
    for uri in document["redirect_uris"]:
        _expect_address(uri, is_native=document.get("application_type") == "native")
    return Application(
        id=client_id,
        name=str(document.get("client_name", client_id)),
        redirect_uris=document["redirect_uris"],
        scopes=frozenset(document["scope"].split()),
        grant_types=document.get("grant_types", GRANT_TYPES[:1]),
        method=document["token_endpoint_auth_method"],
        keys=await _keys(document, fetch),
    )


def authenticated(
    app: Application, fields: Fields, issuer: str, now: datetime
) -> tuple[str, str | None]:
    """How the application shows who it is, and the id of the assertion; raises Refused.

    The first is "none", or the name and the thumbprint of the key it signed with.
    """
    if app.method == "none":
        return "none", None
    if needed(fields, "client_assertion_type") != ASSERTION:
        raise Refused(Trouble.CLIENT, "Unsupported client_assertion_type")
    try:
        jws = jose.read(needed(fields, "client_assertion"))
        kid = str(jws.header.get("kid", ""))
        key = next((key for key in app.keys if key.get("kid") == kid), None)
        if key is None or not jose.is_signed_by(jws, key):
            raise jose.Malformed("signature verification failed")
        _expect_claims(jws.claims, app.id, issuer, now.timestamp())
    except jose.Malformed as wrong:
        words = f'Validation of "client_assertion" failed: {wrong}'
        raise Refused(Trouble.CLIENT, words) from None
    return f"{kid} {jose.thumbprint(key)}", str(jws.claims["jti"])


def _expect_claims(claims: Mapping[str, Any], id_: str, issuer: str, now: float) -> None:
    expected = {"iss": id_, "sub": id_, "aud": issuer}
    for name, value in expected.items():
        if claims.get(name) != value:
            raise jose.Malformed(f'unexpected "{name}" claim value')
    if not isinstance(claims.get("jti"), str):
        raise jose.Malformed('missing required "jti" claim')
    made, ends = claims.get("iat"), claims.get("exp", now + 1)
    if not isinstance(made, int | float) or not isinstance(ends, int | float):
        raise jose.Malformed('"iat" and "exp" claims must be numbers')
    if not 0 <= now - made <= ASSERTION_LIVES or ends <= now:
        raise jose.Malformed('"iat" or "exp" claim timestamp check failed')


def _under_development(client_id: str, parts: SplitResult) -> Application:
    query = parse_qsl(parts.query, keep_blank_values=True)
    scopes = [value for name, value in query if name == "scope"]
    uris = [value for name, value in query if name == "redirect_uri"]
    granted = frozenset((scopes or ["atproto"])[0].split())
    if {name for name, _ in query} - {"scope", "redirect_uri"} or len(scopes) > 1:
        raise _bad(f'Invalid loopback client id "{client_id}"')
    if "atproto" not in granted:
        words = 'ATProto Loopback ClientID must include "atproto" scope'
        raise _bad(f'Invalid loopback client id "{client_id}": {words}')
    for uri in uris:
        is_here = is_address(uri) and urlsplit(uri).hostname in LOOPBACK
        if not is_here or not uri.startswith("http:"):
            raise _bad(f'Invalid loopback client id "{client_id}": {uri} is elsewhere')
    return Application(
        id=client_id,
        name=LOCALHOST,
        redirect_uris=uris or ["http://127.0.0.1/", "http://[::1]/"],
        scopes=granted,
    )


def _expect_address(uri: str, *, is_native: bool) -> None:
    if not is_address(uri):
        raise _bad_address(f"Redirect URI {uri} is not an address")
    parts = urlsplit(uri)
    if parts.hostname == "localhost":
        words = f"Loopback redirect URI {uri} is not allowed (use explicit IPs instead)"
        raise _bad_address(words)
    if parts.hostname in LOOPBACK:
        if not is_native:
            raise _bad_address("Loopback redirect URIs are only allowed for native apps")
        if parts.scheme != "http":
            raise _bad_address(f"Loopback redirect URI {uri} must use HTTP")
    elif parts.scheme == "http":
        words = 'Only loopback redirect URIs are allowed to use the "http" scheme'
        raise _bad_address(words)
    elif parts.scheme != "https" and not (is_native and "." in parts.scheme):
        raise _bad_address(f'Invalid redirect URI scheme "{parts.scheme}:"')


def _is_same(registered: str, given: str) -> bool:
    ours, theirs = urlsplit(registered), urlsplit(given)
    if registered == given or ours.hostname not in LOOPBACK or ours.port:
        return registered == given
    return ours == theirs._replace(netloc=theirs.netloc.removesuffix(f":{theirs.port}"))


async def _keys(document: Document, fetch: Fetch) -> Sequence[Document]:
    held = document.get("jwks", {})
    if "jwks_uri" in document:
        held = await _json_at(str(document["jwks_uri"]), fetch)
    keys = held.get("keys") if isinstance(held, dict) else None
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


async def _json_at(url: str, fetch: Fetch) -> dict[str, Any]:
    try:
        document = json.loads(await fetch(url))
    except (OSError, ValueError) as failed:
        raise _bad(f'Unable to obtain client metadata for "{url}": {failed}') from None
    if not isinstance(document, dict):
        raise _bad(f'Unable to obtain client metadata for "{url}": it is no JSON object')
    return document


def _bad(words: str) -> Refused:
    return Refused(Trouble.METADATA, words)


def _bad_address(words: str) -> Refused:
    return Refused(Trouble.ADDRESS, words)
