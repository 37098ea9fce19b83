"""Native dialect, personas: the voices posts are written in."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PersonasWriter, PostsReader, Shared
from oncue.api.fields import Body, Edit, Out, PersonaId, Text, When
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import DeletedOut, PageOut
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, creation, read_page
from oncue.posts import personas as references
from oncue.workspaces import personas
from oncue.workspaces.models import Persona

router = APIRouter(prefix="/v1/personas", tags=["personas"], route_class=KeyedRoute)

NAME_CHARACTERS: Final = 200
DESCRIPTION_CHARACTERS: Final = 1_000

PersonaPath = Annotated[PersonaId, Path(description="A persona's id: a TypeID or its UUID.")]
Name = Annotated[Text, Field(min_length=1, max_length=NAME_CHARACTERS)]
Description = Annotated[Text, Field(max_length=DESCRIPTION_CHARACTERS)]


class CreatePersona(Body):
    """POST /v1/personas."""

    name: Name
    description: Description | None = None


class UpdatePersona(Edit):
    """PATCH /v1/personas/:id. Only what is mentioned changes."""

    name: Name = ""
    description: Description | None = None


class PersonaOut(Out):
    """A voice that posts can be written in."""

    id: PersonaId
    name: str
    description: str | None
    created_at: When
    updated_at: When


class PersonaListOut(Out):
    """A page of personas, under both names clients read."""

    personas: list[PersonaOut]
    data: list[PersonaOut]
    pagination: PageOut


@router.post("", status_code=201)
async def create_persona(
    body: CreatePersona, caller: PersonasWriter, shared: Shared, once: Idempotent
) -> PersonaOut:
    """Add a persona to the workspace."""

    def work(session: Session) -> PersonaOut:
        made = personas.create(
            session,
            caller.workspace_id,
            name=body.name,
            description=body.description,
            now=shared.now(),
        )
        return show_persona(made)

    return await once.write(work, status=201)


@router.get("")
async def list_personas(
    caller: PostsReader, shared: Shared, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> PersonaListOut:
    """The workspace's personas, in the order they were made."""

    def read(session: Session, most: int, after: Place | None) -> Sequence[Persona]:
        return personas.list_page(session, caller.workspace_id, limit=most, after=after)

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, creation)
    shown = [show_persona(row) for row in page.rows]
    return PersonaListOut(personas=shown, data=shown, pagination=page.pagination)


@router.get("/{persona_id}")
async def get_persona(persona_id: PersonaPath, caller: PostsReader, shared: Shared) -> PersonaOut:
    """One persona."""
    return show_persona(
        await shared.db.read(lambda session: personas.get(session, caller.workspace_id, persona_id))
    )


@router.patch("/{persona_id}")
async def update_persona(
    persona_id: PersonaPath,
    body: UpdatePersona,
    caller: PersonasWriter,
    shared: Shared,
    once: Idempotent,
) -> PersonaOut:
    """Change what the body mentions."""
    values = {name: getattr(body, name) for name in body.model_fields_set}

    def work(session: Session) -> PersonaOut:
        changed = personas.change(session, caller.workspace_id, persona_id, values, shared.now())
        return show_persona(changed)

    return await once.write(work)


@router.delete("/{persona_id}")
async def delete_persona(
    persona_id: PersonaPath, caller: PersonasWriter, once: Idempotent
) -> DeletedOut:
    """Remove a persona that no post refers to."""

    def work(session: Session) -> DeletedOut:
        references.remove(session, caller.workspace_id, persona_id)
        return DeletedOut()

    return await once.write(work)


def show_persona(row: Persona) -> PersonaOut:
    return PersonaOut(
        id=row.id,
        name=row.name,
        description=row.description,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
