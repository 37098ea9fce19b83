"""From a name to a socket, so that what was judged is what gets connected."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from oncue.lib.addresses import NOT_PUBLIC, Allowed, NotAllowed, Target, check_addresses

Resolver: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Tells the addresses of a name; raises OSError where it has none."""

LOOKUP_THREADS: Final = 16
CONNECT_SECONDS: Final = 5
HEADER_BYTES: Final = 8 * 1024
OUR_HEADERS: Final = {
    "User-Agent": "Oncue (+https://github.com/oncue/oncue)",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a target that was judged by its text."""

    method: str
    target: Target
    headers: Mapping[str, str]
    data: Any = None  # bytes, an open file, a form
    json: Any = None
    decodes: bool = False  # whether a compressed answer is wanted as what it was before


class SystemResolver:
    """The operating system's answers, on threads of its own: a slow name delays only names."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "resolver")

    async def __call__(self, name: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _addresses, name)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(name: str) -> Sequence[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@asynccontextmanager
async def connected(
    request: Request, addresses: Sequence[str], allowed: Allowed, tls: ssl.SSLContext
) -> AsyncIterator[aiohttp.ClientResponse]:
    """One request over one connection to one of these addresses: no proxy, cookie or redirect."""
    fence = _Fence(request.target, allowed)
    async with aiohttp.ClientSession(
        connector=fence.connector(addresses, tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        auto_decompress=request.decodes,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        trust_env=False,
    ) as session:
        try:
            async with session.request(
                request.method,
                request.target.url,
                headers={**OUR_HEADERS, **request.headers},
                data=request.data,
                json=request.json,
                allow_redirects=False,
            ) as response:
                yield response
        except aiohttp.ClientConnectorError:
            if fence.has_refused:
                raise NotAllowed(NOT_PUBLIC) from None
            raise


class _Fence:
    """Makes the sockets of one call, and takes the last look at where each will connect."""

    def __init__(self, target: Target, allowed: Allowed) -> None:
        self._target = target
        self._allowed = allowed
        self.has_refused = False

    def connector(self, addresses: Sequence[str], tls: ssl.SSLContext) -> aiohttp.TCPConnector:
        """A connector to these addresses alone. TLS and Host still speak of the URL's name."""
        return aiohttp.TCPConnector(
            resolver=_Known(addresses),
            use_dns_cache=False,
            socket_factory=self._socket,
            force_close=True,
            ssl=tls,
        )

    def _socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        try:
            check_addresses(self._target, [sockaddr[0]], self._allowed)
        except NotAllowed:
            self.has_refused = True
            raise PermissionError(NOT_PUBLIC) from None  # aiohttp awaits an OSError here
        return socket.socket(family, kind, protocol)


class _Known(AbstractResolver):
    """Answers with the addresses that were judged, whatever the name says by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=family, proto=0, flags=flags
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass
