"""Servers of many names, without a network: what each address answers, and what it was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oncue.lib.addresses import NotAllowed
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import Answer, HttpClient, NeverSent, Request

DID = "did:plc:abcdefghijklmnopqrstuvwx"
PDS = "https://pds.test"
ENTRY = "https://entry.test"


@dataclass
class Internet(HttpClient):
    """Both clients at once. An address that is not there has no answer."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        self.asked.append(request)
        url = request.url.partition("?")[0]
        if url not in self.answers:
            raise NeverSent(f"nobody is at {url}")
        found = self.answers[url]
        if isinstance(found, Answer):
            return found
        return Answer(status=200, headers={}, body=found)

    async def close(self) -> None:
        pass

    def sent_to(self, url: str) -> Request:
        """The last request to an address."""
        return [each for each in self.asked if each.url.partition("?")[0] == url][-1]

    def hosts_that_saw(self, secret: str) -> set[str]:
        """Who was shown a secret, in whatever place."""
        return {
            each.url.split("/")[2]
            for each in self.asked
            if secret in f"{each.url}{each.headers}{each.form}{each.json}"
        }


class Guarded(GuardedHttp):
    """The guard's side of it: every name with a dot is public."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    async def check(self, url: str) -> None:
        if not url.startswith("https://"):
            raise NotAllowed("it does not begin with https://")

    async def send(self, request: Request) -> Answer:
        return await self._internet.send(request)


def bluesky(**changed: Any) -> dict[str, Any]:
    """Maria, who is known to bsky.social and lives at pds.test, into which entry.test lets."""
    found: dict[str, Any] = {
        "https://bsky.social/xrpc/com.atproto.identity.resolveHandle": {"did": DID},
        f"https://plc.directory/{DID}": document(DID, PDS),
        f"{PDS}/.well-known/oauth-protected-resource": {"authorization_servers": [ENTRY]},
        f"{ENTRY}/.well-known/oauth-authorization-server": metadata(ENTRY),
        f"{ENTRY}/par": {"request_uri": "urn:request"},
        f"{ENTRY}/token": {
            "access_token": "canary-access",
            "refresh_token": "canary-refresh",
            "token_type": "DPoP",
            "expires_in": 3600,
            "scope": "atproto transition:generic",
            "sub": DID,
        },
        f"{PDS}/xrpc/com.atproto.server.getSession": {"did": DID, "handle": "maria.test"},
    }
    return found | changed


def document(did: str, server: str) -> Mapping[str, Any]:
    return {"id": did, "service": [{"id": "#atproto_pds", "serviceEndpoint": server}]}


def metadata(issuer: str) -> Mapping[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "dpop_signing_alg_values_supported": ["ES256"],
    }
