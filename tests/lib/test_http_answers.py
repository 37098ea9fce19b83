"""What the outbound client makes of an answer: never more of it than is safe to hold."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oncue.lib.http import ANSWER_BYTES, Answer, HttpClient, NeverAnswered, Part, Request

pytestmark = pytest.mark.anyio

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

MB = 1024 * 1024


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def asked(handler: Handler, **request: Any) -> Answer:
    """What the client makes of the handler's answer to one request."""
    client = HttpClient(timeout=5)
    try:
        async with serving(handler) as url:
            return await client.send(Request(**{"method": "GET", "url": url} | request))
    finally:
        await client.close()


def answering(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return answer


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b'{"id": "7", "n": [1, null]}', {"id": "7", "n": [1, None]}),
        (b"[]", []),
        (b"true", True),
        (b"", None),
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b'{"id": ', '{"id": '),
        (b"\xff\xfe", "��"),
        (b"[" * 100_000, "[" * 100_000),
        (b'{"\\u0000": ["a\\u0000b", "\\ud83d", "\\ud83d\\ude00"]}', {"�": ["a�b", "?", "😀"]}),
        (b"<p>\x00</p>", "<p>�</p>"),
        (b"[1.5, -2e3]", [1.5, -2000.0]),
        (b"[NaN]", "[NaN]"),
        (b'{"n": 1e400}', '{"n": 1e400}'),
        (b"[" + b"9" * 5_000 + b"]", "[" + "9" * 5_000 + "]"),
    ],
)
async def test_json_is_read_and_everything_else_is_text(sent: bytes, body: object) -> None:
    assert (await asked(answering(sent))).body == body


async def test_a_refusal_is_an_answer_too() -> None:
    answer = await asked(answering(b'{"error": "no"}', status=503, Retry_After="7"))

    assert (answer.status, answer.body) == (503, {"error": "no"})
    assert answer.headers["retry-after"] == "7"


async def test_an_answer_of_the_largest_size_is_whole() -> None:
    answer = await asked(answering(b"a" * ANSWER_BYTES))

    assert answer.body == "a" * ANSWER_BYTES


async def test_a_larger_one_is_no_answer() -> None:
    with pytest.raises(NeverAnswered, match="larger"):
        await asked(answering(b"a" * (ANSWER_BYTES + 1)))


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b"a" * 65_536)
    return response


BOMB = gzip.compress(bytes(64 * MB), compresslevel=1)
bomb = answering(BOMB, content_encoding="gzip")


@pytest.mark.parametrize("handler", [endless, bomb])
async def test_what_never_ends_takes_no_more_memory_than_an_answer_may(handler: Handler) -> None:
    async with serving(handler) as url:
        client = HttpClient(timeout=5)
        tracemalloc.start()
        with pytest.raises(NeverAnswered, match="larger"):
            await client.send(Request(method="GET", url=url))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await client.close()

    assert peak < 32 * MB


async def test_a_redirect_is_answered_and_not_followed() -> None:
    visited: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        visited.append(request.path)
        return web.Response(status=307, headers={"location": "/elsewhere"})

    answer = await asked(elsewhere, method="POST", headers={"authorization": "Bearer secret"})

    assert (answer.status, answer.headers["location"]) == (307, "/elsewhere")
    assert visited == ["/"]


async def test_cookies_are_not_kept() -> None:
    brought: list[str] = []

    async def bake(request: web.Request) -> web.Response:
        brought.append(request.headers.get("cookie", ""))
        return web.Response(headers={"set-cookie": "session=1"})

    client = HttpClient()
    async with serving(bake) as url:
        await client.send(Request(method="GET", url=url))
        await client.send(Request(method="GET", url=url))
    await client.close()

    assert brought == ["", ""]


class Received:
    """What one request brought, as a network reads it."""

    def __init__(self) -> None:
        self.query: dict[str, str] = {}
        self.body: object = None
        self.type = ""

    async def read(self, request: web.Request) -> web.Response:
        self.query, self.type = dict(request.query), request.content_type
        if request.content_type == "application/json":
            self.body = await request.json()
        elif request.content_type.startswith(("multipart/", "application/x-www-form")):
            form = await request.post()
            self.body = {name: _shown(value) for name, value in form.items()}
        else:
            self.body = await request.read()
        return web.Response()


def _shown(value: object) -> object:
    if isinstance(value, web.FileField):
        return value.filename, value.content_type, value.file.read()
    return value


async def test_a_query_and_a_json_body_arrive_as_they_are() -> None:
    received = Received()

    await asked(received.read, method="POST", query={"a": "ü&="}, json={"text": "Grüße 👋"})

    assert (received.query, received.body) == ({"a": "ü&="}, {"text": "Grüße 👋"})


async def test_a_form_arrives_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x89PNG")
    photo = Part(name="photo", file=tmp_path / "file", filename="a.png", type="image/png")
    received = Received()

    await asked(received.read, method="POST", form={"caption": "Hi"}, parts=(photo,))

    assert received.body == {"caption": "Hi", "photo": ("a.png", "image/png", b"\x89PNG")}


async def test_a_form_without_files_is_urlencoded() -> None:
    received = Received()

    await asked(received.read, method="POST", form={"status": "a&b"})

    assert (received.type, received.body) == (
        "application/x-www-form-urlencoded",
        {"status": "a&b"},
    )


async def test_a_body_is_the_files_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"GIF89a")
    received = Received()

    await asked(
        received.read,
        method="POST",
        body=tmp_path / "file",
        headers={"content-type": "image/gif"},
    )

    assert (received.type, received.body) == ("image/gif", b"GIF89a")
