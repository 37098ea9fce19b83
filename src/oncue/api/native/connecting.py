"""Native dialect, connecting accounts: their owners are asked on the networks' own pages."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.accounts import flows, oauth
from oncue.accounts.connecting import keep
from oncue.accounts.oauth import Begun, Returned, Wanted
from oncue.api.deps import AccountsWriter, KeyedRoute, Shared
from oncue.api.fields import Body, Out, PlatformName, Text
from oncue.api.idempotency import Idempotent
from oncue.api.native.accounts import AccountOut, show_account
from oncue.api.services import Services
from oncue.errors import Invalid, Issue
from oncue.workspaces.keys import Caller

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=KeyedRoute)

ADDRESS: Final = 2_000
SECRET: Final = 10_000

Address = Annotated[Text, Field(max_length=ADDRESS)]
Secret = Annotated[Text, Field(max_length=SECRET)]
PlatformPath = Annotated[PlatformName, Path(description="A network, in upper or lower case.")]


class Connect(Body):
    """POST /v1/accounts/connect/:platform. Without an address people come back to us."""

    redirect_uri: Address | None = None
    callback_url: Address | None = None
    page_mode: Annotated[str, Field(pattern="^(personal|page)$")] | None = None
    server_url: Address | None = None
    handle: Annotated[Text, Field(max_length=300)] | None = None


class ConnectNamed(Connect):
    """POST /v1/accounts/connect: the same, the network in the body."""

    platform: PlatformName


class ConnectOut(Out):
    """Where to send the account's owner, and what they come back with."""

    authorization_url: str
    auth_url: str
    state: str


class ConnectUrlOut(Out):
    """Where to send the account's owner."""

    url: str


class Callback(Body):
    """POST /v1/accounts/callback/:platform: what the owner came back with."""

    state: Secret = Field(repr=False)
    code: Secret | None = Field(None, repr=False)
    redirect_uri: Address | None = None
    iss: Address | None = None
    error: Secret | None = None
    error_description: Secret | None = None


class CallbackOut(Out):
    """The account that is connected now."""

    account: AccountOut


@router.post("/connect/{platform}")
async def connect_platform(
    platform: PlatformPath,
    body: Connect,
    caller: AccountsWriter,
    shared: Shared,
    once: Idempotent,
) -> ConnectOut:
    """Begin to connect an account: its owner is to be sent to the answer's address."""
    await once.look_secret()
    begun = await oauth.begin(shared.wire, caller.workspace_id, _wanted(platform, body))

    def work(session: Session) -> ConnectOut:
        _keep(session, shared, begun)
        return ConnectOut(authorization_url=begun.url, auth_url=begun.url, state=begun.state)

    return await once.write_secret(work)


@router.post("/connect")
async def connect_named(
    body: ConnectNamed, caller: AccountsWriter, shared: Shared, once: Idempotent
) -> ConnectUrlOut:
    """The same, for programs that leave the rest to us."""
    await once.look_secret()
    begun = await oauth.begin(shared.wire, caller.workspace_id, _wanted(body.platform, body))

    def work(session: Session) -> ConnectUrlOut:
        _keep(session, shared, begun)
        return ConnectUrlOut(url=begun.url)

    return await once.write_secret(work)


@router.post("/callback/{platform}")
async def finish_connecting(
    platform: PlatformPath,
    body: Callback,
    caller: AccountsWriter,
    shared: Shared,
    once: Idempotent,
) -> CallbackOut:
    """Connect the account whose owner came back with this."""
    await once.look()
    vouched = await oauth.finish(
        shared.wire, await _use(shared, caller, platform, body), _returned(body)
    )

    def work(session: Session) -> CallbackOut:
        account = keep(session, shared.wire, caller.workspace_id, vouched)
        return CallbackOut(account=show_account(account))

    return await once.write(work)


def _wanted(platform: str, body: Connect) -> Wanted:
    if body.redirect_uri and body.callback_url and body.redirect_uri != body.callback_url:
        issue = Issue(field="callbackUrl", message="is another name of redirectUri; give one")
        raise Invalid([issue])
    return Wanted(
        platform=platform,
        redirect_uri=body.redirect_uri or body.callback_url or "",
        server=body.server_url or "",
        handle=body.handle or "",
        wants_page=body.page_mode == "page",
    )


def _keep(session: Session, shared: Services, begun: Begun) -> None:
    flows.keep(session, shared.vault, begun.state, begun.flow, shared.now())


async def _use(shared: Services, caller: Caller, platform: str, body: Callback) -> flows.Flow:
    """The flow of this state, used up now; raises Invalid."""
    return await shared.db.write(
        lambda session: flows.use(
            session,
            shared.vault,
            body.state,
            shared.now(),
            workspace_id=caller.workspace_id,
            platform=platform,
        )
    )


def _returned(body: Callback) -> Returned:
    return Returned(
        code=body.code or "",
        issuer=body.iss or "",
        error=body.error or "",
        description=body.error_description or "",
        redirect_uri=body.redirect_uri or "",
    )
