"""Bluesky's OAuth: found on the account's own server, bound to a key, with a document for an app.

https://atproto.com/specs/oauth, checked against a PDS 0.4.217.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from oncue.connectors.answers import Refused, Reply, Unreadable
from oncue.connectors.base import Exchange
from oncue.connectors.oauth import Authorises, Endpoints, Exchanges, KnownBy, OAuth, Proof

RESOURCE: Final = "/.well-known/oauth-protected-resource"  # RFC 9728
METADATA: Final = "/.well-known/oauth-authorization-server"  # RFC 8414
PLC: Final = "https://plc.directory"
SERVER: Final = "#atproto_pds"  # of the services in a DID document, the account's server
ALGORITHM: Final = "ES256"

HANDLE: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}")
DID_PLC: Final = re.compile(r"did:plc:[a-z2-7]{24}")
DID_WEB: Final = re.compile(r"did:web:((?:[a-z0-9-]+\.)+[a-z0-9-]+)")


class BlueskyOAuth(Authorises):
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("atproto", "transition:generic"),
        known_by=KnownBy.DOCUMENT,
        proof=Proof.KEY,
        pushes=True,
        binds=True,
        hints=True,
        lasts=timedelta(days=730),
        lasts_unproven=timedelta(days=14),
    )

    def server_of(self, handle: str) -> Exchanges[str]:
        """By way of the account's DID, which its handle or itself names."""
        named = handle.strip().removeprefix("@").lower()
        if named.startswith("did:"):
            return (yield from _server_of_did(named))
        if not HANDLE.fullmatch(named):
            raise Refused(f"{handle[:80]} is no handle, as maria.bsky.social is one")
        path = f"/xrpc/com.atproto.identity.resolveHandle?handle={quote(named)}"
        resolved = yield Exchange("GET", path)
        return (yield from _server_of_did(resolved.text("did")))

    def endpoints(self, server: str) -> Exchanges[Endpoints]:
        """Who lets people in for `server`, mostly itself, and where."""
        issuer = yield from _issuer_of(server)
        found = yield Exchange("GET", issuer + METADATA)
        if found.text("issuer") != issuer:
            raise Refused(f"{issuer} names another issuer than itself")
        if ALGORITHM not in _list(found, "dpop_signing_alg_values_supported"):
            raise Refused(f"{issuer} takes no proofs signed with {ALGORITHM}")
        return Endpoints(
            authorize=found.text("authorization_endpoint"),
            token=found.text("token_endpoint"),
            revoke=found.text("revocation_endpoint")
            if _says(found, "revocation_endpoint")
            else None,
            push=found.text("pushed_authorization_request_endpoint"),
            issuer=issuer,
        )

    def home_of(self, subject: str, issuer: str) -> Exchanges[str]:
        """The server the subject's own document names, if that lets in whom `issuer` does."""
        server = yield from _server_of_did(subject)
        if (yield from _issuer_of(server)) != issuer:
            raise Refused(f"{issuer} does not speak for {subject}")
        return server


def _server_of_did(did: str) -> Exchanges[str]:
    if DID_PLC.fullmatch(did):
        document = yield Exchange("GET", f"{PLC}/{did}")
    elif found := DID_WEB.fullmatch(did):
        document = yield Exchange("GET", f"https://{found[1]}/.well-known/did.json")
    else:
        raise Refused(f"{did[:80]} is no DID that Bluesky has")
    if document.text("id") != did:
        raise Refused(f"the document of {did} is another's")
    for service in _list(document, "service"):
        if isinstance(service, Mapping) and str(service.get("id", "")).endswith(SERVER):
            return str(service.get("serviceEndpoint", "")).rstrip("/")
    raise Refused(f"{did} has no server")


def _issuer_of(server: str) -> Exchanges[str]:
    """Who lets people in for a server. One that does not say does so itself, as bsky.social."""
    try:
        resource = yield Exchange("GET", server + RESOURCE)
    except Refused as refused:
        if refused.is_transient:
            raise
        return server
    issuers = _list(resource, "authorization_servers")
    if not issuers or not isinstance(issuers[0], str):
        raise Unreadable("no authorization_servers in the answer")
    return issuers[0].rstrip("/")


def _list(reply: Reply, name: str) -> list[Any]:
    found = reply.at(name)
    if not isinstance(found, list):
        raise Unreadable(f"{name} in the answer is no list")
    return found


def _says(reply: Reply, name: str) -> bool:
    return isinstance(reply.body, Mapping) and isinstance(reply.body.get(name), str)
