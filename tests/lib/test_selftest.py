"""The guard proves itself at start; a guard that lets through is found out."""

import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address

import aiohttp
import pytest

from loopback import Names
from oncue.lib import addresses, fence
from oncue.lib.addresses import Allowed
from oncue.lib.outbound import GuardedClient
from oncue.lib.selftest import GuardBroken, self_test

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "opened", ["", "n8n:5678", "10.0.0.0/8", "127.0.0.1", "127.0.0.0/8", "0.0.0.0/0 ::/0"]
)
async def test_a_whole_guard_passes(opened: str) -> None:
    await self_test(GuardedClient(Allowed.parse(opened), resolver=Names()))


async def test_a_guard_that_denies_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_denied(_address: IPv4Address, _allowed: Allowed, _port: int) -> bool:
        return False

    monkeypatch.setattr(addresses, "is_denied", is_denied)

    with pytest.raises(GuardBroken):
        await self_test(GuardedClient(Allowed(), resolver=Names()))


async def test_a_guard_whose_sockets_nobody_judges_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connector(
        _fence: object, addresses: Sequence[str], _tls: ssl.SSLContext
    ) -> aiohttp.TCPConnector:
        """As with a library that takes a socket factory and does not ask it."""
        return aiohttp.TCPConnector(resolver=fence._Known(addresses))

    monkeypatch.setattr(fence._Fence, "connector", connector)

    with pytest.raises(GuardBroken):
        await self_test(GuardedClient(Allowed(), resolver=Names()))
