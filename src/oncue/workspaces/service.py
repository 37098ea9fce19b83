"""Tenants. An installation starts with one and may have many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.workspaces import plans
from oncue.workspaces.models import LatePolicy, Workspace
from oncue.workspaces.plans import PLANS

NAME_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """An edit of a workspace; None leaves a thing as it is."""

    name: str | None = None
    auto_retry: bool | None = None
    late_policy: LatePolicy | None = None
    late_window_seconds: int | None = None
    mend_media: bool | None = None


def create(session: Session, name: str, now: datetime, *, plan: str = plans.DEFAULT) -> Workspace:
    """Make a workspace; raises Invalid for a name that says nothing, or a plan there is not."""
    if not name.strip() or len(name) > NAME_CHARACTERS:
        message = f"has 1 to {NAME_CHARACTERS} characters"
        raise Invalid([Issue(field="name", message=message)])
    _check_plan(plan)
    workspace = Workspace(id=ids.new_id(now), name=name, plan=plan, auto_retry=True, created_at=now)
    session.add(workspace)
    session.flush()
    return workspace


def get(session: Session, workspace_id: UUID) -> Workspace:
    workspace = session.get(Workspace, workspace_id, populate_existing=True)
    if workspace is None:
        raise NotFound("workspace", ids.to_typeid("ws", workspace_id))
    return workspace


def change(session: Session, workspace_id: UUID, changes: Changes) -> Workspace:
    """Change what `changes` mentions; the workspace as it then is."""
    wanted = {
        "name": changes.name,
        "auto_retry": changes.auto_retry,
        "late_policy": changes.late_policy,
        "late_window": changes.late_window_seconds,
        "mend_media": changes.mend_media,
    }
    values = {column: value for column, value in wanted.items() if value is not None}
    if values:
        _update(session, workspace_id, **values)
    return get(session, workspace_id)


def set_plan(session: Session, workspace_id: UUID, plan: str) -> None:
    """Give the workspace another plan, from its next request on; raises Invalid, NotFound."""
    _check_plan(plan)
    _update(session, workspace_id, plan=plan)


def set_posts_per_month(session: Session, workspace_id: UUID, limit: int | None) -> None:
    """Allow so many posts a month (UTC); None: as many as one likes. Raises NotFound."""
    _update(session, workspace_id, posts_per_month=limit)


def set_posts_per_day(
    session: Session, workspace_id: UUID, limits: Mapping[str, int | None]
) -> None:
    """Allow so many posts a day (UTC) on these networks, by their constants; None: no limit.

    The limits of other networks stay. Raises NotFound.
    """
    held = session.execute(
        select(Workspace.posts_per_day).where(Workspace.id == workspace_id).with_for_update()
    ).scalar_one_or_none()
    merged = {**(held or {}), **limits}
    kept = {platform: limit for platform, limit in merged.items() if limit is not None}
    _update(session, workspace_id, posts_per_day=kept or None)


def _check_plan(plan: str) -> None:
    if plan not in PLANS:
        message = f"{plan} is not one of {', '.join(PLANS)}"
        raise Invalid([Issue(field="plan", message=message)])


def _update(session: Session, workspace_id: UUID, **values: Any) -> None:
    found = session.execute(
        update(Workspace)
        .where(Workspace.id == workspace_id)
        .values(**values)
        .returning(Workspace.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if found is None:
        raise NotFound("workspace", ids.to_typeid("ws", workspace_id))


def list_all(session: Session) -> Sequence[Workspace]:
    return session.scalars(select(Workspace).order_by(Workspace.created_at, Workspace.id)).all()


def first(session: Session) -> Workspace | None:
    """The workspace that commands mean when none is named."""
    return next(iter(list_all(session)), None)
