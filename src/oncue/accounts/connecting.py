"""Connecting an account with credentials: ask the network whose they are, then keep them."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.wire import Wire
from oncue.connectors.base import Refused, Unclear
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Invalid, Issue, Unavailable


async def connect_account(wire: Wire, workspace_id: UUID, new: NewAccount) -> Account:
    """Keep an account the network vouches for.

    Raises Invalid with the network's words where it does not, Unavailable where it cannot
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
    complete = replace(new, credentials=secrets, server=server)

    def work(session: Session) -> Account:
        return accounts.connect(session, wire.vault, workspace_id, complete, identity, wire.now())

    return await wire.db.write(work)
