"""The snake_case dialect's envelope and error words, on everything under /api/v1."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel

from oncue.errors import AppError, Unauthorized
from oncue.lib.clock import iso

T = TypeVar("T")

PREFIX: Final = "/api/v1/"
CODES: Final[Mapping[str, str]] = {
    "UNAUTHORIZED": "invalid_api_key",
    "AUTHORIZATION_ERROR": "insufficient_scope",
    "RATE_LIMITED": "rate_limit_exceeded",
    "CONFLICT": "invalid_state",
}


class ErrorBody(BaseModel):
    """What went wrong. `retryable` says whether sending the same again may help."""

    message: str
    code: str
    retryable: bool
    details: Any | None = None


class Meta(BaseModel):
    """Which request this answers, and when."""

    request_id: str
    timestamp: str


class Envelope(BaseModel, Generic[T]):
    """Every answer of this dialect."""

    data: T | None
    error: ErrorBody | None
    meta: Meta


def meta_of(request: Request, now: datetime) -> Meta:
    return Meta(request_id=request.scope["state"]["request_id"], timestamp=iso(now))


def code_of(error: AppError) -> str:
    """The error's code in this dialect's words."""
    if isinstance(error, Unauthorized) and error.is_keyless:
        return "unauthorized"
    return in_words(error.code)


def in_words(code: str) -> str:
    """Our code in this dialect's words; what is in them already stays so."""
    return CODES.get(code, code.lower())


def refusal(
    status: int, code: str, message: str, details: Any | None, facts: Meta
) -> Envelope[None]:
    """The answer to what was not done."""
    retryable = status >= 500 or status == 429
    error = ErrorBody(message=message, code=in_words(code), retryable=retryable, details=details)
    return Envelope[None](data=None, error=error, meta=facts)


STATUSES: Final = {
    400: "The request is malformed or breaks a rule.",
    401: "The key is missing or unknown.",
    403: "The key lacks the scope.",
    409: "The Idempotency-Key was used for another request.",
    413: "The body is too large.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "Not now; nothing was changed.",
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": words, "model": Envelope[None]} for status, words in STATUSES.items()
}
"""What the document says of every refusal under /api/v1."""
