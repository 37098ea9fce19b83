"""Native dialect, connected accounts."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from oncue.accounts import queries as accounts
from oncue.accounts.connecting import keep, vouch
from oncue.accounts.models import Account
from oncue.accounts.places import server_named
from oncue.accounts.service import NewAccount
from oncue.api.deps import AccountsReader, AccountsWriter, KeyedRoute, Shared
from oncue.api.fields import AccountId, Out, PlatformName, Said, ShownPlatform, When
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import PageOut
from oncue.api.native.bodies import CreateAccount
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, creation, read_page
from oncue.errors import Invalid, Issue

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=KeyedRoute)

AccountPath = Annotated[AccountId, Path(description="An account's id: a TypeID or its UUID.")]

# The filter's words, and the statuses they stand for. Disconnected accounts show only on demand.
STATUSES: Final = {
    "active": ("active",),
    "inactive": ("expired", "revoked", "disconnected"),
    "error": ("expired", "revoked"),
    "disconnected": ("disconnected",),
    "all": (),
}
SHOWN: Final = ("active", "expired", "revoked")
StatusName = Annotated[str, Said(enum=[*STATUSES])]


class AccountOut(Out):
    """A connected account. Nothing secret is ever among this."""

    id: AccountId
    number: int
    platform: ShownPlatform
    username: str | None
    display_name: str | None
    avatar_url: str | None
    account_type: str | None
    status: str
    connected_at: When


class AccountListOut(Out):
    """A page of accounts."""

    data: list[AccountOut]
    pagination: PageOut


@router.get("")
async def list_accounts(
    caller: AccountsReader,
    shared: Shared,
    status: Annotated[
        StatusName | None, Query(description="Without one: all but the disconnected.")
    ] = None,
    platform: Annotated[PlatformName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> AccountListOut:
    """Connected accounts, in the order they were connected."""
    statuses = _statuses(status)

    def read(session: Session, most: int, after: Place | None) -> Sequence[Account]:
        return accounts.list_page(
            session,
            caller.workspace_id,
            limit=most,
            after=after,
            platform=platform,
            statuses=statuses,
        )

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    return AccountListOut(data=[show_account(row) for row in page.rows], pagination=page.pagination)


@router.post("", status_code=201)
async def create_account(
    body: CreateAccount, caller: AccountsWriter, shared: Shared, once: Idempotent
) -> AccountOut:
    """Connect an account with credentials, once the network has vouched for them."""
    new = NewAccount(
        platform=body.platform,
        credentials=body.credentials,
        server=server_named(body.server_url or ""),
        display_name=body.display_name or "",
    )
    await once.look()
    vouched = await vouch(shared.wire, new)

    def work(session: Session) -> AccountOut:
        return show_account(keep(session, shared.wire, caller.workspace_id, vouched))

    return await once.write(work, status=201)


@router.get("/{account_id}")
async def get_account(
    account_id: AccountPath, caller: AccountsReader, shared: Shared
) -> AccountOut:
    """One account."""
    return show_account(
        await shared.db.read(lambda session: accounts.get(session, caller.workspace_id, account_id))
    )


def show_account(row: Account) -> AccountOut:
    return AccountOut(
        id=row.id,
        number=row.number,
        platform=row.platform.lower(),
        username=row.username,
        display_name=row.display_name,
        avatar_url=None,
        account_type=None,
        status=row.status,
        connected_at=row.created_at,
    )


def _statuses(wanted: str | None) -> tuple[str, ...]:
    if wanted is None:
        return SHOWN
    try:
        return STATUSES[wanted.lower()]
    except KeyError:
        known = ", ".join(STATUSES)
        issue = Issue(field="status", message=f"{wanted[:40]} is not one of {known}")
        raise Invalid([issue]) from None
