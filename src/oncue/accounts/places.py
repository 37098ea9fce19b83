"""Where a network is reached, and who named that address: which of two clients may call it."""

from dataclasses import dataclass

from yarl import URL

from oncue.connectors.spec import Spec
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient
from oncue.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A base URL without a slash at its end.

    `is_trusted`: an operator or a network's own facts name it. Anything else was named by a
    user, and so was whatever a server names in its answers.
    """

    url: str
    is_trusted: bool
    is_configured: bool = False  # by a setting, which goes before what accounts say

    def at(self, path: str) -> str:
        """A path here; an address that is given whole stays as it is."""
        return self.url + path if path.startswith("/") or not path else path


def server_named(text: str) -> str:
    """A server as it is kept: however somebody writes it, it is one and the same.

    What cannot be a server's address stays as it is, for whoever judges it.
    """
    text = text.strip().rstrip("/")
    try:
        url = URL(text)
        origin = url.origin()
    except ValueError:
        return text
    is_more = url.user or url.password or url.query_string or url.fragment
    return text if is_more else str(origin) + url.raw_path.rstrip("/")


def place_of(settings: Settings, spec: Spec, server: str) -> Place:
    """Where the accounts of a network that live on `server` (or on none) are reached."""
    own = (server or spec.base_url or spec.default_server).rstrip("/")
    url = settings.base_url(spec.platform, own).rstrip("/")
    if settings.is_configured(spec.platform):
        return Place(url=url, is_trusted=True, is_configured=True)
    known = {spec.base_url.rstrip("/"), spec.default_server.rstrip("/")}
    return Place(url=url, is_trusted=url in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The client for addresses that are trusted, and the one for all others."""

    http: HttpClient
    guarded: GuardedHttp

    def to(self, url: str, place: Place) -> HttpClient | GuardedHttp:
        """Who may call `url` on behalf of an account at `place`."""
        origin = _origin(url)
        is_there = origin is not None and origin == _origin(place.url)
        return self.http if place.is_trusted and is_there else self.guarded


def _origin(url: str) -> URL | None:
    try:
        return URL(url).origin()
    except ValueError:
        return None
