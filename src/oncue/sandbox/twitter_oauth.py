"""X's OAuth 2.0 server: codes for thirty seconds, PKCE, refresh tokens that rotate.

https://docs.x.com/fundamentals/authentication/oauth-2-0 has the requests and lifetimes. The
refusals are in the words X is known for: most of them are called invalid_request, a dead
refresh token too. Any client id and secret will do; a grant is held to those it began with.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from aiohttp import web

from oncue.sandbox.grants import Kind, Ticket
from oncue.sandbox.oauth import AuthorizationServer
from oncue.sandbox.oauth_terms import (
    Asked,
    Client,
    Fields,
    Refused,
    Trouble,
    basic,
    is_address,
    needed,
)

ACCESS: Final = timedelta(hours=2)
OFFLINE: Final = "offline.access"
SCOPES: Final = (
    "block.read block.write bookmark.read bookmark.write broadcast.read broadcast.write dm.read"
    " dm.write follows.read follows.write like.read like.write list.read list.write media.write"
    " mute.read mute.write offline.access space.read timeline.read tweet.moderate.write"
    " tweet.read tweet.write users.email users.read"
)
METHODS: Final = ("S256", "plain")
MAX_STATE: Final = 500
PUBLIC: Final = "public"
INVALID: Final = "Value passed for the {} was invalid."
NOT_THE_REDIRECT: Final = (
    "Value passed for the redirect uri did not match the uri of the authorization code."
)
NOT_THE_VERIFIER: Final = "Value passed for the code verifier did not match the code challenge."
WORDS: Final[Mapping[Trouble, tuple[int, str, str]]] = {
    Trouble.REQUEST: (400, "invalid_request", "The request was invalid."),
    Trouble.MISSING: (400, "invalid_request", "Missing required parameter [{}]."),
    Trouble.CLIENT: (401, "unauthorized_client", "Missing valid authorization header"),
    Trouble.GRANT_TYPE: (400, "unsupported_grant_type", INVALID.format("grant type")),
    Trouble.RESPONSE_TYPE: (400, "invalid_request", INVALID.format("response type")),
    Trouble.CODE: (400, "invalid_request", INVALID.format("authorization code")),
    Trouble.REDIRECT: (400, "invalid_request", NOT_THE_REDIRECT),
    Trouble.VERIFIER: (400, "invalid_request", NOT_THE_VERIFIER),
    Trouble.REFRESH: (400, "invalid_request", INVALID.format("token")),
    Trouble.SCOPE: (400, "invalid_scope", INVALID.format("scope")),
}


class TwitterOAuth(AuthorizationServer):
    authorize_path = "/i/oauth2/authorize"
    token_path = "/2/oauth2/token"
    revoke_path = "/2/oauth2/revoke"
    lives: ClassVar[Mapping[Kind, timedelta | None]] = {
        Kind.CODE: timedelta(seconds=30),
        Kind.ACCESS: ACCESS,
        Kind.REFRESH: timedelta(days=182),
    }
    words: ClassVar[Mapping[Trouble, tuple[int, str, str]]] = WORDS

    async def asked(self, request: web.Request) -> Asked:
        query = request.query
        if needed(query, "response_type") != "code":
            raise Refused(Trouble.RESPONSE_TYPE)
        client_id, redirect_uri = needed(query, "client_id"), needed(query, "redirect_uri")
        if not is_address(redirect_uri):
            raise Refused(Trouble.REQUEST, INVALID.format("redirect uri"))
        if len(state := needed(query, "state")) > MAX_STATE:
            raise Refused(Trouble.REQUEST, INVALID.format("state"))
        scopes = needed(query, "scope").split()
        if set(scopes) - set(SCOPES.split()):
            raise Refused(Trouble.SCOPE)
        challenge, method = needed(query, "code_challenge"), needed(query, "code_challenge_method")
        if method not in METHODS:
            raise Refused(Trouble.REQUEST, INVALID.format("code challenge method"))
        return Asked(
            client_id=client_id,
            client_name=client_id,
            redirect_uri=redirect_uri,
            scope=" ".join(scopes),
            state=state,
            challenge=challenge,
            method=method,
        )

    async def client(self, request: web.Request, fields: Fields) -> Client:
        """By HTTP Basic, or a public one by its client_id in the body."""
        if "Authorization" not in request.headers:
            return Client(id=needed(fields, "client_id"), auth=PUBLIC)
        id_, secret = basic(request.headers["Authorization"])
        if fields.get("client_id", id_) != id_:
            raise Refused(Trouble.CLIENT)
        return Client(id=id_, auth=hashlib.sha256(secret.encode()).hexdigest()[:16])

    def expect_holder(self, ticket: Ticket, client: Client) -> None:
        super().expect_holder(ticket, client)
        if ticket.auth not in ("", client.auth):
            raise Refused(Trouble.CLIENT)

    def allows(self, request: web.Request, scopes: Sequence[str]) -> bool:
        """Whether the token has all these."""
        granted = self.scopes_of(request)
        return granted is None or granted >= set(scopes)

    def issued(self, ticket: Ticket, client: Client) -> dict[str, Any]:
        access, _ = self.grants.renew(ticket, Kind.ACCESS)
        answer = {
            "token_type": "bearer",
            "expires_in": int(ACCESS.total_seconds()),
            "access_token": access,
            "scope": ticket.scope,
        }
        if OFFLINE in ticket.scopes:
            answer["refresh_token"], _ = self.grants.renew(ticket, Kind.REFRESH)
        return answer

    async def revoke(self, request: web.Request, fields: Fields) -> web.Response:
        client = await self.client(request, fields)
        if ticket := self.grants.read(needed(fields, "token")):
            self.expect_holder(ticket, client)
            self.grants.end(ticket.grant)
        return web.json_response({"revoked": True})
