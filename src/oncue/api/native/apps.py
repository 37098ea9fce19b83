"""Native dialect, a workspace's own apps at the networks. Their secrets go in, and never out."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.accounts import apps
from oncue.accounts.models import WorkspaceApp
from oncue.api.deps import AccountsReader, AccountsWriter, KeyedRoute, Shared
from oncue.api.fields import Body, Out, Text, When
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import DeletedOut
from oncue.api.native.connecting import PlatformPath
from oncue.connectors.grants import App

router = APIRouter(prefix="/v1/apps", tags=["accounts"], route_class=KeyedRoute)


class PutApp(Body):
    """PUT /v1/apps/:platform. An app without a secret is a public client."""

    client_id: Annotated[Text, Field(min_length=1, max_length=500)]
    client_secret: Annotated[Text, Field(max_length=2_000)] | None = Field(None, repr=False)


class AppOut(Out):
    """A workspace's own app, without its secret."""

    platform: str
    client_id: str
    updated_at: When


@router.put("/{platform}")
async def put_app(
    platform: PlatformPath,
    body: PutApp,
    caller: AccountsWriter,
    shared: Shared,
    once: Idempotent,
) -> AppOut:
    """Have this workspace's accounts be connected by its own app at a network."""
    app = App(client_id=body.client_id, secret=body.client_secret or "")

    def work(session: Session) -> AppOut:
        return _show(
            apps.put(session, shared.vault, caller.workspace_id, platform, app, shared.now())
        )

    return await once.write(work)


@router.get("/{platform}")
async def get_app(platform: PlatformPath, caller: AccountsReader, shared: Shared) -> AppOut:
    """The workspace's own app at a network."""
    return _show(
        await shared.db.read(lambda session: apps.get(session, caller.workspace_id, platform))
    )


@router.delete("/{platform}")
async def delete_app(
    platform: PlatformPath, caller: AccountsWriter, once: Idempotent
) -> DeletedOut:
    """Go back to the installation's app. Accounts of the workspace's own cannot be renewed then."""

    def work(session: Session) -> DeletedOut:
        apps.remove(session, caller.workspace_id, platform)
        return DeletedOut()

    return await once.write(work)


def _show(row: WorkspaceApp) -> AppOut:
    return AppOut(platform=row.platform.lower(), client_id=row.client_id, updated_at=row.updated_at)
