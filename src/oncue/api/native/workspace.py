"""Native dialect, the key's workspace: its name, and how it treats trouble and lateness."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field, StrictBool, StrictInt
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsReader, PostsWriter, Shared
from oncue.api.fields import WHOLE, Edit, Out, Text, WorkspaceId
from oncue.api.idempotency import Idempotent
from oncue.api.native.bodies import LateRule
from oncue.posts.lateness import TOLERATED
from oncue.workspaces import service as workspaces
from oncue.workspaces.models import LatePolicy, Workspace
from oncue.workspaces.service import NAME_CHARACTERS, Changes

router = APIRouter(prefix="/v1/workspace", tags=["workspace"], route_class=KeyedRoute)

SHORTEST_WINDOW: Final = int(TOLERATED.total_seconds())
LONGEST_WINDOW: Final = int(timedelta(days=365).total_seconds())

Window = Annotated[StrictInt, Field(ge=SHORTEST_WINDOW, le=LONGEST_WINDOW), WHOLE]


class UpdateWorkspace(Edit):
    """PATCH /v1/workspace. Only what is mentioned changes."""

    name: Annotated[Text, Field(min_length=1, max_length=NAME_CHARACTERS)] = ""
    auto_retry: StrictBool = True
    late_policy: LateRule = LatePolicy.PUBLISH
    late_window_seconds: Window = 0
    mend_media: StrictBool = True


class WorkspaceOut(Out):
    """The workspace that the key belongs to."""

    id: WorkspaceId
    name: str
    plan: str
    auto_retry: bool
    late_policy: str
    late_window_seconds: int
    mend_media: bool


@router.get("")
async def get_workspace(caller: PostsReader, shared: Shared) -> WorkspaceOut:
    """The key's workspace and its settings."""
    return await shared.db.read(lambda session: _show(workspaces.get(session, caller.workspace_id)))


@router.patch("")
async def update_workspace(
    body: UpdateWorkspace, caller: PostsWriter, once: Idempotent
) -> WorkspaceOut:
    """Change what the body mentions. A late policy counts from the next late post on."""
    changes = Changes(**body.model_dump(exclude_unset=True))

    def work(session: Session) -> WorkspaceOut:
        return _show(workspaces.change(session, caller.workspace_id, changes))

    return await once.write(work)


def _show(workspace: Workspace) -> WorkspaceOut:
    return WorkspaceOut(
        id=workspace.id,
        name=workspace.name,
        plan=workspace.plan.upper(),
        auto_retry=workspace.auto_retry,
        late_policy=workspace.late_policy,
        late_window_seconds=workspace.late_window,
        mend_media=workspace.mend_media,
    )
