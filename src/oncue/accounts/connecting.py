"""Connecting an account: ask the network whose the credentials are, then keep them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.accounts.places import Place
from oncue.accounts.service import NewAccount
from oncue.accounts.tokens import end_of, renewal_of, sign_in
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Unclear, Unreadable
from oncue.connectors.base import Connector, Identity, SignsIn
from oncue.connectors.base import Session as Earned
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Invalid, Issue, Unavailable
from oncue.lib.addresses import NotAllowed

URL_NOT_ALLOWED: Final = "URL_NOT_ALLOWED"
NOTHING: Final = Earned(secrets={}, expires_in=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """An account to keep: its network said whose the credentials are."""

    new: NewAccount
    identity: Identity


async def vouch(wire: Wire, new: NewAccount) -> Vouched:
    """Ask the network whose the credentials are; nothing is kept yet.

    Raises Invalid with the network's words where it does not say, Unavailable where it cannot
    be asked just now.
    """
    accounts.check(new)
    connector = CONNECTORS[new.platform]
    server = new.server or connector.spec.default_server
    await check_server(wire, wire.place(connector, server))
    with worded(connector, "credentials"):
        earned = NOTHING
        if isinstance(connector, SignsIn):
            earned = await sign_in(wire, connector, new.credentials, server)
        return await identify(wire, connector, replace(new, server=server), earned)


async def identify(wire: Wire, connector: Connector, new: NewAccount, earned: Earned) -> Vouched:
    """Whose these credentials are, with what is short-lived among them.

    Raises what asking a network raises.
    """
    held = {**new.credentials, **earned.secrets}
    place = wire.place(connector, new.server)
    identity = await wire.identify(connector, held, new.server, place)
    now = wire.now()
    kept = replace(
        new,
        credentials=held,
        expires_at=end_of(earned, now),
        renew_at=renewal_of(earned, now, wire.chance()),
    )
    return Vouched(new=kept, identity=identity)


async def check_server(wire: Wire, place: Place) -> None:
    """Raise Invalid where a server that a user names is none that may be called.

    It is judged again with every call: a name may come to mean another address.
    """
    if place.is_trusted:
        return
    try:
        await wire.guarded.check(place.url)
    except NotAllowed as refused:
        words = f"cannot be called: {refused}"
        raise Invalid([Issue(field="serverUrl", code=URL_NOT_ALLOWED, message=words)]) from None


@contextmanager
def worded(connector: Connector, field: str) -> Iterator[None]:
    """Turn what asking a network raises into what a caller is told of `field`."""
    name = connector.spec.name
    try:
        yield
    except Refused as refused:
        if refused.is_transient:
            raise Unavailable(f"{name}: {refused}") from refused
        raise Invalid([Issue(field=field, message=str(refused))]) from refused
    except (NotSent, NoAnswer, Unclear, Unreadable) as trouble:
        raise Unavailable(f"{name} cannot be asked now: {trouble}") from trouble


def keep(session: Session, wire: Wire, workspace_id: UUID, vouched: Vouched) -> Account:
    """Keep an account the network has vouched for."""
    return accounts.connect(
        session, wire.vault, workspace_id, vouched.new, vouched.identity, wire.now()
    )


async def connect_account(wire: Wire, workspace_id: UUID, new: NewAccount) -> Account:
    """Both: ask the network, and keep the account. Raises what `vouch` raises."""
    vouched = await vouch(wire, new)
    return await wire.db.write(lambda session: keep(session, wire, workspace_id, vouched))
