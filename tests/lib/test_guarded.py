"""Requests to servers that users name: as any other, but only to where they may lead."""

from pathlib import Path
from typing import Any, Final

import pytest

from loopback import Names, Served, answering, endless, hang, serving
from oncue.lib.addresses import NOTHING, Allowed, NotAllowed
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import ANSWER_BYTES, NeverAnswered, NeverSent, Part, Request
from oncue.lib.outbound import GuardedClient

pytestmark = pytest.mark.anyio

JSON: Final = answering(200, b'{"id": "7"}', content_type="application/json", x_kept="yes")


def opened(*entries: str, names: Names | None = None, timeout: float = 5) -> GuardedHttp:
    """A client of an operator who has opened these."""
    allowed = Allowed.parse(" ".join(entries)) if entries else NOTHING
    return GuardedHttp(GuardedClient(allowed, resolver=names or Names()), timeout=timeout)


def here(served: Served, path: str = "", **more: Any) -> Request:
    return Request(**{"method": "GET", "url": served.url + path, **more})


async def test_what_is_sent_arrives_and_the_answer_is_read() -> None:
    async with serving(JSON) as server:
        client = opened(f"127.0.0.1:{server.port}")
        answer = await client.send(
            here(server, "/a?b=c", query={"d": "e f"}, headers={"authorization": "Bearer x"})
        )

    assert (answer.status, answer.body, answer.headers["x-kept"]) == (200, {"id": "7"}, "yes")
    [asked] = server.asked
    assert asked.startswith(b"GET /a?b=c&d=e+f HTTP/1.1\r\n")
    assert b"authorization: Bearer x" in asked.replace(b"Authorization", b"authorization")


async def test_forms_and_json_and_files_go_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"GIF89a")
    part = Part(name="file", file=file, filename="a.gif", type="image/gif")
    async with serving(JSON) as server:
        client = opened(f"127.0.0.1:{server.port}")
        for body in (
            {"form": {"a": "b c"}},
            {"json": {"a": 1}},
            {"parts": (part,), "form": {"x": "y"}},
            {"body": file, "headers": {"content-type": "image/gif"}},
        ):
            await client.send(here(server, method="POST", **body))

    form, json, files, whole = server.asked
    assert form.endswith(b"\r\n\r\na=b+c")
    assert json.endswith(b'{"a": 1}')
    assert b'name="x"' in files
    assert b"GIF89a" in files
    assert whole.endswith(b"\r\n\r\nGIF89a")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://inside.test/",
        "https://half.test/",
        "http://outside.test/",
        "https://outside.test:{port}/",
        "https://unknown.test/",
        "nonsense",
    ],
)
async def test_where_it_may_not_lead_nothing_is_sent(url: str) -> None:
    names = Names(
        inside_test=[["10.0.0.1"]],
        half_test=[["93.184.216.34", "127.0.0.1"]],
        outside_test=[["93.184.216.34"]],
    )
    async with serving(JSON) as server:
        request = Request(method="GET", url=url.format(port=server.port))
        with pytest.raises(NeverSent):
            await opened(names=names).send(request)

    assert server.asked == []


async def test_a_name_that_comes_to_mean_something_else_is_not_called() -> None:
    client = opened(names=Names(moved_test=[["93.184.216.34"], ["127.0.0.1"]]))
    await client.check("https://moved.test")

    with pytest.raises(NeverSent, match="no public address"):
        await client.send(Request(method="GET", url="https://moved.test/"))


async def test_a_server_is_judged_when_it_is_named() -> None:
    client = opened("friend.test")

    await client.check("http://friend.test:8080")
    for url in ("http://stranger.test", "https://10.0.0.1"):
        with pytest.raises(NotAllowed):
            await client.check(url)


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    moved = answering(302, location="http://127.0.0.1:9/")
    async with serving(moved) as server:
        answer = await opened(f"127.0.0.1:{server.port}").send(here(server))

    assert (answer.status, len(server.asked)) == (302, 1)


async def test_a_connection_that_is_refused_was_not_used(free_port: int) -> None:
    client = opened(f"127.0.0.1:{free_port}")

    with pytest.raises(NeverSent):
        await client.send(Request(method="GET", url=f"http://127.0.0.1:{free_port}/"))


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        endless(b"HTTP/1.1 200 OK\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut",
        answering(200, b"{}", x="y" * 20_000),
        answering(200, b" " * (ANSWER_BYTES + 1)),
    ],
    ids=["silence", "no end", "an early end", "headers too large", "body too large"],
)
async def test_an_answer_that_is_not_whole_is_none(answer: Any) -> None:
    async with serving(answer) as server:
        client = opened(f"127.0.0.1:{server.port}", timeout=0.5)
        with pytest.raises(NeverAnswered):
            await client.send(here(server))
