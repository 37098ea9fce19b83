"""A Mastodon server's OAuth: applications register themselves, tokens live until revoked.

https://docs.joinmastodon.org/methods/oauth/ and /methods/apps/; the words are Doorkeeper's, on
which Mastodon builds. As there, asking again for what a user allowed already brings the same
token again. An application's id says everything about it, so a restart forgets none either.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from aiohttp import web

from oncue.sandbox.faults import Effect
from oncue.sandbox.grants import Kind, Standing, Ticket
from oncue.sandbox.mastodon_apps import SCOPES, app_of, redirect_uris_of, registered, secret_of
from oncue.sandbox.mastodon_intake import No
from oncue.sandbox.mastodon_views import account_id
from oncue.sandbox.network import Network, bearer
from oncue.sandbox.oauth import AuthorizationServer
from oncue.sandbox.oauth_terms import (
    Asked,
    Client,
    Fields,
    Refused,
    SentBack,
    Trouble,
    basic,
)

REVOKED: Final = "The access token was revoked"
UNKNOWN: Final = "The access token is invalid"
NOT_YOURS: Final = {
    "error": "unauthorized_client",
    "error_description": "You are not authorized to revoke this token",
}
MALFORMED: Final = (
    "The request is missing a required parameter, includes an unsupported parameter value, or is "
    "otherwise malformed."
)
NO_CLIENT: Final = (
    "Client authentication failed due to unknown client, no client authentication included, or "
    "unsupported authentication method."
)
NO_GRANT_TYPE: Final = "The authorization grant type is not supported by the authorization server."
NO_GRANT: Final = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection "
    "URI used in the authorization request, or was issued to another client."
)
NO_SCOPE: Final = "The requested scope is invalid, unknown, or malformed."


class MastodonOAuth(AuthorizationServer):
    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"
    revoke_path = "/oauth/revoke"
    takes_json = True
    renews = False
    lives: ClassVar[Mapping[Kind, timedelta | None]] = {
        Kind.CODE: timedelta(minutes=10),
        Kind.ACCESS: None,
    }
    words: ClassVar[Mapping[Trouble, tuple[int, str, str]]] = {
        Trouble.REQUEST: (400, "invalid_request", MALFORMED),
        Trouble.MISSING: (400, "invalid_request", "Missing required parameter: {}."),
        Trouble.CLIENT: (401, "invalid_client", NO_CLIENT),
        Trouble.GRANT_TYPE: (400, "unsupported_grant_type", NO_GRANT_TYPE),
        Trouble.CODE: (400, "invalid_grant", NO_GRANT),
        Trouble.REDIRECT: (400, "invalid_grant", NO_GRANT),
        Trouble.VERIFIER: (400, "invalid_grant", NO_GRANT),
        Trouble.REFRESH: (400, "invalid_grant", NO_GRANT),
        Trouble.SCOPE: (400, "invalid_scope", NO_SCOPE),
    }

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._given: dict[tuple[str, str, str], str] = {}  # by application, user and scopes

    def routes(self) -> Sequence[web.RouteDef]:
        metadata = "/.well-known/oauth-authorization-server"
        return [
            *super().routes(),
            web.post("/api/v1/apps", self.endpoint(self._register)),
            web.get(metadata, self.network.meets(Effect.POLL, self._metadata)),
            web.get("/oauth/userinfo", self.network.meets(Effect.POLL, self._user_info)),
        ]

    async def asked(self, request: web.Request) -> Asked:
        query = request.query
        app = app_of(query.get("client_id"))
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in app.redirect_uris:
            raise Refused(
                Trouble.REDIRECT,
                "The requested redirect uri is malformed or doesn't match client redirect URI.",
            )
        asked = Asked(
            client_id=query["client_id"],
            client_name=app.name,
            redirect_uri=redirect_uri,
            scope=" ".join(query.get("scope", "read").split()),
            state=query.get("state"),
            challenge=query.get("code_challenge", ""),
            method=query.get("code_challenge_method", ""),
        )
        if query.get("response_type") != "code":
            words = "The authorization server does not support this response type."
            raise SentBack(asked, "unsupported_response_type", words)
        if asked.challenge and asked.method != "S256":
            words = "The code_challenge_method must be S256."
            raise SentBack(asked, "invalid_code_challenge_method", words)
        if not asked.scope or set(asked.scope.split()) - set(app.scopes):
            raise SentBack(asked, "invalid_scope", NO_SCOPE)
        return asked

    async def client(self, request: web.Request, fields: Fields) -> Client:
        """By HTTP Basic, or with id and secret in the body."""
        if "Authorization" in request.headers:
            id_, secret = basic(request.headers["Authorization"])
        else:
            id_, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        app_of(id_)
        if secret != secret_of(id_):
            raise Refused(Trouble.CLIENT)
        return Client(id=id_)

    def issued(self, ticket: Ticket, client: Client) -> dict[str, Any]:
        what = (ticket.client_id, ticket.user, ticket.scope)
        text = self._given.get(what)
        token = self.grants.good(text, Kind.ACCESS)
        if text is None or token is None:
            text, token = self.grants.renew(ticket, Kind.ACCESS)
            self._given[what] = text
        else:
            self.grants.use_up(ticket)
        return {
            "access_token": text,
            "token_type": "Bearer",
            "scope": token.scope,
            "created_at": int(token.made),
        }

    async def revoke(self, request: web.Request, fields: Fields) -> web.Response:
        ticket = self.grants.read(fields.get("token"))
        try:
            client = await self.client(request, fields)
            if ticket:
                self.expect_holder(ticket, client)
        except Refused:
            return web.json_response(NOT_YOURS, status=403)
        if ticket:
            self.grants.end(ticket.grant)
        return web.json_response({})

    def lost(self, request: web.Request) -> str:
        """Why the request's token is nobody's."""
        ticket = self.grants.read(bearer(request))
        is_revoked = ticket and self.grants.standing(ticket) is Standing.WITHDRAWN
        return REVOKED if is_revoked else UNKNOWN

    def allows(self, request: web.Request, scopes: Sequence[str]) -> bool:
        """Whether the token has one of these; "write" is good for "write:media" too."""
        granted = self.scopes_of(request)
        good = {*scopes, *(scope.partition(":")[0] for scope in scopes)}
        return granted is None or not granted.isdisjoint(good)

    async def _register(self, request: web.Request, fields: Fields) -> web.Response:
        try:
            app, id_ = registered(fields, await redirect_uris_of(request, fields))
        except No as no:
            return web.json_response({"error": str(no)}, status=no.status)
        return web.json_response(
            {
                "id": account_id(id_),
                "name": app.name,
                "website": fields.get("website") or None,
                "scopes": app.scopes,
                "redirect_uri": "\n".join(app.redirect_uris),
                "redirect_uris": app.redirect_uris,
                "client_id": id_,
                "client_secret": secret_of(id_),
                "client_secret_expires_at": 0,
                "vapid_key": "sandbox",
            }
        )

    async def _metadata(self, request: web.Request) -> web.Response:
        root = self.root(request)
        return web.json_response(
            {
                "issuer": f"{root}/",
                "service_documentation": "https://docs.joinmastodon.org/",
                "authorization_endpoint": root + self.authorize_path,
                "token_endpoint": root + self.token_path,
                "app_registration_endpoint": f"{root}/api/v1/apps",
                "revocation_endpoint": root + self.revoke_path,
                "userinfo_endpoint": f"{root}/oauth/userinfo",
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "code_challenge_methods_supported": ["S256"],
                "grant_types_supported": ["authorization_code"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
            }
        )

    async def _user_info(self, request: web.Request) -> web.Response:
        if (username := self.owner(bearer(request))) is None:
            return web.json_response({"error": self.lost(request)}, status=401)
        root = self.root(request)
        return web.json_response(
            {
                "iss": f"{root}/",
                "sub": f"{root}/users/{username}",
                "name": username.replace("_", " ").title(),
                "preferred_username": username,
                "profile": f"{root}/@{username}",
                "picture": f"{root}/avatars/missing.png",
            }
        )
