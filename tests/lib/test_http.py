"""What the outbound client is certain of: not sent, not answered, or a whole answer."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

import pytest

from oncue.lib import http
from oncue.lib.http import HttpClient, NeverAnswered, NeverSent, Request

pytestmark = pytest.mark.anyio

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def patient_for(seconds: float) -> AsyncIterator[HttpClient]:
    client = HttpClient(timeout=seconds)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with patient_for(2) as client:
        yield client


@asynccontextmanager
async def peer(talk: Talk) -> AsyncIterator[str]:
    """Somebody who listens, and does to each connection what `talk` does."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client has left
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1")
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


def hang_up(writer: asyncio.StreamWriter) -> None:
    """Cut the connection at once, with a reset."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_refused_connection_was_never_sent(client: HttpClient, free_port: int) -> None:
    with pytest.raises(NeverSent):
        await client.send(Request(method="POST", url=f"http://127.0.0.1:{free_port}/"))


@pytest.mark.parametrize(
    "address",
    [
        "http://nowhere.invalid/",
        "http://a..b/",
        f"http://{'a' * 64}.test/",
        "http://[half/",
        "http://127.0.0.1:99999/",
        "ftp://127.0.0.1/",
        "",
    ],
)
async def test_an_address_that_leads_nowhere_was_never_sent(
    client: HttpClient, address: str
) -> None:
    with pytest.raises(NeverSent):
        await client.send(Request(method="POST", url=address))


async def test_without_tls_nothing_was_sent(client: HttpClient) -> None:
    async def speak_plainly(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    async with peer(speak_plainly) as url:
        with pytest.raises(NeverSent):
            await client.send(Request(method="POST", url=url.replace("http", "https", 1)))


async def test_a_connection_that_is_not_made_in_time_was_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.05)

    with nobody_let_in() as url:
        async with patient_for(2) as client:
            with pytest.raises(NeverSent):
                await client.send(Request(method="POST", url=url))


@contextmanager
def nobody_let_in() -> Iterator[str]:
    """The address of somebody who listens, but whose queue is full."""
    with ExitStack() as sockets:
        deaf = sockets.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/"


async def test_a_reset_before_the_request_was_read_leaves_the_outcome_open(
    client: HttpClient,
) -> None:
    async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hang_up(writer)

    async with peer(cut) as url:
        with pytest.raises(NeverAnswered):
            await client.send(Request(method="POST", url=url, is_decisive=True))


@pytest.mark.parametrize(
    "answered",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nplain",
        b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 100,
    ],
)
async def test_half_an_answer_or_none_leaves_the_outcome_open(
    client: HttpClient, answered: bytes
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answered)
        await writer.drain()

    async with peer(break_off) as url:
        with pytest.raises(NeverAnswered):
            await client.send(Request(method="POST", url=url, is_decisive=True))


async def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_open() -> None:
    given_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await given_up.wait()

    async with peer(say_nothing) as url, patient_for(0.05) as client:
        with pytest.raises(NeverAnswered):
            await client.send(Request(method="POST", url=url))
        given_up.set()


async def test_a_decisive_request_takes_no_connection_that_may_be_dying(
    client: HttpClient,
) -> None:
    answered: list[bytes] = []

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep the connection open after one answer, as servers do, and hang up on a second."""
        answered.append((await read_request(reader)).split()[0])
        writer.write(OK)
        await reader.read(1)
        hang_up(writer)

    async with peer(answer_once) as url:
        await client.send(Request(method="GET", url=url))
        for _ in range(3):
            answer = await client.send(Request(method="POST", url=url, is_decisive=True))
            assert answer.status == 200

    assert answered == [b"GET", b"POST", b"POST", b"POST"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_decisive_request_that_is_cut_off_is_not_sent_again_behind_our_back(
    client: HttpClient, method: str
) -> None:
    arrived: list[bytes] = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append((await read_request(reader)).split()[0])
        hang_up(writer)

    async with peer(cut) as url:
        with pytest.raises(NeverAnswered):
            await client.send(Request(method=method, url=url, is_decisive=True))

    assert arrived == [method.encode()]


async def test_what_went_wrong_is_told_without_the_address(
    client: HttpClient, free_port: int
) -> None:
    address = f"http://127.0.0.1:{free_port}/bot123:secret/sendMessage"

    with pytest.raises(NeverSent) as told:
        await client.send(Request(method="POST", url=address, query={"token": "secret"}))

    assert "secret" not in str(told.value)


async def test_a_proxy_of_the_environment_is_not_used(
    client: HttpClient, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port}")
    async with peer(answer) as url:
        assert (await client.send(Request(method="GET", url=url))).status == 200
