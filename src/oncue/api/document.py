"""The served OpenAPI document: what FastAPI makes of the code, and what it cannot know.

That is what the edge puts on every answer, and which operation takes what another one made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from fastapi import FastAPI

from oncue.api.compat import envelope
from oncue.api.idempotency import REPLAYED

Json: TypeAlias = dict[str, Any]

HEADERS: Final[Mapping[str, Json]] = {
    "X-Request-Id": {
        "description": "Names this request in our log: quote it when you report something.",
        "required": True,
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
    },
    "X-RateLimit-Limit": {
        "description": "How many requests the key may make in a minute.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When the next minute begins, in seconds since 1970.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "In how many seconds to come back.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to say who you are.",
        "required": True,
        "schema": {"const": "Bearer"},
    },
    REPLAYED: {
        "description": "It was done before, under this Idempotency-Key: this is that answer.",
        "schema": {"const": "true"},
    },
}
COUNTED: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@dataclass(frozen=True, slots=True)
class Made:
    """What an operation makes: the path it then has, and where the answer has the path's names."""

    path: str
    names: Mapping[str, str]


MAKES: Final[Mapping[str, Made]] = {
    "POST /v1/posts": Made(
        "/v1/posts/{post_id}", {"post_id": "/id", "platform_id": "/platforms/0/id"}
    ),
    "POST /v1/posts/{post_id}/recurrence": Made(
        "/v1/posts/{post_id}/recurrence", {"post_id": "/postId"}
    ),
    "POST /v1/posts/import": Made("/v1/posts/import/{job_id}", {"job_id": "/jobId"}),
    "POST /v1/accounts": Made("/v1/accounts/{account_id}", {"account_id": "/id"}),
    "POST /v1/media": Made("/v1/media/{media_id}", {"media_id": "/id"}),
    "POST /v1/personas": Made("/v1/personas/{persona_id}", {"persona_id": "/id"}),
    "POST /v1/webhooks": Made("/v1/webhooks/{webhook_id}", {"webhook_id": "/id"}),
    "POST /v1/webhooks/{webhook_id}/test": Made(
        "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
        {"webhook_id": "/data/webhookId", "delivery_id": "/data/id"},
    ),
}


class Documented(FastAPI):
    """An application that says all of this in its document."""

    def openapi(self) -> Json:
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def complete(document: Json) -> Json:
    """The document, with what FastAPI cannot know of it added in place."""
    refusals: dict[str, Json] = {}
    document["components"] |= {"headers": dict(HEADERS), "responses": refusals}
    for path, _, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            _put_right(parameter)
        for status, answer in operation["responses"].items():
            names = _headers(int(status), operation)
            answer["headers"] = {name: _at("headers", name) for name in names}
            shared = _refusal(path, int(status))
            if shared and refusals.setdefault(shared, answer) == answer:
                operation["responses"][status] = _at("responses", shared)
    for maker in MAKES:
        method, path = maker.split()
        responses = document["paths"][path][method.lower()]["responses"]
        [success] = [status for status in responses if status.startswith("2")]
        responses[success]["links"] = _links(document, maker)
    return document


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _at(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _refusal(path: str, status: int) -> str | None:
    """What a refusal is called that is the same for all operations of a dialect."""
    if status < 400:
        return None
    dialect = "Envelope" if path.startswith(envelope.PREFIX) else ""
    return f"{dialect}Refused{status}"


def _put_right(parameter: Json) -> None:
    """One that may be left out is still never null, and a list stands between commas."""
    schema = parameter["schema"]
    match schema.get("anyOf"):
        case [dict(kind), {"type": "null"}]:
            del schema["anyOf"]
            parameter["schema"] = schema = kind | schema
    if schema.get("type") == "array":
        parameter["explode"] = False


def _headers(status: int, operation: Json) -> Iterator[str]:
    yield "X-Request-Id"
    if "security" in operation and status < 500:  # else it may not be known whose request it is
        yield from COUNTED
    if status == 401:
        yield "WWW-Authenticate"
    if status in {429, 503}:
        yield "Retry-After"
    names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    if status < 300 and "idempotency-key" in names:
        yield REPLAYED


def _links(document: Json, maker: str) -> Json:
    """To every operation on what `maker` makes, but not on what another makes of that."""
    return {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {
                name: f"$response.body#{at}"
                for name, at in MAKES[maker].names.items()
                if f"{{{name}}}" in path
            },
        }
        for path, method, operation in _operations(document)
        if _maker(f"{method.upper()} {path}") == maker
    }


def _maker(operation: str) -> str | None:
    """Who has to have made what this operation is on, if anybody."""
    path = operation.partition(" ")[2]
    makers = [
        maker
        for maker, made in MAKES.items()
        if maker != operation and f"{path}/".startswith(f"{made.path}/")
    ]
    return max(makers, key=lambda maker: len(MAKES[maker].path), default=None)
