"""Who we are to a network, in each of the ways it may come to know us."""

from typing import Final
from uuid import UUID, uuid4

from oncue.accounts import apps, document, registrations
from oncue.accounts.places import Place
from oncue.accounts.registrations import Where
from oncue.accounts.signing import assertion
from oncue.accounts.vault import Tampered
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused
from oncue.connectors.base import Secrets
from oncue.connectors.grants import (
    UNKNOWN_CLIENT,
    App,
    Desk,
    error_of,
    judge,
    read_registration,
    registration,
)
from oncue.connectors.oauth import Authorises, Endpoints, KnownBy
from oncue.errors import Invalid, Issue

CLIENT_ID: Final = "clientId"  # the names of what is kept beside a grant's tokens
TOKEN_URL: Final = "tokenUrl"  # noqa: S105  (a name)
REVOKE_URL: Final = "revokeUrl"
ISSUER: Final = "issuer"


async def app_for(
    wire: Wire,
    connector: Authorises,
    workspace_id: UUID,
    server: str,
    endpoints: Endpoints,
    redirect_uri: str,
) -> App:
    """Who we are, to begin with: people will come back to `redirect_uri`.

    Raises Invalid where somebody has to set something, and what asking a server raises.
    """
    match connector.oauth.known_by:
        case KnownBy.GIVEN:
            return (await _given(wire, connector, workspace_id))[0]
        case KnownBy.REGISTERED:
            where = _where(connector, workspace_id, server)
            return await _registered(wire, connector, where, endpoints, redirect_uri)
        case KnownBy.DOCUMENT:
            return await _documented(wire, connector, endpoints, redirect_uri)


async def desk_of(
    wire: Wire, connector: Authorises, workspace_id: UUID, server: str, kept: Secrets
) -> Desk:
    """A server's OAuth and who we are there, for the grant that `kept` came of.

    Raises Refused where nobody knows that any more.
    """
    oauth = connector.oauth
    endpoints = Endpoints(
        authorize="",
        token=kept.get(TOKEN_URL, oauth.token),
        revoke=kept.get(REVOKE_URL, oauth.revoke),
        issuer=kept.get(ISSUER, ""),
    )
    app = await _app_named(wire, connector, workspace_id, server, kept.get(CLIENT_ID), endpoints)
    return Desk(oauth=oauth, endpoints=endpoints, app=app)


async def forget(
    wire: Wire, connector: Authorises, workspace_id: UUID, server: str, client_id: str
) -> None:
    """A server does not know us any more: the next one to connect has us registered anew."""
    if connector.oauth.known_by is KnownBy.REGISTERED:
        where = _where(connector, workspace_id, server)
        await wire.db.write(lambda session: registrations.forget(session, where, client_id))


async def _app_named(
    wire: Wire,
    connector: Authorises,
    workspace_id: UUID,
    server: str,
    client_id: str | None,
    endpoints: Endpoints,
) -> App:
    """Who we were when the grant was made, as far as that can be told."""
    match connector.oauth.known_by:
        case KnownBy.GIVEN:
            try:
                known = await _given(wire, connector, workspace_id)
            except Invalid as nothing:
                raise Refused(str(nothing)) from nothing
            return next((app for app in known if app.client_id == client_id), known[0])
        case KnownBy.REGISTERED:
            where = _where(connector, workspace_id, server)
            app = await wire.db.read(
                lambda session: registrations.named(session, wire.vault, where, client_id or "")
            )
            if app is None:
                raise Refused(f"{server} is not known to us any more")
            return app
        case KnownBy.DOCUMENT:
            return await _proven(wire, App(client_id=client_id or ""), endpoints)


async def _given(wire: Wire, connector: Authorises, workspace_id: UUID) -> list[App]:
    platform = connector.spec.platform
    known = await wire.db.read(
        lambda session: apps.given(session, wire.vault, wire.settings, workspace_id, platform)
    )
    if not known:
        raise Invalid([Issue(field="platform", code="APP_MISSING", message=apps.missing(platform))])
    return list(known)


def _where(connector: Authorises, workspace_id: UUID, server: str) -> Where:
    return Where(workspace_id=workspace_id, platform=connector.spec.platform, server=server)


async def _registered(
    wire: Wire, connector: Authorises, where: Where, endpoints: Endpoints, redirect_uri: str
) -> App:
    """Who we are to this server, if it still knows us; else we register."""
    place = wire.place(connector, where.server)
    app = await wire.db.read(
        lambda session: registrations.newest(session, wire.vault, where, redirect_uri)
    )
    if app is not None:
        desk = Desk(oauth=connector.oauth, endpoints=endpoints, app=app)
        if error_of(await wire.exchange(desk.present(), place)) not in UNKNOWN_CLIENT:
            return app
        await forget(wire, connector, where.workspace_id, where.server, app.client_id)
    website = wire.settings.public_url
    asked = registration(
        connector.oauth,
        name=document.CLIENT_NAME,
        redirect_uri=redirect_uri,
        website=website if website.startswith("https://") else "",
    )
    reply = await wire.exchange(asked, place)
    judge(connector, connector.oauth, reply)
    made, now = read_registration(reply), wire.now()
    await wire.db.write(
        lambda session: registrations.keep(session, wire.vault, where, redirect_uri, made, now)
    )
    return made


async def _documented(
    wire: Wire, connector: Authorises, endpoints: Endpoints, redirect_uri: str
) -> App:
    name = document.client_id(wire.settings, redirect_uri, connector.oauth.scope)
    if name is None:
        raise Invalid([Issue(field="redirectUri", message=_no_document(wire, connector))])
    return await _proven(wire, App(client_id=name), endpoints)


def _no_document(wire: Wire, connector: Authorises) -> str:
    """Why people cannot come back there, and what to do about it."""
    name, address = connector.spec.name, wire.settings.address
    if not address.startswith("https://") and not document.is_loopback(address):
        return f"{name} needs ONCUE_PUBLIC_URL to begin with https:// (it is {address})"
    return (
        f"{name} lets people come back only to {document.own_return(wire.settings)} and to what "
        "ONCUE_OAUTH_REDIRECTS lists"
    )


async def _proven(wire: Wire, app: App, endpoints: Endpoints) -> App:
    """The same, with a proof for this issuer that it is us. One on this machine has no proof."""
    if not app.client_id.startswith("https://"):
        return app
    now = wire.now()
    try:
        key = await wire.db.read(lambda session: document.find_key(session, wire.vault))
    except Tampered:
        raise Refused("Our own key at the network was tampered with") from None
    if key is None:
        key = await wire.db.write(lambda session: document.make_key(session, wire.vault, now))
    proof = assertion(key, app.client_id, endpoints.issuer, now=now, serial=uuid4().hex)
    return App(client_id=app.client_id, assertion=proof)


def facts_of(app: App, endpoints: Endpoints) -> Secrets:
    """What is kept beside a grant's tokens, to renew and end it later."""
    found = {CLIENT_ID: app.client_id}
    if endpoints.issuer:
        found |= {ISSUER: endpoints.issuer, TOKEN_URL: endpoints.token}
    if endpoints.issuer and endpoints.revoke:
        found[REVOKE_URL] = endpoints.revoke
    return found


def page_of(place: Place, connector: Authorises, endpoints: Endpoints) -> str:
    """The page where people are asked; raises Refused where it is none to be sent to."""
    if endpoints.authorize.startswith("/"):
        host = "" if place.is_configured else connector.oauth.page_origin
        return (host or place.url) + endpoints.authorize
    if endpoints.authorize.startswith("https://"):
        return endpoints.authorize
    if place.is_trusted and endpoints.authorize.startswith(f"{place.url}/"):
        return endpoints.authorize
    raise Refused(f"{connector.spec.name} names a page that is not on https")
