"""A small API about notes, sound or with one thing wrong: what the runner is worth."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field

OWNERS: Final = ("mine", "theirs")
NOBODY: Final = ("", "")
LONG: Final = 50
ALLOWED: Final = {
    "/notes": "POST",
    "/notes/{note_id}": "GET, DELETE",
    "/notes/{note_id}/reminder": "GET, POST",
}

bearer = HTTPBearer(auto_error=False)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
Number = Annotated[int, Path(ge=1, le=1_000_000)]
Text = Annotated[str, Field(max_length=100, pattern="^[a-z]*$")]


class NewNote(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    text: Text


class Note(BaseModel):
    id: int
    text: Text


class Reminder(BaseModel):
    note_id: int


class Refusal(BaseModel):
    detail: Any


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Refusal} for status in (400, 401, 404, 422)
}


def links(at: str, *names: str) -> Mapping[str, Any]:
    """To the operations on what was made, whose number is there in the answer."""
    return {
        name: {"operationId": name, "parameters": {"note_id": f"$response.body#{at}"}}
        for name in names
    }


MADE: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "headers": {"X-Count": {"required": True, "schema": {"type": "integer"}}},
        "links": links("/id", "show", "remove", "remind"),
    }
}
REMINDED: Final[dict[int | str, dict[str, Any]]] = {201: {"links": links("/note_id", "reminder")}}
router = APIRouter(responses=REFUSALS)


def notes(wrong: str = "") -> FastAPI:
    """The API. `wrong` is the check that is to object; the document is the same whatever it is."""
    app = FastAPI(openapi_url="/api/openapi.json")
    app.state.wrong, app.state.kept, app.state.reminders = wrong, {}, set()
    app.include_router(router)
    if wrong == "negative_data_rejection":
        app.add_exception_handler(RequestValidationError, taken)
    if wrong == "unsupported_method":
        app.add_api_route("/notes", lambda: "", methods=["PUT"], include_in_schema=False)
    return app


def owner(request: Request, credentials: Bearer) -> str:
    name = credentials.credentials if credentials else ""
    if name not in OWNERS and request.app.state.wrong != "ignored_auth":
        raise HTTPException(401, "Who are you?")
    return name


Owner = Annotated[str, Depends(owner)]


@router.post("/notes", status_code=201, operation_id="make", responses=MADE, response_model=Note)
def make(body: NewNote, request: Request, asking: Owner) -> Response:
    wrong, kept = request.app.state.wrong, request.app.state.kept
    number = len(kept) + 1
    kept[number] = NOBODY if wrong == "ensure_resource_availability" else (asking, body.text)
    status, headers = 201, {"x-count": str(number)}
    note: dict[str, Any] = {"id": number, "text": body.text}
    match wrong:
        case "not_a_server_error":
            status = 500
        case "status_code_conformance":
            status = 202
        case "positive_data_acceptance" if len(body.text) > LONG:
            status, note = 422, {"detail": "too long"}
        case "content_type_conformance":
            return PlainTextResponse("made", status, headers)
        case "response_headers_conformance":
            headers = {"x-count": "many"}
        case "response_schema_conformance":
            note["text"] = None
        case _:
            pass
    return JSONResponse(note, status, headers)


@router.get("/notes/{note_id}", operation_id="show")
def show(note_id: Number, request: Request, asking: Owner) -> Note:
    return Note(id=note_id, text=_find(request, note_id, asking))


@router.delete("/notes/{note_id}", operation_id="remove")
def remove(note_id: Number, request: Request, asking: Owner) -> Note:
    text = _find(request, note_id, asking)
    if request.app.state.wrong != "use_after_free":
        request.app.state.kept[note_id] = NOBODY
    return Note(id=note_id, text=text)


@router.post(
    "/notes/{note_id}/reminder", status_code=201, operation_id="remind", responses=REMINDED
)
def remind(note_id: Number, request: Request, asking: Owner) -> Reminder:
    _find(request, note_id, asking)
    if request.app.state.wrong != "forgotten_reminder":
        request.app.state.reminders.add(note_id)
    return Reminder(note_id=note_id)


@router.get("/notes/{note_id}/reminder", operation_id="reminder")
def reminder(note_id: Number, request: Request, asking: Owner) -> Reminder:
    """Only a note that somebody is to be reminded of has one."""
    _find(request, note_id, asking)
    if note_id not in request.app.state.reminders:
        raise HTTPException(404, "There is no reminder")
    return Reminder(note_id=note_id)


def _find(request: Request, note_id: int, asking: str) -> str:
    by, text = request.app.state.kept.get(note_id, NOBODY)
    is_shown = by == asking or request.app.state.wrong == "object_level_authorization"
    if (by, text) == NOBODY or not is_shown:
        raise HTTPException(404, "There is no such note")
    return str(text)


async def taken(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"id": 1, "text": ""}, 201, {"x-count": "1"})


@router.options("/notes", include_in_schema=False)
@router.options("/notes/{note_id}", include_in_schema=False)
@router.options("/notes/{note_id}/reminder", include_in_schema=False)
def methods(request: Request) -> Response:
    told = ALLOWED[request.scope["route"].path]
    wrong = request.app.state.wrong == "allow_header_conformance"
    return Response(headers={"allow": "PUT" if wrong else told})
