"""Personas: the voices a workspace's posts are written in (C62)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from oncue.db.base import later
from oncue.errors import NotFound
from oncue.lib import ids
from oncue.workspaces.models import Persona

KIND: Final = "persona"


def create(
    session: Session, workspace_id: UUID, *, name: str, description: str | None, now: datetime
) -> Persona:
    persona = Persona(
        id=ids.new_id(now),
        workspace_id=workspace_id,
        name=name,
        description=description,
        created_at=now,
        updated_at=now,
    )
    session.add(persona)
    session.flush()
    return persona


def get(session: Session, workspace_id: UUID, persona_id: UUID) -> Persona:
    persona = session.scalar(
        select(Persona)
        .where(Persona.workspace_id == workspace_id, Persona.id == persona_id)
        .execution_options(populate_existing=True)
    )
    if persona is None:
        raise NotFound(KIND, ids.to_typeid(KIND, persona_id))
    return persona


def list_page(
    session: Session, workspace_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> Sequence[Persona]:
    """Up to `limit` personas in the order they were made."""
    chosen = select(Persona).where(Persona.workspace_id == workspace_id)
    if after is not None:
        at, persona_id = after
        chosen = chosen.where(
            (Persona.created_at > at) | ((Persona.created_at == at) & (Persona.id > persona_id))
        )
    return session.scalars(chosen.order_by(Persona.created_at, Persona.id).limit(limit)).all()


def change(
    session: Session,
    workspace_id: UUID,
    persona_id: UUID,
    values: Mapping[str, Any],
    now: datetime,
) -> Persona:
    """Write the columns in `values`, if any; the persona as it then is. Raises NotFound."""
    if values:
        session.execute(
            update(Persona)
            .where(Persona.workspace_id == workspace_id, Persona.id == persona_id)
            .values(**values, updated_at=later(Persona.updated_at, now))
            .execution_options(synchronize_session=False)
        )
    return get(session, workspace_id, persona_id)


def hold(session: Session, workspace_id: UUID, persona_id: UUID, *, to_refer: bool = False) -> bool:
    """Whether there is such a persona; until this transaction ends there goes on to be one.

    Any number of transactions may hold it `to_refer` to it; one that removes it waits for them.
    """
    found = session.scalar(
        select(Persona.id)
        .where(Persona.workspace_id == workspace_id, Persona.id == persona_id)
        .with_for_update(read=to_refer)
    )
    return found is not None


def remove(session: Session, workspace_id: UUID, persona_id: UUID) -> None:
    session.execute(
        delete(Persona)
        .where(Persona.workspace_id == workspace_id, Persona.id == persona_id)
        .execution_options(synchronize_session=False)
    )
