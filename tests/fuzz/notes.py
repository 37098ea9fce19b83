"""A small API about notes, sound or with one thing wrong: what the runner is worth."""

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


class Refusal(BaseModel):
    detail: Any


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Refusal} for status in (400, 401, 404, 422)
}
MADE: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "headers": {"X-Count": {"required": True, "schema": {"type": "integer"}}},
        "links": {
            name: {"operationId": name, "parameters": {"number": "$response.body#/id"}}
            for name in ("show", "remove")
        },
    }
}
router = APIRouter(responses=REFUSALS)


def notes(wrong: str = "") -> FastAPI:
    """The API. `wrong` is the check that is to object; the document is the same whatever it is."""
    app = FastAPI(openapi_url="/api/openapi.json")
    app.state.wrong, app.state.kept = wrong, {}
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


@router.get("/notes/{number}", operation_id="show")
def show(number: Number, request: Request, asking: Owner) -> Note:
    return Note(id=number, text=_find(request, number, asking))


@router.delete("/notes/{number}", operation_id="remove")
def remove(number: Number, request: Request, asking: Owner) -> Note:
    text = _find(request, number, asking)
    if request.app.state.wrong != "use_after_free":
        request.app.state.kept[number] = NOBODY
    return Note(id=number, text=text)


def _find(request: Request, number: int, asking: str) -> str:
    by, text = request.app.state.kept.get(number, NOBODY)
    is_shown = by == asking or request.app.state.wrong == "object_level_authorization"
    if (by, text) == NOBODY or not is_shown:
        raise HTTPException(404, "There is no such note")
    return str(text)


async def taken(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"id": 1, "text": ""}, 201, {"x-count": "1"})


@router.options("/notes", include_in_schema=False)
@router.options("/notes/{number}", include_in_schema=False)
def methods(request: Request) -> Response:
    told = "GET, DELETE" if request.path_params else "POST"
    wrong = request.app.state.wrong == "allow_header_conformance"
    return Response(headers={"allow": "PUT" if wrong else told})
