"""Native dialect: whose key this is, and whether the server is well."""

from fastapi import APIRouter

from oncue import __version__
from oncue.api.deps import AnyCaller, KeyedRoute
from oncue.api.native.answers import HealthOut, MeOut

router = APIRouter(prefix="/v1", tags=["system"], route_class=KeyedRoute)


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
