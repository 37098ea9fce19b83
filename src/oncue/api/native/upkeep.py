"""Native dialect, what is done with accounts that are connected: until they are no more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.accounts import checking, pages, queries, service
from oncue.accounts.checking import Examined
from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.models import Account
from oncue.api.deps import AccountsReader, AccountsWriter, KeyedRoute, Shared
from oncue.api.fields import Body, Out, Text
from oncue.api.idempotency import Idempotent
from oncue.api.native.accounts import AccountPath, show_account
from oncue.api.native.answers import DeletedOut
from oncue.api.native.connecting import CallbackOut
from oncue.api.services import Services
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=KeyedRoute)


class RefreshOut(Out):
    """Whether the account's credentials are good for longer now."""

    success: bool
    message: str | None


class TestDetails(Out):
    """Whose the credentials are."""

    platform_user_id: str
    username: str
    display_name: str


class TestOut(Out):
    """What the network says of the account."""

    success: bool
    message: str
    details: TestDetails | None


class AccountPageOut(Out):
    """Something the account can speak for. It speaks for the one that is selected."""

    id: str
    name: str
    username: str | None
    selected: bool


class AccountPagesOut(Out):
    """All of them."""

    data: list[AccountPageOut]


class SelectPage(Body):
    """POST /v1/accounts/:id/select-page. The name is the network's to say."""

    page_id: Annotated[Text, Field(min_length=1, max_length=500)]
    page_name: Annotated[Text, Field(max_length=500)] | None = None


@router.post("/{account_id}/refresh")
async def refresh_account(
    account_id: AccountPath, caller: AccountsWriter, shared: Shared, once: Idempotent
) -> RefreshOut:
    """Renew the account's credentials now."""
    account = await _account(shared, caller, account_id)
    await once.look()
    trouble = await checking.refresh(shared.wire, account)
    told = RefreshOut(success=trouble is None, message=trouble.message if trouble else None)
    return await once.write(lambda _session: told)


@router.post("/{account_id}/test")
async def test_account(
    account_id: AccountPath, caller: AccountsWriter, shared: Shared, once: Idempotent
) -> TestOut:
    """Ask the network whether it takes the account's credentials."""
    account = await _account(shared, caller, account_id)
    await once.look()
    examined = await checking.examine(shared.wire, account)
    told = _tested(examined)
    return await once.write(lambda _session: told)


@router.get("/{account_id}/pages")
async def list_account_pages(
    account_id: AccountPath, caller: AccountsReader, shared: Shared
) -> AccountPagesOut:
    """What the account can speak for: none where its network has no pages."""
    account = await _account(shared, caller, account_id)
    found = await pages.pages(shared.wire, account)
    shown = [
        AccountPageOut(
            id=page.id,
            name=page.name,
            username=page.username or None,
            selected=page.id == account.native_id,
        )
        for page in found
    ]
    return AccountPagesOut(data=shown)


@router.post("/{account_id}/select-page")
async def select_account_page(
    account_id: AccountPath,
    body: SelectPage,
    caller: AccountsWriter,
    shared: Shared,
    once: Idempotent,
) -> CallbackOut:
    """Have the account speak for one of its pages from now on."""
    account = await _account(shared, caller, account_id)
    await once.look()
    choice = await pages.choose(shared.wire, account, body.page_id)

    def work(session: Session) -> CallbackOut:
        kept = pages.keep(session, shared.wire, account, choice)
        return CallbackOut(account=show_account(kept))

    return await once.write(work)


@router.delete("/{account_id}")
async def disconnect_account(
    account_id: AccountPath, caller: AccountsWriter, shared: Shared, once: Idempotent
) -> DeletedOut:
    """Forget the account's credentials, and tell its network. Its posts stay."""
    account = await _account(shared, caller, account_id)
    parted: list[Held | Nothing] = []

    def work(session: Session) -> DeletedOut:
        parted[:] = [
            service.part_with(session, shared.vault, caller.workspace_id, account_id, shared.now())
        ]
        return DeletedOut()

    answer = await once.write(work)
    [held] = parted
    await checking.say_goodbye(shared.wire, account, held)
    return answer


async def _account(shared: Services, caller: Caller, account_id: UUID) -> Account:
    return await shared.db.read(
        lambda session: queries.get(session, caller.workspace_id, account_id)
    )


def _tested(examined: Examined) -> TestOut:
    identity = examined.identity
    if identity is None:
        return TestOut(success=False, message=examined.message, details=None)
    details = TestDetails(
        platform_user_id=identity.native_id,
        username=identity.username,
        display_name=identity.display_name,
    )
    return TestOut(success=True, message=examined.message, details=details)
