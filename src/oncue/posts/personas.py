"""What posts have to do with personas: they refer to them, and so keep them from being removed.

A post's persona is an id of ours, or whatever its caller calls one (V30).
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oncue.errors import AppError, Issue, NotFound
from oncue.lib import ids
from oncue.posts.models import Post
from oncue.workspaces import personas


@dataclass(eq=False)
class PersonaInUse(AppError):
    """Posts refer to the persona."""

    linked_posts: int
    code = "PERSONA_IN_USE"
    status = 409

    def __str__(self) -> str:
        return f"Posts refer to this persona: {self.linked_posts}"

    @property
    def details(self) -> Any:
        return {"linkedPostCount": self.linked_posts}


def persona_issues(session: Session, workspace_id: UUID, reference: str | None) -> list[Issue]:
    """An id of our form that names no persona of the workspace. Another's is as unknown."""
    if reference is None:
        return []
    try:
        persona_id = ids.from_typeid(personas.KIND, reference)
    except ids.BadId:
        return []
    if personas.hold(session, workspace_id, persona_id, to_refer=True):
        return []
    message = f"No persona with id {reference}"
    return [Issue(field="personaId", code="PERSONA_NOT_FOUND", message=message)]


def remove(session: Session, workspace_id: UUID, persona_id: UUID) -> None:
    """Remove a persona that no post refers to; raises NotFound, PersonaInUse."""
    name = ids.to_typeid(personas.KIND, persona_id)
    if not personas.hold(session, workspace_id, persona_id):
        raise NotFound(personas.KIND, name)
    linked = session.scalar(
        select(func.count(Post.id)).where(
            Post.workspace_id == workspace_id, Post.persona_id == name
        )
    )
    if linked:
        raise PersonaInUse(linked)
    personas.remove(session, workspace_id, persona_id)
