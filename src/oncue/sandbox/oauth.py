"""What the networks' OAuth servers share: asking the user, trading codes, renewing tokens.

A network's server says which requests it takes and in which words it refuses; RFC 6749 and
RFC 7636 are here.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final, TypeAlias
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from oncue.sandbox import oauth_page as pages
from oncue.sandbox.faults import Effect, Fault
from oncue.sandbox.faults import Kind as FaultKind
from oncue.sandbox.grants import Grants, Kind, Standing, Ticket, is_issued, proves
from oncue.sandbox.network import Handler, Network, bearer, username_of
from oncue.sandbox.oauth_terms import Asked, Client, Fields, Refused, SentBack, Trouble, needed

Answer: TypeAlias = Callable[[web.Request, Fields], Awaitable[web.Response]]

FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
WHERE_IT_IS: Final = ("code", "refresh_token", "token")
ORDERED: Final[Mapping[str, Trouble]] = {  # what a fault means where tokens are given out
    FaultKind.EXPIRED_TOKEN: Trouble.REFRESH,
    FaultKind.REVOKED_TOKEN: Trouble.REFRESH,
    FaultKind.REJECT: Trouble.CLIENT,
}


class AuthorizationServer(ABC):
    """One network's OAuth server."""

    authorize_path: ClassVar[str]
    token_path: ClassVar[str]
    revoke_path: ClassVar[str]
    words: ClassVar[Mapping[Trouble, tuple[int, str, str]]]  # status, code, description
    reasons: ClassVar[Mapping[tuple[Kind, Standing], str]] = {}  # instead of the description
    lives: ClassVar[Mapping[Kind, timedelta | None]]
    takes_json: ClassVar[bool] = False
    renews: ClassVar[bool] = True
    forgives: ClassVar[bool] = True  # whether a wrong attempt leaves the grant as it was

    def __init__(self, network: Network) -> None:
        self.network = network
        self.grants = Grants(network.platform, network.world.now, self.life)
        network.world.grants.append(self.grants)

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get(self.authorize_path, self._authorize),
            web.post(self.authorize_path, self._authorize),
            web.post(self.token_path, self.endpoint(self._token)),
            web.post(self.revoke_path, self.endpoint(self.revoke)),
        ]

    @abstractmethod
    async def asked(self, request: web.Request) -> Asked:
        """What the user is to be asked; raises Refused or, with a good redirect_uri, SentBack."""

    @abstractmethod
    async def client(self, request: web.Request, fields: Fields) -> Client:
        """Who calls the token endpoint; raises Refused."""

    @abstractmethod
    def issued(self, ticket: Ticket, client: Client) -> dict[str, Any]:
        """The token endpoint's answer for a code or a refresh token that is in order."""

    @abstractmethod
    async def revoke(self, request: web.Request, fields: Fields) -> web.Response:
        """The answer of the revocation endpoint (RFC 7009); raises Refused."""

    def life(self, ticket: Ticket) -> timedelta | None:
        return self.lives[ticket.kind]

    def user_named(self, name: str) -> str:
        """Who a name typed into the page is; raises Refused."""
        if not (name := name.strip().removeprefix("@")):
            raise Refused(Trouble.REQUEST, "Whose account is it?")
        return name

    def settle(self, request: web.Request) -> Fields:
        """The user answered: what goes back besides code or error and state."""
        return {}

    def expect_holder(self, ticket: Ticket, client: Client) -> None:
        """Raises Refused where a code or refresh token belongs to another application."""
        if ticket.client_id != client.id:
            raise Refused(Trouble.CODE if ticket.kind is Kind.CODE else Trouble.REFRESH)

    def expect_verifier(self, code: Ticket, fields: Fields) -> None:
        """Raises Refused where the caller cannot show that it asked for this code."""
        verifier = needed(fields, "code_verifier") if code.challenge else ""
        if not proves(verifier or fields.get("code_verifier", ""), code):
            raise Refused(Trouble.VERIFIER)

    def owner(self, token: str | None) -> str | None:
        """Whose access token this is, or None where it is nobody's any more."""
        if not token or not is_issued(token):
            return username_of(token) if token else None
        ticket = self.grants.good(token, Kind.ACCESS)
        return ticket.user if ticket else None

    def scopes_of(self, request: web.Request) -> frozenset[str] | None:
        """What the request's token is good for; None is everything, as for one not earned here."""
        ticket = self.grants.read(bearer(request))
        return ticket.scopes if ticket else None

    def root(self, request: web.Request) -> str:
        """This server's address, as the caller has it."""
        return f"{request.scheme}://{request.host}{self.network.prefix}"

    def endpoint(self, answer: Answer) -> Handler:
        """A handler for applications, that may refuse and may meet a fault."""

        async def handler(request: web.Request) -> web.Response:
            try:
                answered = await answer(request, await self.fields(request))
            except Refused as refused:
                answered = self.phrased(refused)
            answered.headers["Cache-Control"] = "no-store"
            return answered

        return self.network.meets(Effect.TOKEN, handler, whose=self._whose, error=self._error)

    def phrased(self, refused: Refused) -> web.Response:
        """A refusal, in the form of RFC 6749, 5.2."""
        status, error, _ = self.words[refused.trouble]
        body = {"error": error, "error_description": self.worded(refused)}
        return web.json_response(body, status=status)

    def worded(self, refused: Refused) -> str:
        words = self.words[refused.trouble][2]
        if refused.trouble is Trouble.MISSING:
            return words.format(refused.detail)
        return refused.detail or words

    async def fields(self, request: web.Request) -> Fields:
        """The parameters in a request's body; raises Refused where one is there twice."""
        if self.takes_json and request.content_type == "application/json":
            with suppress(ValueError):
                body = await request.json()
                if isinstance(body, dict):
                    return {name: value for name, value in body.items() if isinstance(value, str)}
            raise Refused(Trouble.REQUEST, "The request body is not a JSON object")
        if request.content_type not in FORMS:
            return {}
        form = await request.post()
        if twice := {name for name in form if name[-2:] != "[]" and len(form.getall(name)) > 1}:
            raise Refused(Trouble.REQUEST, f"Repeated parameter: {', '.join(sorted(twice))}")
        return {name: value for name, value in form.items() if isinstance(value, str)}

    async def _authorize(self, request: web.Request) -> web.Response:
        try:
            asked = await self.asked(request)
            return await self._put_to_user(request, asked)
        except SentBack as sent:
            error = {"error": sent.error, "error_description": str(sent)}
            return self._back(request, sent.asked, error)
        except Refused as refused:
            return pages.complaint(self.worded(refused), self.words[refused.trouble][0])

    async def _put_to_user(self, request: web.Request, asked: Asked) -> web.Response:
        """Show the question, or act on its answer: a form, or `approve` or `deny` in the query."""
        said = {**request.query, **await request.post()}
        user = str(said.get("user", asked.hint or pages.SOMEBODY))
        if request.method == "GET" and not said.keys() & {"approve", "deny"}:
            platform = self.network.platform
            entries = self.network.world.ledger.entries(platform=platform)
            known = self.grants.users() | {entry.account for entry in entries}
            return pages.question(platform, asked, user, known)
        if "deny" in said:
            raise SentBack(asked, "access_denied", "The user refused")
        user = self.user_named(user)
        code = self.grants.begin(
            user,
            asked.client_id,
            asked.scope,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            method=asked.method,
            auth=asked.auth,
            jkt=asked.jkt,
        )
        return self._back(request, asked, {"code": code})

    def _back(self, request: web.Request, asked: Asked, result: Fields) -> web.Response:
        more = self.settle(request)
        if asked.redirect_uri.startswith("urn:"):
            return pages.shown(result)
        state = {} if asked.state is None else {"state": asked.state}
        parts = urlsplit(asked.redirect_uri)
        added = urlencode({**result, **state, **more})
        query = f"{parts.query}&{added}" if parts.query else added
        location = urlunsplit(parts._replace(query=query))
        headers = {"Location": location, "Cache-Control": "no-store"}
        return web.Response(status=302, headers=headers)

    async def _token(self, request: web.Request, fields: Fields) -> web.Response:
        client = await self.client(request, fields)
        match needed(fields, "grant_type"):
            case "authorization_code":
                ticket = self._redeemed(fields, client)
            case "refresh_token" if self.renews:
                ticket = self._renewed(fields, client)
            case _:
                raise Refused(Trouble.GRANT_TYPE)
        held = replace(ticket, auth=client.auth, jkt=client.jkt)
        return web.json_response(self.issued(held, client))

    def _redeemed(self, fields: Fields, client: Client) -> Ticket:
        """The code that is traded for tokens. A second attempt ends what the first one gave."""
        code = self._presented(needed(fields, "code"), Kind.CODE, Trouble.CODE)
        with self._no_second_try(code):
            self.expect_holder(code, client)
            if needed(fields, "redirect_uri") != code.redirect_uri:
                raise Refused(Trouble.REDIRECT)
            self.expect_verifier(code, fields)
        return code

    def _renewed(self, fields: Fields, client: Client) -> Ticket:
        """The refresh token that is traded for its successor. A used one ends the grant."""
        token = self._presented(needed(fields, "refresh_token"), Kind.REFRESH, Trouble.REFRESH)
        with self._no_second_try(token):
            self.expect_holder(token, client)
        return token

    def _presented(self, text: str, kind: Kind, trouble: Trouble) -> Ticket:
        ticket = self.grants.read(text)
        if ticket is None or ticket.kind is not kind:
            raise Refused(trouble)
        if (standing := self.grants.standing(ticket)) is Standing.USED:
            self.grants.end(ticket.grant)
        if standing is not Standing.GOOD:
            raise Refused(trouble, self.reasons.get((kind, standing), ""))
        return ticket

    @contextmanager
    def _no_second_try(self, ticket: Ticket) -> Iterator[None]:
        """End the grant of a ticket that is presented wrongly, where the server is like that."""
        try:
            yield
        except Refused:
            if not self.forgives:
                self.grants.end(ticket.grant)
            raise

    async def _whose(self, request: web.Request) -> str | None:
        """Whose code or token the request is about, so that a fault can wait for them."""
        with suppress(Refused):
            fields = await self.fields(request)
            found = (self.grants.read(fields.get(name)) for name in WHERE_IT_IS)
            return next((ticket.user for ticket in found if ticket), None)
        return None

    def _error(self, kind: FaultKind | str, fault: Fault | None = None) -> web.Response:
        if kind in ORDERED:
            return self.phrased(Refused(ORDERED[kind]))
        return self.network.error(kind, fault)
