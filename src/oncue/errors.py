"""Domain errors. They carry facts; each API dialect words them at its edge."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class AppError(Exception):
    """Base of every error a caller is expected to meet. Anything else is a bug."""

    code: str = "INTERNAL_ERROR"
    status: int = 500

    @property
    def details(self) -> Any | None:
        """Facts for a program to read; None where the message says it all."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing wrong with a request: the field, and the limit and value where it has them."""

    field: str
    message: str
    code: str | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        named = {"field": self.field, "message": self.message}
        return named | ({"code": self.code} if self.code else {}) | dict(self.facts)


@dataclass(eq=False)
class Invalid(AppError):
    """The request breaks rules of ours or of a network."""

    issues: Sequence[Issue]
    code = "VALIDATION_ERROR"
    status = 400

    def __str__(self) -> str:
        return "; ".join(f"{issue.field}: {issue.message}" for issue in self.issues)

    @property
    def details(self) -> Any:
        shown = [issue.as_json() for issue in self.issues]
        return shown[0] if len(shown) == 1 else {"errors": shown}


@dataclass(eq=False)
class InvalidMetadata(Invalid):
    """`metadata` breaks its limits: the one kind of wrong value that is a 422."""

    status = 422


@dataclass(eq=False)
class Malformed(AppError):
    """The request cannot be read at all."""

    reason: str
    code = "BAD_REQUEST"
    status = 400

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class Unauthorized(AppError):
    """No key, or no key we know."""

    is_keyless: bool = False
    code = "UNAUTHORIZED"
    status = 401

    def __str__(self) -> str:
        return "A valid API key is needed: Authorization: Bearer <key>"


@dataclass(eq=False)
class Forbidden(AppError):
    """The key is good, but not for this."""

    scope: str
    held: Collection[str]
    code = "AUTHORIZATION_ERROR"
    status = 403

    def __str__(self) -> str:
        return f"This key lacks the scope {self.scope}"

    @property
    def details(self) -> Any:
        return {"requiredScope": self.scope, "scopes": sorted(self.held)}


@dataclass(eq=False)
class NotFound(AppError):
    """There is no such thing here; another workspace's things are not here either."""

    kind: str
    id: str
    code = "NOT_FOUND"
    status = 404

    def __str__(self) -> str:
        return f"No {self.kind} with id {self.id}"


@dataclass(eq=False)
class Conflict(AppError):
    """The thing is not in a state for this."""

    reason: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    code = "CONFLICT"
    status = 409

    def __str__(self) -> str:
        return self.reason

    @property
    def details(self) -> Any | None:
        return dict(self.facts) or None


class OperationNotPermitted(Conflict):
    """The lifecycle table blocks the operation in the post's present status."""

    def __init__(self, operation: str, current: str, permitted_in: Collection[str]) -> None:
        permitted = ", ".join(sorted(permitted_in))
        super().__init__(
            f"Cannot {operation} a post that is {current} (only {permitted})",
            {"operation": operation, "status": current, "permittedIn": sorted(permitted_in)},
        )


@dataclass(eq=False, kw_only=True)
class NotAccepted(AppError):
    """A file that is not taken: its kind, its size, or because it cannot be read.

    `code` is one of MEDIA_TYPE_NOT_SUPPORTED, MEDIA_TOO_LARGE, IMAGE_TOO_LARGE, TOO_MANY_FRAMES,
    MEDIA_UNREADABLE, PROBE_LIMIT and MEDIA_NOT_MENDABLE.
    """

    code: str
    reason: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    status: int = 422

    def __str__(self) -> str:
        return self.reason

    @property
    def details(self) -> Any:
        return {"reason": self.code.lower(), **self.facts}


@dataclass(eq=False)
class LimitExceeded(AppError):
    """The workspace's plan does not reach this far."""

    what: str
    plan: str
    limit: int
    used: int
    code = "LIMIT_EXCEEDED"
    status = 402

    def __str__(self) -> str:
        return f"The plan {self.plan} has {self.limit} {self.what}; {self.used} are in use"

    @property
    def details(self) -> Any:
        return {"resource": self.what, "plan": self.plan, "limit": self.limit, "used": self.used}


@dataclass(eq=False)
class TooManyRequests(AppError):
    """The key has used up its requests for now."""

    limit: int
    retry_after_seconds: int
    code = "RATE_LIMITED"
    status = 429

    def __str__(self) -> str:
        return f"This key may make {self.limit} requests a minute"

    @property
    def details(self) -> Any:
        return {"limit": self.limit, "retryAfter": self.retry_after_seconds}


@dataclass(eq=False)
class Unavailable(AppError):
    """We cannot keep what was asked just now; nothing was changed.

    `because` is for the operator: who asks over the API is not told it.
    """

    reason: str
    because: str = ""
    code = "SERVICE_UNAVAILABLE"
    status = 503

    def __str__(self) -> str:
        return self.reason
