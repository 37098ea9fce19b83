"""The ASGI layer around the application: request ids, body limits, headers on every answer."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias
from uuid import uuid4

from starlette.exceptions import HTTPException

from oncue.media.taken import MOST_BYTES
from oncue.workspaces.ratelimit import Allowance

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MB: Final = 1024 * 1024
JSON_BYTES: Final = MB
FORM_BYTES: Final = 6 * MB  # a CSV file, and the form around it
MEDIA_FORM_BYTES: Final = MOST_BYTES + MB
MEDIA: Final = "/v1/media"
UPLOADS: Final = "/v1/media/uploads/"
ALLOWANCE: Final = "oncue.allowance"


class TooLarge(HTTPException):
    """The body has more bytes than the route takes.

    An HTTPException, because FastAPI takes any other one for a malformed body.
    """

    def __init__(self, limit: int, what: str = "The body of this request") -> None:
        super().__init__(413, f"{what} may have {limit} bytes")
        self.limit = limit


class Edge:
    """Wraps an application; what it adds is on every answer, errors included."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{uuid4().hex}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                headers.append((b"x-content-type-options", b"nosniff"))
                headers += _limits(scope["state"].get(ALLOWANCE))
                message["headers"] = headers
            await send(message)

        limit, claimed = _limit(scope), _header(scope, b"content-length")
        is_too_large = claimed.isdigit() and int(claimed) > limit
        await self._app(scope, _capped(receive, limit, is_too_large=is_too_large), answer)


def _limit(scope: Scope) -> int:
    """How large the body may be: files have their own measure, on the routes that take them."""
    path = scope["path"].rstrip("/")
    if scope["method"] == "PUT" and path.startswith(UPLOADS):
        return MOST_BYTES
    if not _header(scope, b"content-type").lower().startswith(b"multipart/form-data"):
        return JSON_BYTES
    return MEDIA_FORM_BYTES if path == MEDIA else FORM_BYTES


def _header(scope: Scope, name: bytes) -> bytes:
    found: bytes = dict(scope["headers"]).get(name, b"")
    return found


def _capped(receive: Receive, limit: int, *, is_too_large: bool) -> Receive:
    """Stop reading a body that is too large, or says so itself, whatever it says otherwise."""
    seen = 0

    async def receive_some() -> Message:
        nonlocal seen
        if is_too_large:
            raise TooLarge(limit)
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(limit)
        return message

    return receive_some


def _limits(allowance: Allowance | None) -> list[tuple[bytes, bytes]]:
    if allowance is None:
        return []
    return [
        (b"x-ratelimit-limit", str(allowance.limit).encode()),
        (b"x-ratelimit-remaining", str(allowance.remaining).encode()),
        (b"x-ratelimit-reset", str(allowance.reset).encode()),
    ]
