"""A network of our own making, for what happens between a Call and the wire.

People come with a password and are given tokens, "token 1" first; the newest is good.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

from aiohttp import web
from aiohttp.test_utils import TestServer

from oncue.connectors.answers import Refusal, Reply
from oncue.connectors.base import (
    Account,
    Call,
    Connector,
    Effect,
    Exchange,
    Identity,
    Published,
    Secrets,
    Session,
    SignsIn,
    Steps,
)
from oncue.connectors.spec import Draft, Media, MediaRules, Spec, TextRule

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


async def no_file(_media: Media) -> Path:
    """Where Plain's files are: it has none."""
    raise AssertionError("nothing here has files")


LIVES: Final = timedelta(hours=1)
LOOK: Final = Call("GET", "/look")
POST: Final = Call("POST", "/post", json={"text": "Hi"}, effect=Effect.KEYED, name="post")


class Plain(Connector):
    """A network whose tokens last until somebody takes them back."""

    spec: ClassVar[Spec] = Spec(
        platform="PLAIN",
        name="Plain",
        base_url="https://plain.test",
        text=TextRule(limit=10, unit="characters"),
        media=MediaRules(at_most=0),
        credentials=("accessToken",),
    )

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        reply = yield POST
        return Published(id=reply.text("id"), url=None)

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/me")
        return Identity(native_id=me.text("id"), username="maria", display_name="Maria")

    def meaning(self, reply: Reply) -> Refusal | None:
        return Refusal.RECONNECT if reply.status == 403 else super().meaning(reply)


class Visitor(Plain, SignsIn):
    """The same with sessions."""

    def sign_in(self, secrets: Secrets) -> Generator[Exchange, Reply, Session]:
        reply = yield Exchange("POST", "/session", json={"password": secrets["password"]})
        return Session(secrets={"accessToken": reply.text("token")}, expires_in=LIVES)


@dataclass
class Front:
    """The network itself. `answers` says what happens instead, path by path."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, authorization
    sessions: int = 0
    url: str = ""

    def open(self) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._meet)
        return TestServer(app)

    async def _meet(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("authorization", "")))
        return await self.answers.get(request.path, self._answer)(request)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path == "/session":
            self.sessions += 1
            return web.json_response({"token": f"token {self.sessions}"})
        if request.headers.get("authorization") != f"Bearer token {self.sessions}":
            return web.json_response({"error": "expired"}, status=401)
        return web.json_response({"id": "7"}, headers={"set-cookie": "a=b", "retry-after": "3"})

    def paths(self) -> list[str]:
        return [path for path, _authorization in self.asked]


def always(status: int, body: Any = None) -> Answer:
    """Answer every request like this."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


async def hang_up(request: web.Request) -> web.Response:
    """Read the request, and cut the connection."""
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def html(_request: web.Request) -> web.Response:
    return web.Response(text="<html>Bad gateway?</html>", content_type="text/html")
