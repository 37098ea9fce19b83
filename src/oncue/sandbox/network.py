"""What every simulated network shares: its place in the world, and how faults meet requests.

A network is a class with a `platform`, its `routes()`, its own error bodies in `error()` and
a way to tell whose request it is. Handlers are written for the sunny day; `meets` wraps one
so that an ordered fault happens before it, after it, or instead of it.
"""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, TypeAlias

from aiohttp import web

from oncue.sandbox.faults import PROCESSING, Effect, Fault, Faults, Kind
from oncue.sandbox.fetching import fetch
from oncue.sandbox.grants import Grants
from oncue.sandbox.ledger import Entry, Ledger
from oncue.sandbox.ledger import Kind as EntryKind

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Whose: TypeAlias = Callable[[web.Request], Awaitable[str | None]]
Wording: TypeAlias = Callable[[Kind | str, Fault | None], web.Response]
Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]

TOKEN_PREFIX: Final = "sandbox:"
FAULT: Final = web.RequestKey("fault", Fault)
NUMBERS_PER_ENTRY: Final = 10  # at most: an album of Telegram's is ten messages and one entry


@dataclass(slots=True)
class World:
    """What the networks share. `now` is the clock; `serial` numbers what they make.

    `fetch` gets what is at an address, or raises OSError; `grants` are what users allowed
    applications on each network that asks them.
    """

    ledger: Ledger
    faults: Faults
    now: Callable[[], datetime]
    base_url: str
    fetch: Fetch = fetch
    grants: list[Grants] = field(default_factory=list)
    _serial: int = field(init=False)

    def __post_init__(self) -> None:
        self._serial = NUMBERS_PER_ENTRY * len(self.ledger.entries())

    def serial(self) -> int:
        """A number no network has used before, also not before a restart."""
        self._serial += 1
        return self._serial


class Network(ABC):
    """One simulated network, mounted at its lower-case platform name."""

    platform: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def prefix(self) -> str:
        return "/" + self.platform.lower()

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """The network's endpoints, without the prefix."""

    @abstractmethod
    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        """The network's own answer for REJECT, RATE_LIMIT, UNAVAILABLE, EXPIRED_TOKEN,
        REVOKED_TOKEN, DUPLICATE, and for "server_error".
        """  # noqa: D205

    @abstractmethod
    def account(self, request: web.Request) -> str | None:
        """Whose request this is, or None where it carries no valid credentials."""

    def meets(
        self,
        effect: Effect,
        handler: Handler,
        *,
        whose: Whose | None = None,
        error: Wording | None = None,
    ) -> Handler:
        """`handler`, with whatever fault is ordered for this network and effect.

        `whose` and `error` stand in for `account` and `error` where a handler has its own.
        """

        async def faulty(request: web.Request) -> web.StreamResponse:
            account = await whose(request) if whose else self.account(request)
            fault = self.world.faults.take(self.platform, account, effect)
            if fault is None:
                return await handler(request)
            return await self._suffer(fault, request, handler, error or self.error)

        return faulty

    async def _suffer(
        self, fault: Fault, request: web.Request, handler: Handler, error: Wording
    ) -> web.StreamResponse:
        if fault.kind in PROCESSING:
            request[FAULT] = fault
            return await handler(request)
        match fault.kind:
            case Kind.SLOW:
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            case Kind.GARBAGE:
                return web.Response(
                    text="<html><body>Bad gateway?</body></html>", content_type="text/html"
                )
            case Kind.ACCEPT_THEN_DROP:
                answer = await handler(request)
                if answer.status < 300 and request.transport is not None:
                    request.transport.abort()
                return answer
            case Kind.ACCEPT_THEN_500:
                answer = await handler(request)
                return error("server_error", fault) if answer.status < 300 else answer
            case kind:
                await request.read()  # a network reads what it refuses
                return error(kind, fault)

    def record(
        self,
        account: str,
        kind: EntryKind,
        id: str,  # noqa: A002  (the ledger's own word)
        *,
        parent: str | None = None,
        text: str | None = None,
        media: Sequence[Mapping[str, Any]] = (),
        key: str | None = None,
    ) -> Entry:
        """Write into the ledger that this network accepted something."""
        return self.world.ledger.record(
            platform=self.platform,
            account=account,
            kind=kind,
            id=id,
            at=self.world.now(),
            parent=parent,
            text=text,
            media=media,
            key=key,
        )

    def post(self, account: str, id: str) -> Entry | None:  # noqa: A002  (the ledger's own word)
        """The account's post or comment with this id, unless it was deleted."""
        posts = self.world.ledger.live_posts(self.platform, account)
        return next((entry for entry in posts if entry.id == id), None)

    def upload(self, account: str, id: str) -> Entry | None:  # noqa: A002  (likewise)
        """The file the account uploaded under this id."""
        uploads = self.world.ledger.entries(platform=self.platform, account=account, kind="upload")
        return next((entry for entry in uploads if entry.id == id), None)


def username_of(token: str) -> str:
    """The sandbox user a token belongs to: any token is somebody's.

    "sandbox:maria" is maria's; another token belongs to a user named after its digest, so
    that the token itself stays out of the ledger.
    """
    if token.startswith(TOKEN_PREFIX) and token != TOKEN_PREFIX:
        return token.removeprefix(TOKEN_PREFIX)
    return "user_" + hashlib.sha256(token.encode()).hexdigest()[:8]


def bearer(request: web.Request) -> str | None:
    """The bearer token of a request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def file_facts(content: bytes, type_: str, **more: Any) -> dict[str, Any]:
    """How the ledger describes a file."""
    return {
        "type": type_,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **more,
    }
