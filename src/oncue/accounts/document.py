"""The document by which servers know this installation, and the key it names.

https://atproto.com/specs/oauth#clients. An installation that only its own machine reaches has no
document that anybody could read: for such clients there is an id that says it all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from yarl import URL

from oncue.accounts.models import ClientKey
from oncue.accounts.signing import ALGORITHM, Key
from oncue.accounts.vault import Vault, key_id_of
from oncue.db.database import serialise
from oncue.db.sealed import place_of
from oncue.settings import Settings

DOCUMENT_PATH: Final = "/oauth/client-metadata.json"
RETURN_PATH: Final = "/oauth/callback"
CLIENT_NAME: Final = "Oncue"
LOOPBACK: Final = ("127.0.0.1", "::1")
KEY_LOCK: Final = 0x6F6E6375 + 16


def own_return(settings: Settings) -> str:
    """Where people come back to, unless their program has an address of its own."""
    return settings.address + RETURN_PATH


def client_id(settings: Settings, redirect_uri: str, scope: str) -> str | None:
    """What we are called, for people who come back to this address; None: it is not ours."""
    if is_loopback(settings.address):
        if not is_loopback(redirect_uri):
            return None
        query = {"redirect_uri": redirect_uri, "scope": scope}
        return f"http://localhost?{urlencode(query, quote_via=quote)}"
    if not settings.address.startswith("https://") or redirect_uri not in redirects(settings):
        return None
    return settings.address + DOCUMENT_PATH


def redirects(settings: Settings) -> Sequence[str]:
    """The addresses that the document says people may come back to."""
    return list(dict.fromkeys([own_return(settings), *settings.redirects]))


def document(settings: Settings, key: Key, scope: str) -> Mapping[str, Any]:
    """What there is to know about us."""
    return {
        "client_id": settings.address + DOCUMENT_PATH,
        "client_name": CLIENT_NAME,
        "client_uri": settings.address,
        "application_type": "web",
        "redirect_uris": redirects(settings),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": scope,
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": ALGORITHM,
        "jwks": {"keys": [{**key.public, "kid": key.thumbprint, "use": "sig", "alg": ALGORITHM}]},
    }


def as_address(redirect_uri: str) -> str:
    """Servers take this machine by its address only, not by the name localhost."""
    url = URL(redirect_uri)
    return str(url.with_host("127.0.0.1")) if url.host == "localhost" else redirect_uri


def is_loopback(url: str) -> bool:
    """Whether only this machine reaches it, by plain HTTP."""
    parsed = URL(url)
    return parsed.scheme == "http" and (parsed.host in LOOPBACK or parsed.host == "localhost")


def find_key(session: Session, vault: Vault) -> Key | None:
    """The installation's key; raises Tampered where it is not what was sealed."""
    sealed = session.scalar(select(ClientKey.sealed))
    return None if sealed is None else Key(vault.open(sealed, place_of(ClientKey.sealed)))


def make_key(session: Session, vault: Vault, now: datetime) -> Key:
    """The installation's key, made where there is none. Of two who do, the first one's holds."""
    serialise(session, KEY_LOCK)
    if (present := find_key(session, vault)) is not None:
        return present
    key = Key.new()
    sealed = vault.seal(key.pem, place_of(ClientKey.sealed))
    session.execute(
        insert(ClientKey).values(id=1, sealed=sealed, key_id=key_id_of(sealed), created_at=now)
    )
    return key
