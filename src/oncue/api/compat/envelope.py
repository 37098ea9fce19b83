"""The snake_case dialect's envelope and error words, on everything under /api/v1."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from oncue.errors import AppError, TooManyRequests
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


def meta(request_id: str, now: datetime) -> Meta:
    return Meta(request_id=request_id, timestamp=iso(now))


def code_of(error: AppError) -> str:
    """Our code in this dialect's words."""
    return CODES.get(error.code, error.code.lower())


def error_body(error: AppError) -> ErrorBody:
    retryable = error.status >= 500 or isinstance(error, TooManyRequests)
    return ErrorBody(
        message=str(error), code=code_of(error), retryable=retryable, details=error.details
    )
