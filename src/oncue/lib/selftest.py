"""The guard's proof at start: in this Python, with this aiohttp, a denied address is refused."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from oncue.lib.addresses import NotAllowed, check_url, is_denied
from oncue.lib.fence import Request, connected
from oncue.lib.outbound import GuardedClient, deadline

SELF_TEST: Final = timedelta(seconds=5)


class GuardBroken(RuntimeError):
    """The guard let a denied address through: this process must not call users' URLs."""


async def self_test(client: GuardedClient) -> None:
    """Make sure at start that a denied address is not called; raises GuardBroken.

    A listener on this machine must not be reached in three ways: by its address in a URL, by a
    name, and by a socket, past the two checks before it. Where the operator opened loopback
    there is nothing to try.
    """
    calls: list[object] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(writer)
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener:
        port: int = listener.sockets[0].getsockname()[1]
        for bait in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  (to be refused, not bound)
            if is_denied(ip_address(bait), client.allowed, port):
                await _expect_refusals(client, bait, port)
    if calls:
        raise GuardBroken("a denied address was called")


async def _expect_refusals(client: GuardedClient, bait: str, port: int) -> None:
    async def name_the_bait(_name: str) -> Sequence[str]:
        return [bait]

    async def reach_the_socket() -> None:
        target = check_url(named, allowed=client.allowed, https_only=False, ports={port})
        request = Request(method="POST", target=target, headers={})
        async with deadline(SELF_TEST), connected(request, [bait], client.allowed, client.tls):
            pass

    twin = type(client)(client.allowed, resolver=name_the_bait, ports={port})
    named = f"http://self-test.invalid:{port}/"
    outcomes = await asyncio.gather(
        twin.post(f"http://{bait}:{port}/", b"", {}, SELF_TEST),
        twin.post(named, b"", {}, SELF_TEST),
        reach_the_socket(),
        return_exceptions=True,
    )
    if not all(isinstance(outcome, NotAllowed) for outcome in outcomes):
        raise GuardBroken("a denied address was not refused")
