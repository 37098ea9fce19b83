"""What the sandbox fetches from addresses that callers name."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oncue.sandbox.fetching import MOST, fetch

pytestmark = pytest.mark.anyio


async def document(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * int(request.match_info["size"]))


async def elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("/1")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/{size:\\d+}", document), web.get("/elsewhere", elsewhere)])
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/"))
    await server.close()


async def test_a_document_is_fetched_whole(url: str) -> None:
    assert await fetch(f"{url}{MOST}") == b"x" * MOST


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (str(MOST + 1), "more than"),
        ("elsewhere", "answered 302"),
        ("nothing", "answered 404"),
    ],
)
async def test_what_is_too_much_or_elsewhere_is_not(url: str, path: str, words: str) -> None:
    with pytest.raises(OSError, match=words):
        await fetch(url + path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/document", "nonsense", "http://[app"])
async def test_where_nobody_answers_there_is_nothing(url: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        await fetch(url)
