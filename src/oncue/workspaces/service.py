"""Tenants. An installation starts with one and may have many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.errors import NotFound
from oncue.lib import ids
from oncue.workspaces.models import LatePolicy, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """An edit of a workspace; None leaves a thing as it is."""

    name: str | None = None
    auto_retry: bool | None = None
    late_policy: LatePolicy | None = None
    late_window_seconds: int | None = None


def create(session: Session, name: str, now: datetime) -> Workspace:
    workspace = Workspace(
        id=ids.new_id(now), name=name, plan="agency", auto_retry=True, created_at=now
    )
    session.add(workspace)
    session.flush()
    return workspace


def get(session: Session, workspace_id: UUID) -> Workspace:
    workspace = session.get(Workspace, workspace_id)
    if workspace is None:
        raise NotFound("workspace", ids.to_typeid("ws", workspace_id))
    return workspace


def change(session: Session, workspace_id: UUID, changes: Changes) -> Workspace:
    """Change what `changes` mentions; the workspace as it then is."""
    wanted = {
        Workspace.name: changes.name,
        Workspace.auto_retry: changes.auto_retry,
        Workspace.late_policy: changes.late_policy,
        Workspace.late_window: changes.late_window_seconds,
    }
    values = {column: value for column, value in wanted.items() if value is not None}
    if values:
        session.execute(
            update(Workspace)
            .where(Workspace.id == workspace_id)
            .values(values)
            .execution_options(synchronize_session=False)
        )
    return get(session, workspace_id)


def list_all(session: Session) -> Sequence[Workspace]:
    return session.scalars(select(Workspace).order_by(Workspace.created_at, Workspace.id)).all()


def first(session: Session) -> Workspace | None:
    """The workspace that commands mean when none is named."""
    return next(iter(list_all(session)), None)
