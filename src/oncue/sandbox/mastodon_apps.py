"""Applications that registered themselves with the simulated Mastodon server."""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from oncue.sandbox.mastodon_intake import No
from oncue.sandbox.oauth_terms import Fields, Refused, Trouble, is_address

NOWHERE: Final = "urn:ietf:wg:oauth:2.0:oob"  # the user copies the code
FORBIDDEN: Final = ("data", "vbscript", "javascript")  # schemes of redirect_uris
READABLE: Final = (
    "accounts blocks bookmarks collections favourites filters follows lists mutes notifications"
    " search statuses"
)
WRITABLE: Final = (
    "accounts blocks bookmarks collections conversations favourites filters follows lists media"
    " mutes notifications reports statuses"
)
MANAGED: Final = (
    "accounts canonical_email_blocks domain_allows domain_blocks email_domain_blocks ip_blocks"
    " reports"
)
SCOPES: Final[Sequence[str]] = (
    *("profile", "read", "write", "push", "follow", "admin:read", "admin:write"),
    *(f"read:{what}" for what in READABLE.split()),
    *(f"write:{what}" for what in WRITABLE.split()),
    *(f"admin:read:{what}" for what in MANAGED.split()),
    *(f"admin:write:{what}" for what in MANAGED.split()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    name: str
    redirect_uris: Sequence[str]
    scopes: Sequence[str]
    number: str  # so that no two are the same


def registered(fields: Fields, redirect_uris: Sequence[str]) -> tuple[App, str]:
    """A new application and its id, which says everything about it; raises No."""
    if not (name := fields.get("client_name", "").strip()):
        raise No(422, "Validation failed: Application name can't be blank")
    if not redirect_uris:
        raise No(422, "Validation failed: Redirect URI can't be blank")
    for uri in redirect_uris:
        if uri != NOWHERE and not is_address(uri):
            raise No(422, "Validation failed: Redirect URI must be an absolute URI.")
        if urlsplit(uri).scheme in FORBIDDEN:
            raise No(422, "Validation failed: Redirect URI is forbidden by the server.")
    scopes = fields.get("scopes", "read").split()
    if not scopes or set(scopes) - set(SCOPES):
        raise No(422, "Validation failed: Scopes doesn't match configured on the server.")
    number = secrets.token_urlsafe(6)
    app = App(name=name, redirect_uris=redirect_uris, scopes=scopes, number=number)
    said = json.dumps(asdict(app)).encode()
    return app, base64.urlsafe_b64encode(said).decode().rstrip("=")


def app_of(client_id: str | None) -> App:
    """The application with this id; raises Refused where it is none of ours."""
    id_ = client_id or ""
    try:
        app = App(**json.loads(base64.urlsafe_b64decode(id_ + "=" * (-len(id_) % 4))))
    except (ValueError, TypeError, binascii.Error):
        raise Refused(Trouble.CLIENT) from None
    if not all(isinstance(each, list) for each in (app.redirect_uris, app.scopes)):
        raise Refused(Trouble.CLIENT)
    return app


def secret_of(client_id: str) -> str:
    digest = hashlib.sha256(f"secret of {client_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def redirect_uris_of(request: web.Request, fields: Fields) -> Sequence[str]:
    """A list in JSON, `redirect_uris[]` in a form, or a text with one in every line."""
    if request.content_type == "application/json":
        several = (await request.json()).get("redirect_uris")
    else:
        several = (await request.post()).getall("redirect_uris[]", [])
    if isinstance(several, list) and several:
        return [str(uri) for uri in several]
    return fields.get("redirect_uris", "").split()
