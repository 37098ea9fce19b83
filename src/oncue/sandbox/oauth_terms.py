"""The words of OAuth in the sandbox: who asks for what, and what can be wrong with it."""

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import urlsplit

Fields: TypeAlias = Mapping[str, str]


class Trouble(StrEnum):
    """What an OAuth server refuses. Each network has its own status, code and words for it."""

    REQUEST = "request"
    MISSING = "missing"  # a parameter; the detail is its name
    CLIENT = "client"  # unknown, or not who it says
    GRANT_TYPE = "grant_type"
    RESPONSE_TYPE = "response_type"
    CODE = "code"
    REDIRECT = "redirect"
    VERIFIER = "verifier"
    REFRESH = "refresh"
    SCOPE = "scope"
    METADATA = "metadata"  # an application's document
    ADDRESS = "address"  # a redirect_uri in there
    PROOF = "proof"
    NONCE = "nonce"  # of a proof
    KEY = "key"  # that a proof was made with


class Refused(Exception):
    """A no. `detail` replaces the network's usual words."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(detail or trouble)
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An application at the token endpoint; `auth` and `jkt` as in a Ticket.

    `renews` says whether it is to have refresh tokens, for all it says itself.
    """

    id: str
    auth: str = ""
    jkt: str = ""
    renews: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an application asks a user for. `hint` is whom it expects to say yes."""

    client_id: str
    client_name: str
    redirect_uri: str
    scope: str
    state: str | None = None
    challenge: str = ""
    method: str = ""
    auth: str = ""
    jkt: str = ""
    hint: str = ""


class SentBack(Exception):
    """The user goes back to the application with an error instead of being asked."""

    def __init__(self, asked: Asked, error: str, description: str) -> None:
        super().__init__(description)
        self.asked = asked
        self.error = error


def needed(fields: Fields, name: str) -> str:
    """A parameter that has to be there; raises Refused."""
    if not (value := fields.get(name)):
        raise Refused(Trouble.MISSING, name)
    return value


def is_address(uri: str) -> bool:
    """Whether this is an absolute address without a fragment, as a redirect_uri has to be."""
    with suppress(ValueError):
        parts = urlsplit(uri)
        is_whole = parts.scheme and (parts.netloc or parts.path) and (parts.port or 1)
        return bool(is_whole) and not parts.fragment
    return False


def basic(header: str) -> tuple[str, str]:
    """Id and secret by HTTP Basic; raises Refused."""
    scheme, _, encoded = header.partition(" ")
    try:
        id_, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise Refused(Trouble.CLIENT) from None
    if scheme.lower() != "basic" or not id_ or not secret:
        raise Refused(Trouble.CLIENT)
    return id_, secret
