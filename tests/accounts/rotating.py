"""A network of our own making whose refresh tokens are good once, and what it was asked.

"r1" is the first one; whoever brings the newest is given the next, and "a2" to go with it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from accounts.visitor import Answer
from oncue.connectors.base import Account, Call, Identity, Published, Steps
from oncue.connectors.oauth import Authorises, KnownBy, OAuth, Proof
from oncue.connectors.spec import Draft, MediaRules, Spec, TextRule

LIVES: Final = timedelta(hours=1)
LOOK: Final = Call("GET", "/look")


class Rotating(Authorises):
    """Its connector."""

    spec: ClassVar[Spec] = Spec(
        platform="TWITTER",  # by which the app is found; nothing else of it is X's
        name="Rotating",
        base_url="https://rotating.test",
        text=TextRule(limit=10, unit="characters"),
        media=MediaRules(at_most=0),
        credentials=("accessToken",),
    )
    oauth: ClassVar[OAuth] = OAuth(
        authorize="/authorize",
        token="/token",
        scopes=("all",),
        known_by=KnownBy.GIVEN,
        proof=Proof.POST,
        lives=LIVES,
    )

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        yield from ()
        raise NotImplementedError

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/me")
        return Identity(native_id=me.text("id"), username="maria", display_name="Maria")


async def nothing() -> None:
    """What happens mostly."""


@dataclass
class Counter:
    """The network itself. `before` and `after` happen around the giving of a new token."""

    newest: int = 1
    asked: list[str] = field(default_factory=list)  # refresh tokens, or paths
    answers: dict[str, Answer] = field(default_factory=dict)
    before: Callable[[], Awaitable[None]] = nothing
    after: Callable[[], Awaitable[None]] = nothing
    url: str = ""

    def open(self) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._meet)
        return TestServer(app)

    async def _meet(self, request: web.Request) -> web.Response:
        if request.path in self.answers:
            self.asked.append(request.path)
            return await self.answers[request.path](request)
        if request.path == "/token":
            return await self._renew(str((await request.post())["refresh_token"]))
        self.asked.append(request.path)
        if request.headers.get("authorization") != f"Bearer a{self.newest}":
            return web.json_response({"error": "expired"}, status=401)
        return web.json_response({"id": "7"})

    async def _renew(self, token: str) -> web.Response:
        self.asked.append(token)
        await self.before()
        if token != f"r{self.newest}":
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.newest = given = self.newest + 1
        await self.after()
        body = {
            "access_token": f"a{given}",
            "refresh_token": f"r{given}",
            "token_type": "bearer",
            "expires_in": int(LIVES.total_seconds()),
        }
        return web.json_response(body)


class Gate:
    """Where somebody waits until a test lets them go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()
