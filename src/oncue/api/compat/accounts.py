"""Snake_case dialect: whose key this is, and which accounts there are. Clients start with these."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from oncue.accounts import queries as accounts
from oncue.accounts.models import Account
from oncue.api.compat.envelope import RESPONSES, Envelope, meta_of
from oncue.api.compat.fields import Platform, ShownPlatform, platform_name
from oncue.api.deps import AccountsReader, AnyCaller, KeyedRoute, Shared
from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.workspaces.keys import Caller, Scope

router = APIRouter(
    prefix="/api/v1",
    tags=["accounts, snake_case"],
    route_class=KeyedRoute,
    responses=RESPONSES,
)


class OwnKey(BaseModel):
    """The key that asks. This dialect knows the scopes read and write."""

    id: str
    scopes: list[str]


class Organization(BaseModel):
    """Who the workspace belongs to: here it is its own."""

    id: str
    name: str
    subscription_plan: str
    subscription_status: str
    entitled: bool


class OwnWorkspace(BaseModel):
    """The workspace that the key opens."""

    id: str
    name: str


class Me(BaseModel):
    """Everything the key can know about itself."""

    api_key: OwnKey
    scopes: list[str]
    organization: Organization
    workspace: OwnWorkspace


class AccountHealth(BaseModel):
    """Whether the network still takes the account's credentials."""

    status: str
    can_post: bool


class AccountRow(BaseModel):
    """A connected account; `id` is what posts name it by."""

    id: int
    platform: ShownPlatform
    account_name: str
    avatar_url: str | None
    is_active: bool
    created_at: str
    health: AccountHealth


class AccountRows(BaseModel):
    """All of them: this list has no pages."""

    accounts: list[AccountRow]


@router.get("/me")
async def who_am_i(request: Request, caller: AnyCaller, shared: Shared) -> Envelope[Me]:
    """The key's workspace, plan and scopes."""
    scopes = _scopes(caller)
    workspace_id = ids.to_typeid("ws", caller.workspace_id)
    me = Me(
        api_key=OwnKey(id=str(caller.key_id), scopes=scopes),
        scopes=scopes,
        organization=Organization(
            id=workspace_id,
            name=caller.workspace_name,
            subscription_plan=caller.plan.upper(),
            subscription_status="active",
            entitled=True,
        ),
        workspace=OwnWorkspace(id=workspace_id, name=caller.workspace_name),
    )
    return Envelope[Me](data=me, error=None, meta=meta_of(request, shared.now()))


@router.get("/accounts")
async def list_accounts(
    request: Request,
    caller: AccountsReader,
    shared: Shared,
    platform: Annotated[Platform | None, Query()] = None,
) -> Envelope[AccountRows]:
    """Connected accounts, in the order they were connected."""
    rows = await shared.db.read(
        lambda session: accounts.list_page(
            session, caller.workspace_id, limit=None, platform=platform
        )
    )
    found = AccountRows(accounts=[_show(row) for row in rows])
    return Envelope[AccountRows](data=found, error=None, meta=meta_of(request, shared.now()))


def _scopes(caller: Caller) -> list[str]:
    writes = any(scope in caller.scopes for scope in Scope if scope.endswith(":write"))
    return ["read", "write"] if writes else ["read"]


def _show(row: Account) -> AccountRow:
    is_active = row.status == "active"
    return AccountRow(
        id=row.number,
        platform=platform_name(row.platform),
        account_name=row.display_name,
        avatar_url=None,
        is_active=is_active,
        created_at=iso(row.created_at),
        health=AccountHealth(status="healthy" if is_active else row.status, can_post=is_active),
    )
