"""Connecting an account and disconnecting it: what is kept of it, and what is forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts import credentials, queries
from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.models import Account
from oncue.accounts.standing import tell
from oncue.accounts.vault import Vault
from oncue.connectors.base import Identity
from oncue.connectors.registry import CONNECTORS
from oncue.db.base import later
from oncue.db.database import Topic, announce, serialise
from oncue.errors import Invalid, Issue
from oncue.lib import ids

NUMBER_LOCK: Final = 0x6F6E6375 + 2
FIRST_NUMBER: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What it takes to connect an account. What is short-lived among its credentials ends at
    `expires_at` and is renewed at `renew_at`, if at all.
    """  # noqa: D205

    platform: str
    credentials: Mapping[str, str] = field(repr=False)
    server: str = ""
    display_name: str = ""
    expires_at: datetime | None = None
    renew_at: datetime | None = None
    reconnect_by: datetime | None = None  # when the credentials end for good, where that is known


def check(new: NewAccount) -> None:
    """Raise Invalid unless the network is known and has what it cannot do without."""
    connector = CONNECTORS.get(new.platform)
    if connector is None:
        known = ", ".join(sorted(CONNECTORS))
        raise Invalid([Issue(field="platform", message=f"{new.platform} is not one of {known}")])
    issues = [
        Issue(field=f"credentials.{name}", message=f"{connector.spec.name} needs {name}")
        for name in connector.spec.credentials
        if not new.credentials.get(name)
    ]
    issues += [
        Issue(field=f"credentials.{name}", message="holds a line break or the like")
        for name, value in new.credentials.items()
        if not value.isprintable()  # it could not be sent: a header has no line breaks
    ]
    spec = connector.spec
    if spec.own_server and not (new.server or spec.default_server):
        issues.append(Issue(field="serverUrl", message=f"{spec.name} needs a server"))
    if not spec.own_server and new.server:  # the app's secret would go there too
        issues.append(Issue(field="serverUrl", message=f"{spec.name} has no servers to choose"))
    if issues:
        raise Invalid(issues)


def connect(
    session: Session,
    vault: Vault,
    workspace_id: UUID,
    new: NewAccount,
    identity: Identity,
    now: datetime,
) -> Account:
    """Keep an account whose credentials the network has vouched for.

    Connecting an account again renews its credentials and keeps its id and number.
    """
    serialise(session, NUMBER_LOCK)  # of two who connect it at once, the second finds it there
    known = session.scalar(_known(workspace_id, new, identity))
    account_id = known or _insert(session, workspace_id, new, identity, now)
    credentials.store(  # before the account itself: everyone locks in this order
        session,
        vault,
        workspace_id,
        account_id,
        new.credentials,
        new.expires_at,
        now,
        renew_at=new.renew_at,
    )
    if known is not None:
        _revise(session, workspace_id, known, new, identity, now)
    account = queries.get(session, workspace_id, account_id)
    tell(session, account, "account.connected", now)
    announce(session, Topic.ERRAND)  # posts may have waited for it
    return account


def _known(workspace_id: UUID, new: NewAccount, identity: Identity) -> Select[UUID]:
    """The account that is this one, also where it has moved."""
    of_person = select(Account.id).where(
        Account.workspace_id == workspace_id,
        Account.platform == new.platform,
        Account.native_id == identity.native_id,
    )
    is_there = Account.server == new.server
    if identity.moves:
        of_person = of_person.order_by(is_there.desc(), Account.number)
    else:
        of_person = of_person.where(is_there)
    return of_person.limit(1)


def _revise(
    session: Session,
    workspace_id: UUID,
    account_id: UUID,
    new: NewAccount,
    identity: Identity,
    now: datetime,
) -> None:
    session.execute(
        update(Account)
        .where(Account.workspace_id == workspace_id, Account.id == account_id)
        .values(
            status="active",
            server=new.server,
            username=identity.username,
            display_name=new.display_name or identity.display_name,
            reconnect_by=new.reconnect_by,
            updated_at=later(Account.updated_at, now),
        )
        .execution_options(synchronize_session=False)
    )


def _insert(
    session: Session, workspace_id: UUID, new: NewAccount, identity: Identity, now: datetime
) -> UUID:
    last = session.scalar(select(func.max(Account.number)))
    account_id = ids.new_id(now)
    session.execute(
        insert(Account).values(
            id=account_id,
            workspace_id=workspace_id,
            number=(last or FIRST_NUMBER - 1) + 1,
            platform=new.platform,
            native_id=identity.native_id,
            username=identity.username,
            display_name=new.display_name or identity.display_name,
            server=new.server,
            status="active",
            reconnect_by=new.reconnect_by,
            created_at=now,
            updated_at=now,
        )
    )
    return account_id


def disconnect(session: Session, workspace_id: UUID, account_id: UUID, now: datetime) -> None:
    """Forget the account's credentials; its posts and their history stay. Raises NotFound.

    Nothing is told of one that was disconnected already.
    """
    credentials.forget(session, workspace_id, account_id, now)
    found = session.execute(
        update(Account)
        .where(
            Account.workspace_id == workspace_id,
            Account.id == account_id,
            Account.status != "disconnected",
        )
        .values(status="disconnected", updated_at=later(Account.updated_at, now))
        .returning(Account)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        queries.get(session, workspace_id, account_id)
        return
    tell(session, found, "account.disconnected", now)


def part_with(
    session: Session, vault: Vault, workspace_id: UUID, account_id: UUID, now: datetime
) -> Held | Nothing:
    """Disconnect an account; the credentials it had, for its network is still to be told.

    Raises NotFound.
    """
    credentials.hold(session, workspace_id, account_id)  # nobody renews them in between
    held = credentials.load(session, vault, workspace_id, account_id)
    disconnect(session, workspace_id, account_id, now)
    return held
