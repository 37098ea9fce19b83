"""Native dialect: whose key this is, and whether the server is well."""

from fastapi import APIRouter

from oncue import __version__
from oncue.api.deps import AnyCaller, KeyedRoute
from oncue.api.fields import Out, WorkspaceId

router = APIRouter(prefix="/v1", tags=["system"], route_class=KeyedRoute)


class MeOut(Out):
    """Whose key this is, and what it may do."""

    workspace_id: WorkspaceId
    workspace_name: str
    plan: str
    scopes: list[str]


class HealthOut(Out):
    """The server is here."""

    status: str
    version: str


@router.get("/auth/me")
async def who_am_i(caller: AnyCaller) -> MeOut:
    """The key's workspace, plan and scopes."""
    return MeOut(
        workspace_id=caller.workspace_id,
        workspace_name=caller.workspace_name,
        plan=caller.plan.upper(),
        scopes=sorted(caller.scopes),
    )


@router.get("/health")
async def health(caller: AnyCaller) -> HealthOut:
    """The server is here, and the key is good."""
    return HealthOut(status="ok", version=__version__)
