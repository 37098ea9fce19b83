"""Whose request it is at the simulated Bluesky: by a session's token, or by OAuth with a proof."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, Final
from urllib.parse import parse_qs

from aiohttp import web

from oncue.sandbox.bluesky_names import (
    ACCESS,
    LIVES,
    REFRESH,
    claims_of,
    did_of,
    handle_of,
    token_of,
)
from oncue.sandbox.bluesky_oauth import BlueskyOAuth
from oncue.sandbox.bluesky_people import People
from oncue.sandbox.dpop import BadProof, Proofs, challenge_for
from oncue.sandbox.grants import Kind, Standing, is_issued
from oncue.sandbox.network import World, bearer
from oncue.sandbox.xrpc import Body, Wrong, input_of

EVERYTHING: Final = "transition:generic"
PAST: Final = '"exp" claim timestamp check failed'


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is signed in. None for `scopes` is everything."""

    handle: str
    scopes: frozenset[str] | None = None

    def expect_repo(self, collection: str, *actions: str) -> None:
        """Raises Wrong where the caller may not do this to records of the collection."""
        for action in actions:
            if not self._may("repo", "collection", collection, action):
                raise _missing(f"repo:{collection}?action={action}")

    def expect_blob(self, type_: str) -> None:
        """Raises Wrong where the caller may not upload files of this type."""
        if not self._may("blob", "accept", type_):
            raise _missing(f"blob:{type_}")

    def _may(self, resource: str, name: str, value: str, action: str | None = None) -> bool:
        """https://atproto.com/specs/permission: "repo:*?action=create", "blob?accept=image/*"."""
        if self.scopes is None or EVERYTHING in self.scopes:
            return True
        for scope in self.scopes:
            head, _, query = scope.partition("?")
            kind, _, positional = head.partition(":")
            more = parse_qs(query)
            values = [positional] if positional else more.get(name, [])
            does = action is None or action in more.get("action", [action])
            if kind == resource and does and any(fnmatch(value, each) for each in values):
                return True
        return False


class Sessions:
    """Sessions by password. A token says everything itself; what is used up is in memory."""

    def __init__(self, world: World, people: People, oauth: BlueskyOAuth, proofs: Proofs) -> None:
        self._world = world
        self._people = people
        self._oauth = oauth
        self._proofs = proofs
        self._used_up: set[str] = set()  # refresh tokens

    async def create(self, request: web.Request) -> Body:
        body = await input_of(request, "com.atproto.server.createSession")
        return self._session(self._people.note(handle_of(body["identifier"], body["password"])))

    async def refresh(self, request: web.Request) -> Body:
        claims = self._claims(request, REFRESH)
        self._used_up.add(claims["jti"])
        return self._session(claims["handle"])

    async def show(self, request: web.Request) -> Body:
        handle = self.caller(request).handle
        return {"handle": handle, "did": did_of(handle), "active": True}

    def account(self, request: web.Request) -> str | None:
        """Whose credentials came along, good or not."""
        if ticket := self._oauth.grants.read(token_with_proof(request)):
            return ticket.user
        claims = claims_of(bearer(request))
        return claims["handle"] if claims else None

    def caller(self, request: web.Request) -> Caller:
        """Who is signed in; raises Wrong."""
        if token := token_with_proof(request):
            return self._caller_by_proof(request, token)
        return Caller(self._claims(request, ACCESS)["handle"])

    def _caller_by_proof(self, request: web.Request, token: str) -> Caller:
        try:
            proof = self._proofs.check(request, token)
        except BadProof as bad:
            raise unproven("invalid_dpop_proof", str(bad)) from None
        ticket = self._oauth.grants.read(token)
        if ticket is None or ticket.kind is not Kind.ACCESS:
            raise unproven("invalid_token", "Malformed token")
        standing = self._oauth.grants.standing(ticket)
        if standing is Standing.EXPIRED:
            raise unproven("invalid_token", PAST)
        if proof is None:
            raise unproven("invalid_dpop_proof", "DPoP proof required")
        if proof.jkt != ticket.jkt:
            raise unproven("invalid_token", "Invalid DPoP key binding")
        if standing is not Standing.GOOD:
            raise unproven("invalid_token", "Invalid token")
        return Caller(ticket.user, ticket.scopes)

    def _session(self, handle: str) -> Body:
        tokens = {
            name: token_of(
                {
                    "scope": scope,
                    "sub": did_of(handle),
                    "handle": handle,
                    "exp": int((self._world.now() + LIVES[scope]).timestamp()),
                    "jti": secrets.token_urlsafe(8),
                }
            )
            for name, scope in (("accessJwt", ACCESS), ("refreshJwt", REFRESH))
        }
        return {**tokens, "handle": handle, "did": did_of(handle), "active": True}

    def _claims(self, request: web.Request, scope: str) -> Mapping[str, Any]:
        """What the bearer token claims; raises Wrong where it is none for `scope`."""
        if (token := bearer(request)) is None:
            raise Wrong(401, "AuthMissing", "Authentication Required")
        if is_issued(token):
            raise Wrong(400, "InvalidToken", "Malformed token")
        if (claims := claims_of(token)) is None:
            raise Wrong(400, "InvalidToken", "Token could not be verified")
        if claims["scope"] != scope:
            raise Wrong(400, "InvalidToken", "Invalid token type")
        if claims["exp"] <= self._world.now().timestamp():
            raise Wrong(400, "ExpiredToken", "Token has expired")
        if claims["jti"] in self._used_up:
            raise Wrong(400, "ExpiredToken", "Token has been revoked")
        return claims


def token_with_proof(request: web.Request) -> str | None:
    """The access token of a request that has to bring a proof along."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "dpop" and token else None


def unproven(error: str, words: str) -> Wrong:
    return Wrong(401, error, words, {"WWW-Authenticate": challenge_for(error, words)})


def _missing(scope: str) -> Wrong:
    return Wrong(403, "ScopeMissingError", f'Missing required scope "{scope}"')
