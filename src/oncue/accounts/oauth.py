"""Connecting an account by asking its owner: to the network's page, and back with a code."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from yarl import URL

from oncue.accounts import apps
from oncue.accounts.clients import CLIENT_ID, app_for, desk_of, facts_of, forget, page_of
from oncue.accounts.connecting import Vouched, check_server, identify, worded
from oncue.accounts.document import as_address, is_loopback, own_return
from oncue.accounts.flows import Flow
from oncue.accounts.places import Place, server_named
from oncue.accounts.service import NewAccount
from oncue.accounts.signing import Key
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Reply
from oncue.connectors.base import BINDING_KEY, Exchange, Secrets
from oncue.connectors.base import Session as Earned
from oncue.connectors.conversation import earn
from oncue.connectors.grants import (
    UNKNOWN_CLIENT,
    Desk,
    judge,
    page_query,
    page_url,
    read_grant,
)
from oncue.connectors.oauth import Authorises, Exchanges, Grant, HasPages, KnownBy, OAuth
from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.errors import Invalid, Issue

T = TypeVar("T")

VERIFIER_BYTES: Final = 48  # RFC 7636, 4.1: 43 to 128 characters
STATE_BYTES: Final = 32
TOLD: Final = 300  # characters of a network's explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which account somebody wants to connect, and where they are to come back to.

    Without `redirect_uri` they come back to us. `server` or `handle` say where the account
    lives, where the network has many servers.
    """

    platform: str
    redirect_uri: str = ""
    server: str = ""
    handle: str = ""
    wants_page: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where to send somebody. The flow is to be kept before they go."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    flow: Flow


async def begin(wire: Wire, workspace_id: UUID, wanted: Wanted) -> Begun:
    """Prepare to send somebody to the network's page; nothing is kept yet.

    Raises Invalid where it is not to be, Unavailable where the network cannot be asked now.
    """
    connector = _authorising(wanted)
    redirect_uri = _redirect(wire, connector, wanted.redirect_uri)
    with worded(connector, "handle"):
        server = await _server(wire, connector, wanted)
    place = wire.place(connector, server)
    await check_server(wire, place)
    with worded(connector, _subject(connector, wanted)):
        return await _begin(wire, connector, workspace_id, server, redirect_uri, wanted.handle)


def _subject(connector: Authorises, wanted: Wanted) -> str:
    """The field that led to whoever may refuse to begin."""
    if not connector.spec.own_server:
        return "platform"
    return "handle" if wanted.handle and not wanted.server else "serverUrl"


async def _begin(
    wire: Wire,
    connector: Authorises,
    workspace_id: UUID,
    server: str,
    redirect_uri: str,
    handle: str,
) -> Begun:
    oauth, place = connector.oauth, wire.place(connector, server)
    endpoints = await _earn(wire, connector, connector.endpoints(place.url), place)
    app = await app_for(wire, connector, workspace_id, server, endpoints, redirect_uri)
    state = secrets.token_urlsafe(STATE_BYTES)
    verifier = secrets.token_urlsafe(VERIFIER_BYTES)
    kept = dict(facts_of(app, endpoints))
    if oauth.binds:
        kept[BINDING_KEY] = Key.new().pem
    query = page_query(
        oauth,
        app.client_id,
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
        handle=handle,
    )
    if oauth.pushes:
        desk = Desk(oauth=oauth, endpoints=endpoints, app=app)
        reply = await wire.exchange(desk.push(query), place, kept.get(BINDING_KEY, ""))
        judge(connector, oauth, reply)
        query = {"client_id": app.client_id, "request_uri": reply.text("request_uri")}
    return Begun(
        url=page_url(page_of(place, connector, endpoints), query),
        state=state,
        flow=Flow(
            workspace_id=workspace_id,
            platform=connector.spec.platform,
            server=server,
            redirect_uri=redirect_uri,
            verifier=verifier,
            kept=kept,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What somebody brings back from the network's page: a code, or an error and its words."""

    code: str = field(default="", repr=False)
    issuer: str = ""
    error: str = ""
    description: str = ""
    redirect_uri: str = ""


async def finish(wire: Wire, flow: Flow, returned: Returned) -> Vouched:
    """Turn what somebody brings back into an account to keep. The flow is used up by now.

    Raises Invalid, and Unavailable where the network cannot be asked now.
    """
    connector = CONNECTORS[flow.platform]
    assert isinstance(connector, Authorises), "only such have flows"
    _check_return(connector, flow, returned)
    with worded(connector, "code"):
        grant = await _redeem(wire, connector, flow, returned.code)
        server = await _home(wire, connector, flow, grant)
        new = NewAccount(
            platform=flow.platform,
            credentials={**flow.kept, **grant.secrets},
            server=server,
            reconnect_by=_reconnect_by(connector.oauth, flow, grant, wire.now()),
        )
        earned = Earned(secrets={}, expires_in=grant.expires_in)
        vouched = await identify(wire, connector, new, earned)
        if grant.subject not in (None, vouched.identity.native_id):
            raise Refused("it gave access to one account and shows another")
        return vouched


def _reconnect_by(oauth: OAuth, flow: Flow, grant: Grant, now: datetime) -> datetime | None:
    """When somebody has to say yes again, where that is known."""
    if "refreshToken" not in grant.secrets:
        lasts = grant.expires_in
    elif is_loopback(flow.kept.get(CLIENT_ID, "")):
        lasts = oauth.lasts_unproven
    else:
        lasts = oauth.lasts
    return None if lasts is None else now + lasts


async def end(wire: Wire, connector: Authorises, owner: UUID, server: str, held: Secrets) -> None:
    """Tell the network that a grant is not needed any more. Raises what asking it raises."""
    desk = await desk_of(wire, connector, owner, server, held)
    if not desk.endpoints.revoke:
        return
    place, key = wire.place(connector, server), held.get(BINDING_KEY, "")
    for name, hint in (("refreshToken", "refresh_token"), ("accessToken", "access_token")):
        if token := held.get(name):
            await wire.exchange(desk.revoke(token, hint), place, key)


def _authorising(wanted: Wanted) -> Authorises:
    """The connector; raises Invalid where its network connects accounts in another way."""
    connector, spec = CONNECTORS.get(wanted.platform), spec_of(wanted.platform)
    if not isinstance(connector, Authorises):
        words = f"{spec.name} cannot be connected yet"
        if connector is not None:
            words = (
                f"{spec.name} is connected with credentials: POST /v1/accounts or "
                "`oncue accounts add`"
            )
        raise Invalid([Issue(field="platform", message=words)])
    if wanted.wants_page and not isinstance(connector, HasPages):
        words = f"{spec.name} has no pages to choose from"
        raise Invalid([Issue(field="pageMode", code="PAGE_SELECTION_NOT_SUPPORTED", message=words)])
    return connector


def _redirect(wire: Wire, connector: Authorises, wanted: str) -> str:
    """Where somebody comes back to; raises Invalid where a code must not be sent."""
    redirect_uri = wanted or own_return(wire.settings)
    try:
        parsed = URL(redirect_uri)
        is_https = parsed.scheme == "https" and bool(parsed.host)
        is_more = parsed.user or parsed.fragment or any(map(str.isspace, redirect_uri))
        is_good = (is_https or is_loopback(redirect_uri)) and not is_more
    except ValueError:
        is_good = False
    if not is_good and wanted:
        words = "begins with https://, or with http:// on this machine, and has no # or space in it"
        raise Invalid([Issue(field="redirectUri", message=words)])
    return (
        as_address(redirect_uri) if connector.oauth.known_by is KnownBy.DOCUMENT else redirect_uri
    )


async def _server(wire: Wire, connector: Authorises, wanted: Wanted) -> str:
    """The server the account lives on: what was named, or what its handle says."""
    spec, named = connector.spec, server_named(wanted.server)
    if not spec.own_server and named:
        words = f"{spec.name} has no servers to choose"
        raise Invalid([Issue(field="serverUrl", message=words)])
    if not spec.own_server:
        return ""
    place = wire.place(connector, spec.default_server)
    if not named and wanted.handle and not place.is_configured:
        named = await _earn(wire, connector, connector.server_of(wanted.handle), place)
    named = named or spec.default_server or (place.url if place.is_configured else "")
    if not named:
        words = f"{spec.name} needs a server, or a handle that names one"
        raise Invalid([Issue(field="serverUrl", message=words)])
    return named


async def _earn(wire: Wire, connector: Authorises, steps: Exchanges[T], place: Place) -> T:
    """Questions that anybody may ask a network."""

    async def ask(exchange: Exchange) -> Reply:
        reply = await wire.exchange(exchange, place)
        connector.judge(reply)
        return reply

    return await earn(steps, ask)


def _check_return(connector: Authorises, flow: Flow, returned: Returned) -> None:
    """Raise Invalid where no code came back, or not the way that was agreed on."""
    name = connector.spec.name
    came_to = returned.redirect_uri or flow.redirect_uri
    if flow.redirect_uri not in (came_to, as_address(came_to)):
        words = "is not the one that the connection was begun with"
        raise Invalid([Issue(field="redirectUri", message=words)])
    issuer = flow.kept.get("issuer")
    if issuer and returned.issuer != issuer:
        words = f"the answer comes from {returned.issuer[:TOLD] or 'nobody'} and not from {issuer}"
        raise Invalid([Issue(field="iss", message=words)])
    if returned.error == "access_denied":
        raise Invalid([Issue(field="error", message=f"access was denied on {name}'s page")])
    if returned.error:
        told = (returned.description or returned.error)[:TOLD]
        raise Invalid([Issue(field="error", message=f"{name} says: {told}")])
    if not returned.code:
        raise Invalid([Issue(field="code", message="is required")])


async def _redeem(wire: Wire, connector: Authorises, flow: Flow, code: str) -> Grant:
    """Turn the code into a grant."""
    desk = await desk_of(wire, connector, flow.workspace_id, flow.server, flow.kept)
    place = wire.place(connector, flow.server)
    asked = desk.redeem(code, flow.redirect_uri, flow.verifier)
    reply = await wire.exchange(asked, place, flow.kept.get(BINDING_KEY, ""))
    try:
        judge(connector, connector.oauth, reply)
    except Refused as refused:
        if refused.code in UNKNOWN_CLIENT:
            client_id = desk.app.client_id
            await forget(wire, connector, flow.workspace_id, flow.server, client_id)
            if connector.oauth.known_by is KnownBy.GIVEN:
                raise apps.refused(flow.platform, str(refused)) from refused
        raise
    return read_grant(connector.oauth, reply)


async def _home(wire: Wire, connector: Authorises, flow: Flow, grant: Grant) -> str:
    """The server the account lives on, which need not be the one that was asked first."""
    place = wire.place(connector, flow.server)
    if grant.subject is None or place.is_configured:
        return flow.server
    steps = connector.home_of(grant.subject, flow.kept.get("issuer", ""))
    home = await _earn(wire, connector, steps, place)
    await check_server(wire, wire.place(connector, home))
    return home or flow.server
