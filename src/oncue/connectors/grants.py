"""OAuth's requests and what their answers mean, for every network alike.

https://www.rfc-editor.org/rfc/rfc6749 with 7636 (PKCE), 7009 (revocation), 9126 (PAR).
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from oncue.connectors.answers import Refusal, Refused, Reply, Unclear
from oncue.connectors.base import Connector, Exchange, expect_sendable
from oncue.connectors.oauth import Endpoints, Grant, OAuth, Proof

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523, 2.2
WORDS: Final = 300  # of an explanation; a stranger may have written it
LONGEST: Final = timedelta(days=3650)
UNKNOWN_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Who we are to a network. An assertion proves it once, and stands in for a secret."""

    client_id: str
    secret: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A server's OAuth and who we are there: what every request to it needs."""

    oauth: OAuth
    endpoints: Endpoints
    app: App

    def push(self, query: Mapping[str, str]) -> Exchange:
        """Hand in what the page is to ask; its answer has the request's name."""
        return self._post(self.endpoints.push or "", query)

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Exchange:
        """Turn the page's code into a grant."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return self._post(self.endpoints.token, form)

    def renew(self, refresh_token: str) -> Exchange:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._post(self.endpoints.token, form)

    def revoke(self, token: str, hint: str) -> Exchange:
        """End a grant; `hint` is "access_token" or "refresh_token"."""
        return self._post(self.endpoints.revoke or "", {"token": token, "token_type_hint": hint})

    def present(self) -> Exchange:
        """Ask for something as ourselves, to see whether the server still knows us."""
        form = {"grant_type": "client_credentials", "scope": self.oauth.scopes[0]}
        return self._post(self.endpoints.token, form)

    def _post(self, path: str, form: Mapping[str, str]) -> Exchange:
        """A request with our proof of who we are."""
        app = self.app
        if app.assertion:
            proof = {
                "client_id": app.client_id,
                "client_assertion_type": ASSERTION,
                "client_assertion": app.assertion,
            }
        elif app.secret and self.oauth.proof is Proof.BASIC:
            header = {"authorization": f"Basic {_basic(app.client_id, app.secret)}"}
            return Exchange("POST", path, form=form, headers=header)
        elif app.secret:
            proof = {"client_id": app.client_id, "client_secret": app.secret}
        else:
            proof = {"client_id": app.client_id}
        return Exchange("POST", path, form={**form, **proof})


def page_query(
    oauth: OAuth, client_id: str, *, redirect_uri: str, state: str, verifier: str, handle: str = ""
) -> Mapping[str, str]:
    """What the page where the owner is asked has to know."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": oauth.scope,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        **oauth.extra,
    }
    return {**query, "login_hint": handle} if oauth.hints and handle else query


def page_url(page: str, query: Mapping[str, str]) -> str:
    """The page's address. X wants spaces as %20 and not as +."""
    return f"{page}{'&' if '?' in page else '?'}{urlencode(query, quote_via=quote)}"


def challenge_of(verifier: str) -> str:
    """What a verifier is known by until it is shown: RFC 7636, S256."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def registration(oauth: OAuth, *, name: str, redirect_uri: str, website: str) -> Exchange:
    """Ask a server to know us from now on."""
    form = {"client_name": name, "redirect_uris": redirect_uri, "scopes": oauth.scope}
    if website:
        form["website"] = website
    return Exchange("POST", oauth.register or "", form=form)


def read_registration(reply: Reply) -> App:
    """Who we are to a server from now on; raises Unreadable."""
    app = App(client_id=reply.text("client_id"), secret=reply.text("client_secret"))
    expect_sendable({"client_id": app.client_id, "client_secret": app.secret})
    return app


def read_grant(oauth: OAuth, reply: Reply, *, asked: bool = True) -> Grant:
    """What the token endpoint gave us; raises Unreadable, and Refused where it is not enough.

    `asked`: somebody was asked for our scopes just now, and may have kept some back.
    """
    kept = {"accessToken": reply.text("access_token")}
    if _has(reply, "refresh_token"):
        kept["refreshToken"] = reply.text("refresh_token")
    if oauth.binds and reply.text("token_type").lower() != "dpop":
        raise Refused("its token is not bound to our key")
    if asked and _has(reply, "scope"):
        granted = reply.text("scope").split()
        if lacking := [scope for scope in oauth.scopes if scope not in granted]:
            raise Refused(f"these permissions were not granted: {', '.join(lacking)}")
    subject = reply.text("sub") if _has(reply, "sub") else None
    return Grant(secrets=kept, expires_in=_lives(oauth, reply), subject=subject)


def judge(connector: Connector, oauth: OAuth, reply: Reply) -> None:
    """Return on a yes. Otherwise raise Refused: RECONNECT where the grant is gone, a transient
    meaning where it can be asked again, REJECTED with OAuth's code for everything else.

    Raises Unclear where the answer does not tell.
    """  # noqa: D205
    if reply.status < 300:
        if reply.body is not None and not isinstance(reply.body, dict):
            raise Unclear(f"{connector.spec.name} answered with something that is not JSON")
        return
    code = error_of(reply)
    pause = connector.pause(reply)
    match reply.status:
        case 429:
            meaning = Refusal.RATE_LIMITED
        case 408 | 503:
            meaning = Refusal.TRY_LATER
        case status if status >= 500 or status < 400:
            raise Unclear(f"{connector.spec.name} answered {status}")
        case _:
            meaning = Refusal.RECONNECT if code in oauth.gone else Refusal.REJECTED
    raise Refused(_words(connector, reply), meaning, code=code, retry_after=pause)


def error_of(reply: Reply) -> str | None:
    """OAuth's code for what went wrong."""
    code = reply.body.get("error") if isinstance(reply.body, dict) else None
    return code[:WORDS] if isinstance(code, str) else None


def _words(connector: Connector, reply: Reply) -> str:
    told = reply.body.get("error_description") if isinstance(reply.body, dict) else None
    return told[:WORDS] if isinstance(told, str) and told else connector.words(reply)


def _lives(oauth: OAuth, reply: Reply) -> timedelta | None:
    seconds = reply.body.get("expires_in") if isinstance(reply.body, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return oauth.lives
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def _has(reply: Reply, name: str) -> bool:
    body: Any = reply.body
    return isinstance(body, dict) and body.get(name) is not None


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are form-encoded first."""
    return base64.b64encode(f"{quote(client_id, '')}:{quote(secret, '')}".encode()).decode()
