"""Tenants. An installation starts with one and may have many."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.errors import NotFound
from oncue.lib import ids
from oncue.workspaces.models import Workspace


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


def list_all(session: Session) -> Sequence[Workspace]:
    return session.scalars(select(Workspace).order_by(Workspace.created_at, Workspace.id)).all()


def first(session: Session) -> Workspace | None:
    """The workspace that commands mean when none is named."""
    return next(iter(list_all(session)), None)
