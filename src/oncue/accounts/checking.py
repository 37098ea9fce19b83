"""Asking a network about an account that is connected: whether it still is."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from oncue.accounts import oauth, standing
from oncue.accounts.clients import CLIENT_ID
from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.line import Line
from oncue.accounts.models import Account
from oncue.accounts.standing import NEEDS_CONNECTING, Standing
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Unclear
from oncue.connectors.base import Account as Speaker
from oncue.connectors.base import Connector, Identity
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.oauth import Authorises
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Unavailable
from oncue.lib import ids

FAREWELL_SECONDS: Final = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a network says of an account; without an identity `message` says why not."""

    message: str
    identity: Identity | None = None


async def examine(wire: Wire, account: Account) -> Examined:
    """Ask the network whose the account's credentials are.

    An account that has to be connected again is expired by then, and one that has not after all
    is active.
    """
    connector, line = _line(wire, account)
    name = connector.spec.name
    speaker = Speaker(native_id=account.native_id, username=account.username, server=account.server)
    try:
        identity = await drive(connector.identify(speaker), line.send, asyncio.sleep)
    except Refused as refused:
        return await _refused(wire, account, line, refused)
    except (NotSent, NoAnswer, Unclear) as trouble:
        return Examined(message=f"{name} cannot be asked now: {trouble}")
    if identity.native_id != account.native_id:
        return Examined(message=f"{name} knows the credentials as {identity.username}'s")
    if account.status in NEEDS_CONNECTING:
        generation, now = line.generation, wire.now()
        await wire.db.write(
            lambda session: standing.revive(
                session, account.workspace_id, account.id, generation, now
            )
        )
    return Examined(message=f"{name} takes the account's credentials", identity=identity)


async def refresh(wire: Wire, account: Account) -> Examined | None:
    """Renew the account's credentials; None where that went well.

    Where there is nothing to renew, the network is asked whether it takes them as they are.
    Raises Unavailable where it can be tried again.
    """
    connector, line = _line(wire, account)
    try:
        if await line.renew():
            return None
    except Refused as refused:
        if refused.is_transient:
            raise Unavailable(f"{connector.spec.name}: {refused}") from refused
        return await _refused(wire, account, line, refused)
    examined = await examine(wire, account)
    return None if examined.identity else examined


async def say_goodbye(wire: Wire, account: Account, held: Held | Nothing) -> None:
    """Tell the network that the grant we had is not needed any more, if it wants to hear.

    The account is disconnected by now, whatever comes of this. What somebody handed in by hand
    may be of use to them elsewhere.
    """
    connector = CONNECTORS[account.platform]
    if isinstance(held, Nothing) or not isinstance(connector, Authorises):
        return
    if CLIENT_ID not in held.secrets:
        return
    with suppress(Refused, NotSent, NoAnswer, Unclear, TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            await oauth.end(wire, connector, account.workspace_id, account.server, held.secrets)
            return
    log.info("access_not_ended", account=ids.to_typeid("acc", account.id))


def _line(wire: Wire, account: Account) -> tuple[Connector, Line]:
    connector = CONNECTORS[account.platform]
    return connector, Line(wire, connector, account.id, account.workspace_id, account.server)


async def _refused(wire: Wire, account: Account, line: Line, refused: Refused) -> Examined:
    if refused.is_of_credentials:
        owner, generation, now = account.workspace_id, line.generation, wire.now()
        is_now = await wire.db.write(
            lambda session: standing.expire(session, owner, account.id, generation, now)
        )
        if is_now is Standing.REPLACED:
            return await examine(wire, account)
    return Examined(message=f"{line.owner.connector.spec.name}: {refused}")
