"""Connecting an account with credentials: ask the network whose they are, then keep them."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.wire import Wire
from oncue.connectors.base import Identity, Refused, Unclear
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Invalid, Issue, Unavailable


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
    try:
        identity, secrets = await wire.identify(connector, new.credentials, server)
    except Refused as refused:
        if refused.is_transient:
            raise Unavailable(f"{connector.spec.name}: {refused}") from refused
        raise Invalid([Issue(field="credentials", message=str(refused))]) from refused
    except (NotSent, NoAnswer, Unclear) as trouble:
        raise Unavailable(f"{connector.spec.name} cannot be asked now: {trouble}") from trouble
    return Vouched(new=replace(new, credentials=secrets, server=server), identity=identity)


def keep(session: Session, wire: Wire, workspace_id: UUID, vouched: Vouched) -> Account:
    """Keep an account the network has vouched for."""
    return accounts.connect(
        session, wire.vault, workspace_id, vouched.new, vouched.identity, wire.now()
    )


async def connect_account(wire: Wire, workspace_id: UUID, new: NewAccount) -> Account:
    """Both: ask the network, and keep the account. Raises what `vouch` raises."""
    vouched = await vouch(wire, new)
    return await wire.db.write(lambda session: keep(session, wire, workspace_id, vouched))
