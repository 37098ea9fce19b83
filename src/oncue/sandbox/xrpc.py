"""How a Bluesky server reads requests and words its answers: the protocol's HTTP side."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import web

from oncue.sandbox.bluesky_lexicons import LEXICONS, POST
from oncue.sandbox.lexicon import Invalid, Schema, check
from oncue.sandbox.network import Handler

Body: TypeAlias = dict[str, Any]
Answer: TypeAlias = Callable[[web.Request], Awaitable[Body]]


class Wrong(Exception):
    """What the server says instead of an answer."""

    def __init__(
        self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.headers = headers or {}


def answering(answer: Answer) -> Handler:
    """A handler that words what went wrong as the protocol does."""

    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answer(request))
        except Wrong as wrong:
            return phrased(wrong)

    return handler


def phrased(wrong: Wrong) -> web.Response:
    body = {"error": wrong.error, "message": str(wrong)}
    return web.json_response(body, status=wrong.status, headers=wrong.headers)


async def input_of(request: web.Request, method: str) -> Body:
    """The request's body, as the method's lexicon has it; raises Wrong otherwise."""
    if request.content_type != "application/json":
        encoding = request.content_type
        raise Wrong(400, "InvalidRequest", f"Wrong request encoding (Content-Type): {encoding}")
    try:
        body = await request.json()
    except ValueError as wrong:
        raise Wrong(400, "InvalidRequest", str(wrong)) from None
    expect(body, LEXICONS[method]["main"])
    given: Body = body
    return given


def parameters(request: web.Request, method: str) -> Body:
    """The query, with numbers and truths as such; raises Wrong where the lexicon forbids it."""
    schema = LEXICONS[method]["main"]
    given = {
        name: _read(value, schema["properties"].get(name, {}).get("type"))
        for name, value in request.query.items()
    }
    expect(given, schema)
    return given


def _read(value: str, type_: str | None) -> str | int | bool:
    if type_ == "integer" and value.isascii() and value.isdigit():
        return int(value)
    if type_ == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def expect(value: Any, schema: Schema, prefix: str = "", at: str = "$") -> None:
    try:
        check(value, schema, LEXICONS, POST, at)
    except (Invalid, UnicodeEncodeError) as invalid:  # the latter: half a character
        raise Wrong(400, "InvalidRequest", f"{prefix}{invalid}") from None
