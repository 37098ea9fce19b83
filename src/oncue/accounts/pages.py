"""Networks where whoever is connected chooses what they speak for: a page, a board, a location."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.accounts import leases, queries, service
from oncue.accounts.leases import Taken
from oncue.accounts.line import Line
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.tokens import turn
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refused, Unclear
from oncue.connectors.base import Account as Speaker
from oncue.connectors.base import Identity
from oncue.connectors.conversation import drive
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.oauth import HasPages, Page
from oncue.connectors.registry import CONNECTORS
from oncue.db.base import later
from oncue.db.database import serialise
from oncue.errors import AppError, Conflict, Unavailable
from oncue.lib import ids


@dataclass(eq=False)
class NotSupported(AppError):
    """The network has no pages."""

    reason: str
    code = "PAGE_SELECTION_NOT_SUPPORTED"
    status = 400

    def __str__(self) -> str:
        return self.reason


class Mismatch(NotSupported):
    """The account cannot speak for the page."""

    code = "ACCOUNT_PAGE_MISMATCH"


class NotLoaded(NotSupported):
    """The network does not say what there is."""

    code = "DESTINATIONS_NOT_LOADED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A page to keep, and the right to change the account's credentials."""

    turn: Taken
    page: Page


async def pages(wire: Wire, account: Account) -> Sequence[Page]:
    """What the account can speak for; nothing where its network has no such thing.

    Raises NotLoaded where the network does not say, Unavailable where it does not now.
    """
    connector = CONNECTORS[account.platform]
    if not isinstance(connector, HasPages):
        return []
    name = connector.spec.name
    line = Line(wire, connector, account.id, account.workspace_id, account.server)
    speaker = Speaker(native_id=account.native_id, username=account.username, server=account.server)
    try:
        return await drive(connector.pages(speaker), line.send, asyncio.sleep)
    except (NotSent, NoAnswer, Unclear) as trouble:
        raise Unavailable(f"{name} cannot be asked now: {trouble}") from trouble
    except Refused as refused:
        if refused.is_transient:
            raise Unavailable(f"{name}: {refused}") from refused
        raise NotLoaded(f"{name}: {refused}") from refused


async def choose(wire: Wire, account: Account, page_id: str) -> Choice:
    """The page of this id, as the network shows it now. It is to be kept with `keep`.

    Raises what `pages` raises, NotSupported, Mismatch, and Conflict where another account of the
    workspace speaks for it.
    """
    connector = CONNECTORS[account.platform]
    if not isinstance(connector, HasPages):
        raise NotSupported(f"{connector.spec.name} has no pages to choose from")
    found = await pages(wire, account)
    page = next((each for each in found if each.id == page_id), None)
    if page is None:
        raise Mismatch("The account cannot speak for a page with this id")
    await wire.db.read(lambda session: _other(session, account, page))
    line = Line(wire, connector, account.id, account.workspace_id, account.server)
    try:
        return Choice(turn=await turn(wire, line.owner), page=page)
    except Refused as refused:
        raise Unavailable(f"{connector.spec.name}: {refused}") from refused


def keep(session: Session, wire: Wire, account: Account, choice: Choice) -> Account:
    """From now on the account speaks for the page. Raises Conflict.

    Where an account that has to be connected again spoke for it, that one does so again, with
    its posts and its id, and this one has done its work.
    """
    page, held, now = choice.page, choice.turn.held, wire.now()
    serialise(session, service.NUMBER_LOCK)  # of two who choose it, the second finds it taken
    former = _other(session, account, page)
    if not leases.keep(
        session,
        wire.vault,
        choice.turn,
        {**held.secrets, **page.secrets},
        expires_at=held.expires_at,
        renew_at=None if held.expires_at is None else now,
        now=now,
    ):
        raise Conflict("The account was connected again meanwhile")
    if former is not None:
        return _hand_over(session, wire, account, former, choice, now)
    session.execute(
        update(Account)
        .where(Account.workspace_id == account.workspace_id, Account.id == account.id)
        .values(
            native_id=page.id,
            username=page.username or page.name,
            display_name=page.name,
            updated_at=later(Account.updated_at, now),
        )
        .execution_options(synchronize_session=False)
    )
    return queries.get(session, account.workspace_id, account.id)


def _hand_over(
    session: Session, wire: Wire, account: Account, former: Account, choice: Choice, now: datetime
) -> Account:
    page, held = choice.page, choice.turn.held
    identity = Identity(
        native_id=page.id, username=page.username or page.name, display_name=page.name
    )
    new = NewAccount(
        platform=account.platform,
        credentials={**held.secrets, **page.secrets},
        server=account.server,
        expires_at=held.expires_at,
        renew_at=None if held.expires_at is None else now,
        reconnect_by=account.reconnect_by,
    )
    again = service.connect(session, wire.vault, account.workspace_id, new, identity, now)
    assert again.id == former.id, "it is found by the page's id"
    service.disconnect(session, account.workspace_id, account.id, now)
    return again


def _other(session: Session, account: Account, page: Page) -> Account | None:
    """The account that spoke for the page; raises Conflict where it still does."""
    other = session.scalar(
        select(Account)
        .where(
            Account.workspace_id == account.workspace_id,
            Account.platform == account.platform,
            Account.server == account.server,
            Account.native_id == page.id,
            Account.id != account.id,
        )
        .limit(1)
    )
    if other is not None and other.status == "active":
        name = ids.to_typeid("acc", other.id)
        raise Conflict(f"{name} speaks for this page already", {"accountId": name})
    return other
