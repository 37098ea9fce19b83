"""Credentials that end are renewed: ahead of time or when it is needed, by one at a time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.orm import Session as DbSession

from oncue.accounts import credentials, leases
from oncue.accounts.clients import desk_of
from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.leases import Taken
from oncue.accounts.vault import Tampered
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import BINDING_KEY, Connector, Exchange, Secrets, Session, SignsIn
from oncue.connectors.conversation import earn
from oncue.connectors.grants import judge, read_grant
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.oauth import Authorises, is_grant
from oncue.lib import ids
from oncue.lib.crashpoints import RENEWAL_ANSWERED, RENEWAL_BEGUN, RENEWAL_KEPT, reach

MARGIN: Final = timedelta(minutes=2)  # what ends sooner than this is not begun with
AHEAD: Final = 6  # a token is renewed when a sixth of its life is left,
SPREAD: Final = 12  # or up to a twelfth sooner, so that many do not come at once
SHORTEST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
PATIENCE: Final = (0.05, 0.1, 0.2, *([0.4] * 24))  # seconds between looks at another's renewal

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose credentials: an account, its network and its server."""

    connector: Connector
    workspace_id: UUID
    account_id: UUID
    server: str


def can_renew(connector: Connector, secrets: Secrets) -> bool:
    """Whether there is a way to newer credentials without asking anybody."""
    if is_grant(secrets):
        return isinstance(connector, Authorises) and "refreshToken" in secrets
    return isinstance(connector, SignsIn)


def is_stale(connector: Connector, held: Held, now: datetime) -> bool:
    """Whether they have to be renewed before they are used."""
    if not can_renew(connector, held.secrets):
        return False
    if held.expires_at is None:
        return not is_grant(held.secrets)  # nobody has signed in yet
    return held.expires_at - MARGIN <= now


def end_of(session: Session, now: datetime) -> datetime | None:
    return None if session.expires_in is None else now + session.expires_in


def renewal_of(session: Session, now: datetime, chance: float) -> datetime | None:
    """When to renew what was earned now. `chance` is from 0 to 1."""
    if session.expires_in is None:
        return None
    ahead = session.expires_in / AHEAD + session.expires_in / SPREAD * chance
    return now + session.expires_in - ahead


async def renew(wire: Wire, owner: Owner, generation: int) -> Held:
    """What comes after this generation, kept before it is used.

    Where somebody else renews it at the same time, theirs is waited for. Raises Refused:
    RECONNECT where the network no longer takes the credentials, and the account is expired by
    then; a transient meaning where it can be tried again.
    """
    mine = await _turn(wire, owner, generation)
    if isinstance(mine, Held):
        return mine
    # What the network answers must not get lost, whoever loses interest in it meanwhile.
    renewing = asyncio.create_task(_renew(wire, owner, mine))
    try:
        return await asyncio.shield(renewing)
    except asyncio.CancelledError:
        await asyncio.gather(renewing, return_exceptions=True)
        raise


async def turn(wire: Wire, owner: Owner) -> Taken:
    """The right to change the account's credentials, whatever they are by then; raises Refused."""
    while True:
        held = await load(wire, owner.workspace_id, owner.account_id)
        if isinstance(held, Nothing):
            raise Refused("The account has to be connected again", Refusal.RECONNECT)
        mine = await _turn(wire, owner, held.generation)
        if isinstance(mine, Taken):
            return mine


async def _turn(wire: Wire, owner: Owner, generation: int) -> Taken | Held:
    """The right to renew; or what somebody else has renewed."""

    def take(session: DbSession) -> Taken | Held | None:
        return leases.take(
            session,
            wire.vault,
            owner.workspace_id,
            owner.account_id,
            generation,
            wire.now(),
            wire.settings.heartbeat,
        )

    for pause in PATIENCE:
        try:
            found = await wire.db.write(take)
        except Tampered:
            raise Refused("The account has to be connected again", Refusal.RECONNECT) from None
        if found is not None:
            return found
        await asyncio.sleep(pause)
    raise Refused("Its access is being renewed elsewhere", Refusal.TRY_LATER)


async def _renew(wire: Wire, owner: Owner, taken: Taken) -> Held:
    reach(RENEWAL_BEGUN)
    try:
        async with asyncio.timeout(wire.settings.heartbeat.total_seconds() / 2):
            earned = await _ask(wire, owner, taken.held.secrets)
    except Refused as refused:
        await _let_go(wire, owner, taken, refused)
        raise
    except (NotSent, NoAnswer, Unclear, TimeoutError) as trouble:
        later = Refused(str(trouble) or "it did not answer in time", Refusal.TRY_LATER)
        await _let_go(wire, owner, taken, later)
        raise later from trouble
    reach(RENEWAL_ANSWERED)
    held = await _keep(wire, taken, earned)
    reach(RENEWAL_KEPT)
    return held


async def _ask(wire: Wire, owner: Owner, secrets: Secrets) -> Session:
    """Have the network give us newer ones."""
    connector, place = owner.connector, wire.place(owner.connector, owner.server)
    if not is_grant(secrets):
        assert isinstance(connector, SignsIn), "only what can be renewed is"
        return await sign_in(wire, connector, secrets, owner.server)
    assert isinstance(connector, Authorises), "likewise"
    desk = await desk_of(wire, connector, owner.workspace_id, owner.server, secrets)
    asked = desk.renew(secrets["refreshToken"])
    reply = await wire.exchange(asked, place, secrets.get(BINDING_KEY, ""))
    judge(connector, connector.oauth, reply)
    try:
        grant = read_grant(connector.oauth, reply, asked=False)
    except Unreadable as garbled:
        raise Refused(str(garbled), Refusal.TRY_LATER) from garbled
    return Session(secrets=grant.secrets, expires_in=grant.expires_in)


async def sign_in(wire: Wire, connector: Connector, secrets: Secrets, server: str) -> Session:
    """Earn a session with lasting credentials, or by way of the session among them."""
    assert isinstance(connector, SignsIn), "only a network with sessions is signed in to"
    place = wire.place(connector, server)

    async def ask(exchange: Exchange) -> Reply:
        reply = await wire.exchange(exchange, place)
        connector.judge(reply)
        return reply

    return await earn(connector.sign_in(secrets), ask)


async def _keep(wire: Wire, taken: Taken, earned: Session) -> Held:
    secrets, now = {**taken.held.secrets, **earned.secrets}, wire.now()
    expires_at, renew_at = end_of(earned, now), renewal_of(earned, now, wire.chance())
    kept = await wire.db.write(
        lambda session: leases.keep(
            session,
            wire.vault,
            taken,
            secrets,
            expires_at=expires_at,
            renew_at=renew_at,
            now=now,
        )
    )
    if kept:
        return Held(secrets=secrets, expires_at=expires_at, generation=taken.held.generation + 1)
    newer = await load(wire, taken.workspace_id, taken.account_id)
    if isinstance(newer, Nothing):
        raise Refused("The account has to be connected again", Refusal.RECONNECT)
    return newer


async def _let_go(wire: Wire, owner: Owner, taken: Taken, refused: Refused) -> None:
    """It was not to be had: never again, or not now."""
    now = wire.now()
    name, account = owner.connector.spec.name, ids.to_typeid("acc", owner.account_id)
    if refused.meaning is Refusal.RECONNECT:
        log.warning("access_ended", network=name, account=account)
        await wire.db.write(lambda session: leases.give_up(session, taken, now))
        return
    until = now + _pause(taken.tries, refused, wire.chance())
    log.info(
        "access_not_renewed",
        network=name,
        account=account,
        why=str(refused),
    )
    await wire.db.write(lambda session: leases.put_off(session, taken, until))


def _pause(tries: int, refused: Refused, chance: float) -> timedelta:
    """Twice as long each time, and no sooner than the network asks for."""
    pause = min(SHORTEST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)
    return max(pause, refused.retry_after or pause) * (1 + chance / 4)


async def load(wire: Wire, workspace_id: UUID, account_id: UUID) -> Held | Nothing:
    """An account's credentials, if there are any to be had."""
    return await wire.db.read(
        lambda session: credentials.load(session, wire.vault, workspace_id, account_id)
    )
