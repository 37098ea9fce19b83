"""Every error in the native dialect's words: {"error": {"code", "message", "details"?}}."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from oncue.accounts.vault import VaultError
from oncue.api.compat import envelope
from oncue.api.deps import count_unrouted
from oncue.api.edge import TooLarge
from oncue.api.fields import Out
from oncue.api.idempotency import Replayed, as_response
from oncue.errors import (
    AppError,
    Invalid,
    Issue,
    Malformed,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from oncue.lib.logs import is_secret_name, masked

log = structlog.get_logger()

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HOLD_SECRETS: Final = ("/v1/accounts",)  # whose bodies are never repeated
KEYED: Final = ("/v1/", envelope.PREFIX)  # where every request has a key, and is counted
SECRET: Final = frozenset({"credentials", "clientSecret", "code", "state"})  # never shown again
UNAVAILABLE_SECONDS: Final = 5  # after which what cannot be done now may well be
SHOWN_CHARACTERS: Final = 80
SHOWN_ISSUES: Final = 100


class ErrorFacts(Out):
    """What went wrong: a code for programs, words for people, facts where there are any."""

    code: str
    message: str
    details: Any | None = None


class ErrorOut(Out):
    """The body of every answer that is not a success."""

    error: ErrorFacts


def install(app: FastAPI) -> None:
    """Have the application word every error here."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(VaultError, _locked)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(RecursionError, _too_deep)
    app.add_exception_handler(Replayed, _replayed)
    app.add_exception_handler(Exception, _bug)


def render(request: Request, error: AppError) -> JSONResponse:
    """The error in the words of the dialect it was asked in."""
    headers = {}
    match error:
        case TooManyRequests():
            headers["retry-after"] = str(error.retry_after_seconds)
        case Unavailable():
            headers["retry-after"] = str(UNAVAILABLE_SECONDS)
        case Unauthorized():
            headers["www-authenticate"] = "Bearer"
    code = envelope.code_of(error) if _is_compat(request) else error.code
    return _worded(request, error.status, code, str(error), error.details, headers)


def _worded(
    request: Request,
    status: int,
    code: str,
    message: str,
    details: Any | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    if _is_compat(request):
        facts = envelope.meta_of(request, request.app.state.services.now())
        body = envelope.refusal(status, code, message, details, facts)
        return JSONResponse(body.model_dump(), status, headers)
    error = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    return JSONResponse({"error": error}, status, headers)


def _is_compat(request: Request) -> bool:
    return f"{request.url.path}/".startswith(envelope.PREFIX)


async def _app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    return render(request, error)


async def _locked(request: Request, error: Exception) -> JSONResponse:
    log.error("secret_keys_wrong", reason=str(error))
    words = "The secret keys of this server are not in order; nothing was changed."
    return render(request, Unavailable(words))


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    for problem in problems:
        if problem["type"] == "json_invalid":
            why = problem.get("ctx", {}).get("error", "it cannot be read")
            return render(request, Malformed(f"The body is not JSON: {why}"))
    if any(isinstance(problem.get("input"), bytes) for problem in problems):
        # So FastAPI hands on what does not say that it is JSON: curl's -d by itself, for one.
        given = _shown(request.headers.get("content-type", ""))
        message = f"has to be JSON, sent with the Content-Type application/json{given}"
        return render(request, Invalid([Issue(field="body", message=message)]))
    shows = not request.url.path.startswith(HOLD_SECRETS)
    issues = [as_issue(problem, shows=shows) for problem in problems[:SHOWN_ISSUES]]
    return render(request, Invalid(issues))


def as_issue(problem: Mapping[str, Any], *, shows: bool = True) -> Issue:
    """One of Pydantic's findings, in our words; `shows` the value where it may help."""
    context = problem.get("ctx", {})
    path = [part for part in problem["loc"] if part != "[key]"]
    if path and path[0] in ("body", "query", "path", "header"):
        path = path[1:]
    field = _dotted(path) or "body"
    value = problem.get("input")
    match problem["type"]:
        case "missing":
            return Issue(field=field, message="is required")
        case "too_long" | "string_too_long" | "too_short":
            return _wrong_length(field, context, value)
        case "less_than_equal" | "greater_than_equal":
            limit = context.get("le", context.get("ge"))
            bound = "at most" if "le" in context else "at least"
            message = f"must be {bound} {limit}{_shown(value)}"
            return Issue(field=field, message=message, facts={"limit": limit})
        case "model_attributes_type" | "model_type":
            return Issue(field=field, message="must be an object")
        case _:
            is_secret = any(part in SECRET or is_secret_name(str(part)) for part in path)
            shown = _shown(value) if shows and not is_secret else ""
            return Issue(field=field, message=f"{_lower(problem['msg'])}{shown}")


def _wrong_length(field: str, context: Mapping[str, Any], value: object) -> Issue:
    """A text or list beyond what its field takes."""
    is_text = isinstance(value, str)
    actual = len(value) if isinstance(value, str) else context["actual_length"]
    if "max_length" in context:
        limit = context["max_length"]
        facts = {"maxLength": limit, "actualLength": actual}
        message = f"may have {limit} characters" if is_text else f"may have at most {limit} entries"
    else:
        limit = context["min_length"]
        facts = {"minLength": limit, "actualLength": actual}
        message = f"must have {limit} characters or more" if is_text else f"needs at least {limit}"
    if not is_text:
        facts = {"limit": limit, "actual": actual}
    return Issue(field=field, message=f"{message}; this has {actual}", facts=facts)


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _shown(value: object) -> str:
    """The offending value, where it is short and plain enough to help."""
    if isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) <= SHOWN_CHARACTERS and value.isprintable()
    ):
        return masked(f" (it is {value!r})")
    return ""


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if (why := _unreadable(error.__cause__)) and not request.state.reads_form:
        return render(request, Malformed(f"The body is not JSON: {why}"))
    if error.status_code in (404, 405) and request.url.path.startswith(KEYED):
        try:
            await count_unrouted(request)
        except AppError as refused:
            return render(request, refused)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
    message = masked(f"There is no {request.method} {request.url.path} here")
    headers = error.headers
    if error.status_code == 405:
        headers = {"allow": ", ".join(_methods(request, request.url.path))}
    elif error.status_code != 404:
        message = str(error.detail)
    elif meant := _without_slash(request):
        message = masked(f"{message}; did you mean {meant}?")
    return _worded(request, error.status_code, code, message, headers=headers)


def _unreadable(cause: BaseException | None) -> str | None:
    """Why FastAPI could not read a body of JSON, which it does not say itself; None: it could."""
    match cause:
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case ValueError():
            return "a number in it has too many digits"
        case _:
            return None


def _without_slash(request: Request) -> str | None:
    """The path without the slashes at its end, where that is served.

    Nobody is redirected there: the address would be made of a header, and a proxy's client sent
    from https to http with its key.
    """
    meant = request.url.path.rstrip("/")
    return meant if meant != request.url.path and _methods(request, meant) else None


def _methods(request: Request, path: str) -> list[str]:
    """Every method that the path has: a route of the framework's knows its own alone."""

    def is_served(method: str) -> bool:
        asked = {**request.scope, "method": method, "path": path}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if is_served(method)]


async def _too_large(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooLarge)
    return _worded(request, 413, "BAD_REQUEST", error.detail, {"maxBytes": error.limit})


async def _replayed(_request: Request, answer: Exception) -> Response:
    assert isinstance(answer, Replayed)
    return as_response(answer.answer, replayed=True)


async def _too_deep(request: Request, _error: Exception) -> JSONResponse:
    return render(request, Malformed("The body is nested too deeply"))


async def _bug(request: Request, error: Exception) -> JSONResponse:
    """The HTTP edge: whatever nobody foresaw is logged, and told without its insides."""
    request_id = request.scope["state"]["request_id"]
    log.error("request_broke", request_id=request_id, path=request.url.path, exc_info=error)
    message = f"Something of ours broke. Quote {request_id} when you report it."
    return _worded(request, 500, "INTERNAL_ERROR", message)
