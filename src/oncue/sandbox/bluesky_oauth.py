"""A Bluesky server's OAuth: pushed requests, keys to prove, sessions that rotate.

https://atproto.com/specs/oauth, and the lifetimes, refusals and statuses of a real server of
version 0.4.217. Requests that were not pushed are refused, which the real one announces but
does not do. A wrong attempt with a code or refresh token ends the session, as there.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from oncue.sandbox.bluesky_clients import Application, application, authenticated
from oncue.sandbox.bluesky_names import did_of, handle_of
from oncue.sandbox.bluesky_oauth_facts import (
    ACCESS,
    ANOTHER_KEY,
    LIVES,
    PUSHED,
    REASONS,
    REFRESH,
    SAME_KEY,
    SESSION,
    WORDS,
    resource,
    server,
)
from oncue.sandbox.bluesky_people import People
from oncue.sandbox.dpop import BadProof, Proof, Proofs, challenge_for
from oncue.sandbox.faults import Effect
from oncue.sandbox.grants import Kind, Ticket
from oncue.sandbox.network import Handler, Network
from oncue.sandbox.oauth import AuthorizationServer
from oncue.sandbox.oauth_terms import (
    Asked,
    Client,
    Fields,
    Refused,
    SentBack,
    Trouble,
    needed,
)

PUBLIC: Final = "none"  # how an application shows who it is
SHORTEST_VERIFIER: Final = 43
REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:req-"
HANDLE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class BlueskyOAuth(AuthorizationServer):
    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"
    revoke_path = "/oauth/revoke"
    takes_json = True
    forgives = False
    lives = LIVES
    words = WORDS
    reasons = REASONS

    def __init__(self, network: Network, people: People, proofs: Proofs) -> None:
        super().__init__(network)
        self._people = people
        self._proofs = proofs
        self._pushed: dict[str, tuple[Asked, datetime]] = {}  # by request_uri, until when
        self._assertions: set[str] = set()
        self._challenges: set[str] = set()

    def routes(self) -> Sequence[web.RouteDef]:
        known = "/.well-known/oauth-"
        return [
            *super().routes(),
            web.post("/oauth/par", self.endpoint(self._push)),
            web.get(f"{known}protected-resource", self._describe(resource)),
            web.get(f"{known}authorization-server", self._describe(server)),
            web.get("/oauth/jwks", self._describe(lambda _root: {"keys": []})),
        ]

    async def asked(self, request: web.Request) -> Asked:
        asked, until = self._pushed.get(request.query.get("request_uri", ""), (None, None))
        if asked is None or until is None:
            raise Refused(Trouble.REQUEST, "Unknown request_uri")
        if until <= self.network.world.now():
            raise SentBack(asked, "access_denied", "This request has expired")
        if request.query.get("client_id") != asked.client_id:
            words = "This request was initiated for another client"
            raise SentBack(asked, "access_denied", words)
        return asked

    def settle(self, request: web.Request) -> Fields:
        self._pushed.pop(request.query["request_uri"], None)
        return {"iss": self.root(request)}

    def user_named(self, name: str) -> str:
        """A handle; a name without a domain gets the sandbox's."""
        name = super().user_named(name)
        if not name.startswith("did:"):
            return self._people.note(handle_of(name, ""))
        if (handle := self._people.handle_at(name)) is None:
            raise Refused(Trouble.REQUEST, f"Nobody is known as {name}")
        return handle

    async def client(self, request: web.Request, fields: Fields) -> Client:
        app, proof, auth = await self._identified(request, fields)
        if proof is None:
            raise Refused(Trouble.PROOF)
        renews = "refresh_token" in app.grant_types
        return Client(id=app.id, auth=auth, jkt=proof.jkt, renews=renews)

    def life(self, ticket: Ticket) -> timedelta | None:
        if ticket.kind is Kind.REFRESH:
            return REFRESH[ticket.auth == PUBLIC]
        return super().life(ticket)

    def expect_holder(self, ticket: Ticket, client: Client) -> None:
        """The application, with the keys that it began with, before the session is too old."""
        if ticket.client_id != client.id:
            raise Refused(Trouble.REFRESH, "Token was not issued to this client")
        if ticket.jkt not in ("", client.jkt):
            raise Refused(Trouble.REFRESH, "DPoP proof does not match the expected JKT")
        if ticket.auth not in (PUBLIC, client.auth):
            raise Refused(Trouble.REFRESH, ANOTHER_KEY)
        age = self.network.world.now().timestamp() - ticket.begun
        if ticket.kind is Kind.REFRESH and age > SESSION[ticket.auth == PUBLIC].total_seconds():
            raise Refused(Trouble.REFRESH, "Session expired")

    def expect_verifier(self, code: Ticket, fields: Fields) -> None:
        if len(fields.get("code_verifier", "")) < SHORTEST_VERIFIER:
            raise Refused(Trouble.VERIFIER, "code_verifier too short")
        super().expect_verifier(code, fields)
        if code.challenge in self._challenges:
            raise Refused(Trouble.VERIFIER, "Code challenge already used")
        self._challenges.add(code.challenge)

    def issued(self, ticket: Ticket, client: Client) -> dict[str, Any]:
        access, _ = self.grants.renew(ticket, Kind.ACCESS)
        answer = {
            "access_token": access,
            "token_type": "DPoP",
            "scope": ticket.scope,
            "expires_in": int(ACCESS.total_seconds()),
            "sub": did_of(ticket.user),
        }
        if client.renews:
            answer["refresh_token"], _ = self.grants.renew(ticket, Kind.REFRESH)
        return answer

    async def revoke(self, request: web.Request, fields: Fields) -> web.Response:
        """Whatever there was to revoke, the answer is the same (RFC 7009, 2.2)."""
        ticket = self.grants.read(needed(fields, "token"))
        try:
            client = await self.client(request, fields)
            if ticket:
                self.expect_holder(ticket, client)
                self.grants.end(ticket.grant)
        except Refused as refused:
            if refused.trouble in (Trouble.MISSING, Trouble.PROOF):
                raise
        return web.json_response({})

    def phrased(self, refused: Refused) -> web.Response:
        answer = super().phrased(refused)
        if answer.status == 401:
            error, words = self.words[refused.trouble][1], self.worded(refused)
            answer.headers["WWW-Authenticate"] = challenge_for(error, words)
        return answer

    async def _push(self, request: web.Request, fields: Fields) -> web.Response:
        """A request that the user's browser need only name (RFC 9126)."""
        app, proof, auth = await self._identified(request, fields)
        asked = self._lawful(app, fields, proof, auth)
        uri = REQUEST_URI + secrets.token_hex(16)
        self._pushed[uri] = (asked, self.network.world.now() + PUSHED)
        answer = {"request_uri": uri, "expires_in": int(PUSHED.total_seconds())}
        return web.json_response(answer, status=201)

    def _lawful(self, app: Application, fields: Fields, proof: Proof | None, auth: str) -> Asked:
        if (type_ := needed(fields, "response_type")) != "code":
            raise Refused(Trouble.RESPONSE_TYPE, f'Unsupported response_type "{type_}"')
        if not app.takes(redirect_uri := needed(fields, "redirect_uri")):
            raise Refused(Trouble.REQUEST, f"Invalid redirect_uri {redirect_uri}")
        scopes = fields.get("scope", "").split()
        for scope in scopes:
            if scope not in app.scopes:
                words = f'Scope "{scope}" is not declared in the client metadata'
                raise Refused(Trouble.SCOPE, words)
        if "atproto" not in scopes:
            raise Refused(Trouble.SCOPE)
        if not (challenge := fields.get("code_challenge", "")):
            raise Refused(Trouble.REQUEST, "Use of PKCE is required")
        if fields.get("code_challenge_method") != "S256":
            words = 'atproto requires use of "S256" code_challenge_method'
            raise Refused(Trouble.REQUEST, words)
        jkt = fields.get("dpop_jkt") or (proof.jkt if proof else "")
        if proof and proof.jkt != jkt:
            raise Refused(Trouble.KEY)
        hint = fields.get("login_hint", "").lower()
        if hint and not hint.startswith("did:") and not HANDLE.fullmatch(hint):
            raise Refused(Trouble.REQUEST, f'Invalid login_hint "{hint}"')
        return Asked(
            client_id=app.id,
            client_name=app.name,
            redirect_uri=redirect_uri,
            scope=" ".join(scopes),
            state=fields.get("state"),
            challenge=challenge,
            method="S256",
            auth=auth,
            jkt=jkt,
            hint=hint,
        )

    async def _identified(
        self, request: web.Request, fields: Fields
    ) -> tuple[Application, Proof | None, str]:
        """Who calls, what proof there is, and how the application showed who it is."""
        id_ = needed(fields, "client_id")
        try:
            proof = self._proofs.check(request)
        except BadProof as bad:
            raise Refused(Trouble.PROOF, str(bad)) from None
        app = await application(id_, self.network.world.fetch)
        now = self.network.world.now()
        auth, assertion = authenticated(app, fields, self.root(request), now)
        if assertion:
            if proof and auth.endswith(f" {proof.jkt}"):
                raise Refused(Trouble.REQUEST, SAME_KEY)
            if assertion in self._assertions:
                raise Refused(Trouble.CODE, "private_key_jwt jti reused")
            self._assertions.add(assertion)
        return app, proof, auth

    def _describe(self, description: Callable[[str], dict[str, Any]]) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            return web.json_response(description(self.root(request)))

        return self.network.meets(Effect.POLL, handler)
