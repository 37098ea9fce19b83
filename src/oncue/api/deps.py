"""What endpoints ask for: the services, and a caller who may do what they offer."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from fastapi import Depends, Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope as Asked

from oncue.api.edge import ALLOWANCE
from oncue.api.services import Services
from oncue.errors import Forbidden, TooManyRequests, Unauthorized
from oncue.media import disk
from oncue.workspaces import keys, plans
from oncue.workspaces.keys import Caller, Scope
from oncue.workspaces.plans import PLANS, Plan
from oncue.workspaces.ratelimit import WINDOW_SECONDS, allowance, minute_of

bearer = HTTPBearer(auto_error=False, description="An API key: `oncue keys create` makes one.")

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


# Dependencies are coroutines even where they wait for nothing: FastAPI sends others to a thread.
async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Shared = Annotated[Services, Depends(services)]


class KeyedRoute(APIRoute):
    """A route that asks whose request it is, and whether it may, before it reads the body.

    So a body without a key or its scope costs nothing, and one that cannot be read counts like
    any other.
    And what another route is called is nobody's id: /v1/posts/validate has the methods it has.
    """

    _fixed: ClassVar[set[str]] = set()

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if "{" not in path:
            self._fixed.add(path)

    def matches(self, scope: Asked) -> tuple[Match, Asked]:
        if self.param_convertors and scope["path"] in self._fixed:
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        asked = [dependant.call for dependant in self.dependant.dependencies]
        needed = [_SCOPES[call] for call in asked if call in _SCOPES]
        reads_form = self.body_field is not None and isinstance(self.body_field.field_info, Form)

        async def after_the_key(request: Request) -> Response:
            request.state.reads_form = reads_form
            request.state.caller = await _identify(request, await services(request))
            for scope in needed:
                _demand(request.state.caller, scope)
            try:
                return await answer(request)
            except HTTPException as unread:
                _blame_the_disk(unread.__cause__)
                raise

        return after_the_key


def _blame_the_disk(trouble: BaseException | None) -> None:
    """A form passes through a folder for temporary files. That it is full is not its sender's
    fault, though FastAPI takes it for that: raises Unavailable.
    """  # noqa: D205
    if isinstance(trouble, OSError) and trouble.errno in disk.FULL:
        raise disk.full() from trouble


async def _identify(request: Request, shared: Services) -> Caller:
    """Whose key this is. Every request counts, those without a good key by their address."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    admitted, now = None, shared.now()
    if scheme.lower() == "bearer" and keys.is_well_formed(key):
        admitted = await shared.gate.admit(key, now)
    if admitted is None:
        count_stranger(request, shared)
        raise Unauthorized(is_keyless=not key)
    _allow(request, admitted.used, PLANS[admitted.caller.plan], now)
    return admitted.caller


def count_stranger(request: Request, shared: Services, purpose: str = "") -> None:
    """Count a request without a good key by its address; raises TooManyRequests.

    Each purpose is counted by itself.
    """
    now = shared.now()
    address = request.client.host if request.client else ""
    used = shared.strangers.take((purpose, address), minute_of(now))
    _allow(request, used, plans.WITHOUT_KEY, now)


async def count_unrouted(request: Request) -> None:
    """Count a request that no route took, like any other; raises TooManyRequests."""
    if not hasattr(request.state, "caller"):
        with suppress(Unauthorized):
            request.state.caller = await _identify(request, await services(request))


async def authenticate(request: Request, _shown_in_openapi: Bearer) -> Caller:
    """The caller that the route has identified."""
    caller: Caller = request.state.caller
    return caller


def _allow(request: Request, used: int, plan: Plan, now: datetime) -> None:
    left = allowance(used, plan.requests_per_minute, minute_of(now))
    request.scope["state"][ALLOWANCE] = left
    if left.is_exceeded:
        seconds = int(left.reset - now.timestamp()) + 1
        raise TooManyRequests(left.limit, min(seconds, WINDOW_SECONDS))


def require(scope: Scope) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """A dependency: a caller whose key has `scope`."""

    async def check(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
        _demand(caller, scope)
        return caller

    _SCOPES[check] = scope
    return check


_SCOPES: Final[dict[Callable[..., Any], Scope]] = {}  # what each of those dependencies asks for


def _demand(caller: Caller, scope: Scope) -> None:
    if not caller.may(scope):
        raise Forbidden(scope, caller.scopes)


PostsReader = Annotated[Caller, Depends(require(Scope.POSTS_READ))]
PostsWriter = Annotated[Caller, Depends(require(Scope.POSTS_WRITE))]
AccountsReader = Annotated[Caller, Depends(require(Scope.ACCOUNTS_READ))]
AccountsWriter = Annotated[Caller, Depends(require(Scope.ACCOUNTS_WRITE))]
MediaReader = Annotated[Caller, Depends(require(Scope.MEDIA_READ))]
MediaWriter = Annotated[Caller, Depends(require(Scope.MEDIA_WRITE))]
PersonasWriter = Annotated[Caller, Depends(require(Scope.PERSONAS_WRITE))]
WebhooksReader = Annotated[Caller, Depends(require(Scope.WEBHOOKS_READ))]
WebhooksWriter = Annotated[Caller, Depends(require(Scope.WEBHOOKS_WRITE))]
AnyCaller = Annotated[Caller, Depends(authenticate)]
