"""How a network lets people connect accounts to us: OAuth 2 as facts, one mechanism for all.

A connector whose network does so inherits from Authorises and fills in an OAuth; what is done
with the facts is in connectors/grants.py (requests and answers) and in accounts/ (the rest).
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias, TypeVar

from oncue.connectors.answers import Reply
from oncue.connectors.base import Account, Connector, Exchange, Secrets, Steps, expect_sendable

T = TypeVar("T")
Exchanges: TypeAlias = Generator[Exchange, Reply, T]
"""Requests that carry or earn secrets, and what comes of them."""

GONE: Final = frozenset({"invalid_grant"})  # RFC 6749, 5.2


class KnownBy(StrEnum):
    """How a network comes to know us, its client."""

    GIVEN = "given"  # somebody made an app there by hand, and gives us its id and secret
    REGISTERED = "registered"  # we register at each server, when it is first needed
    DOCUMENT = "document"  # our id is the address of a document that says who we are


class Proof(StrEnum):
    """How a client proves at the token endpoint that it is itself, in RFC 7591's words."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    KEY = "private_key_jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """One network's OAuth. Paths are joined to the base URL, as a Call's are.

    `page_origin` is where people are asked, if that is another host than the base URL's own;
    where a setting names the base URL, they are asked there. `lives` is how long an access token
    is good where the answer does not say; None: until it is revoked. `lasts` is how long a grant
    can be renewed before somebody has to say yes again, and `lasts_unproven` that of a client
    which cannot prove that it is itself; None: as long as nobody ends it. `gone` are the errors
    with which a renewal is told that the grant is no more.
    """

    authorize: str = ""
    token: str = ""
    revoke: str | None = None
    register: str | None = None
    page_origin: str = ""
    scopes: Sequence[str]
    known_by: KnownBy
    proof: Proof
    pushes: bool = False  # the request goes to the server first, RFC 9126 (PAR)
    binds: bool = False  # tokens are good with a key of ours only, RFC 9449 (DPoP)
    hints: bool = False  # whether the page is told who is expected (login_hint)
    extra: Mapping[str, str] = field(default_factory=dict)  # more for the page's query
    lives: timedelta | None = None
    lasts: timedelta | None = None
    lasts_unproven: timedelta | None = None
    gone: frozenset[str] = GONE

    @property
    def scope(self) -> str:
        return " ".join(self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where one server's OAuth is. An issuer that is known has to be in the page's answer."""

    authorize: str
    token: str
    revoke: str | None = None
    push: str | None = None
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token endpoint gave us. `subject` is whose it is, where the answer says so."""

    secrets: Secrets = field(repr=False)
    expires_in: timedelta | None
    subject: str | None = None

    def __post_init__(self) -> None:
        expect_sendable(self.secrets)


class Authorises(Connector):
    """A network whose accounts are connected by asking their owners on a page of its own."""

    oauth: ClassVar[OAuth]

    def server_of(self, handle: str) -> Exchanges[str]:
        """The server on which the account of this handle lives; empty where it does not say."""
        yield from ()
        return ""

    def endpoints(self, server: str) -> Exchanges[Endpoints]:
        """Where this server's OAuth is: mostly at the paths the facts have."""
        yield from ()
        return Endpoints(
            authorize=self.oauth.authorize,
            token=self.oauth.token,
            revoke=self.oauth.revoke,
        )

    def home_of(self, subject: str, issuer: str) -> Exchanges[str]:
        """The server that speaks for `subject`; empty where it is the one that was asked.

        Raises Refused where `issuer` has no right to speak for them.
        """
        yield from ()
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, board or location that an account can speak for.

    `secrets` are those that the page has to itself; they are laid over the account's own.
    """

    id: str
    name: str
    username: str = ""
    secrets: Secrets = field(default_factory=dict, repr=False)


class HasPages(ABC):
    """A network where whoever is connected chooses what they speak for."""

    @abstractmethod
    def pages(self, account: Account) -> Steps[Sequence[Page]]:
        """Everything the account can speak for."""


def is_grant(secrets: Secrets) -> bool:
    """Whether credentials came of OAuth, and are renewed by it."""
    return "refreshToken" in secrets or "clientId" in secrets
