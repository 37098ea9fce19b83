"""The guarded client: it calls addresses that users name, and none that it should not.

Every call is judged anew, because names change what they stand for: the text of the URL, every
answer to its name, and last the address each socket connects to. Nothing is looked up twice.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from oncue.lib.addresses import (
    WEB_PORTS,
    Allowed,
    NotAllowed,
    Target,
    check_addresses,
    check_text,
    check_url,
)
from oncue.lib.fence import HEADER_BYTES, Request, Resolver, connected

ANSWER_BYTES: Final = 16 * 1024
CHUNK_BYTES: Final = 64 * 1024
REDIRECTS: Final = 3
REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
LOOKUP_SECONDS: Final = 5

# What went wrong, in words for a delivery log: the first class that fits.
WORDS: Final[tuple[tuple[type[aiohttp.ClientError], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "its TLS certificate is not valid for it"),
    (aiohttp.ClientConnectorSSLError, "it and we found no way to speak TLS"),
    (aiohttp.ClientConnectorError, "it accepts no connection"),
    (aiohttp.ServerTimeoutError, "it accepts no connection"),
    (aiohttp.ClientResponseError, "its answer is not HTTP that can be read"),
    (aiohttp.ClientError, "the connection broke off"),
)


class Unreachable(Exception):
    """No whole answer came back; the message says why."""


class TooLarge(Unreachable):
    """There is more to download than was allowed for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a receiver answered: names of headers in lower case, the body not decoded and cut."""

    status: int
    headers: Mapping[str, str]
    body_start: bytes
    latency: timedelta

    @property
    def retry_after(self) -> str | None:
        return self.headers.get("retry-after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that was fetched: its size, and what its server says that it is."""

    size_bytes: int
    claimed_type: str


class GuardedClient:
    """Requests to addresses that users name; each has a connection of its own."""

    def __init__(
        self, allowed: Allowed, *, resolver: Resolver, ports: Collection[int] = WEB_PORTS
    ) -> None:
        self.allowed = allowed
        self._resolver = resolver
        self._ports = ports

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The system's authorities. Reading them takes some 25 ms, so only who calls pays."""
        return ssl.create_default_context()

    async def check(self, url: str, *, https_only: bool) -> None:
        """Judge a URL when a user names it; raises NotAllowed.

        A name without an address passes: it is judged again whenever it is called.
        """
        target = self.target(url, https_only=https_only)
        with suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(LOOKUP_SECONDS):
                await self.look_up(target)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: timedelta
    ) -> Answered:
        """Send a body once and say what came back, be it a redirect.

        Raises NotAllowed (nothing was sent) or Unreachable.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        request = Request(method="POST", target=self.target(url), headers=headers, data=body)
        async with deadline(timeout) as limit, self._call(request) as response:
            latency = timedelta(seconds=loop.time() - began)
            return Answered(
                status=response.status,
                headers={name.lower(): value for name, value in response.headers.items()},
                body_start=await _start_of(response, limit),
                latency=latency,
            )

    async def download(
        self,
        url: str,
        to_file: Path,
        max_bytes: int,
        timeout: timedelta,
        headers: Mapping[str, str] | None = None,
    ) -> Downloaded:
        """Fetch into a new file, following redirects; a failure leaves no file behind.

        Raises NotAllowed, TooLarge or Unreachable. `headers` go to the URL's own origin only.
        """
        request = Request(
            method="GET", target=self.target(url), headers=headers or {}, decodes=True
        )
        async with deadline(timeout):
            for _ in range(REDIRECTS + 1):
                async with self._call(request) as response:
                    if response.status not in REDIRECTING:
                        return await _save(response, to_file, max_bytes)
                    following = self.target(_redirect(response))
                is_same = following.url.origin() == request.target.url.origin()
                kept = request.headers if is_same else {}
                request = Request(method="GET", target=following, headers=kept, decodes=True)
            raise Unreachable(f"it redirects more than {REDIRECTS} times")

    def target(self, url: str, *, https_only: bool = False) -> Target:
        """A URL, judged by its text; raises NotAllowed."""
        return check_url(url, allowed=self.allowed, https_only=https_only, ports=self._ports)

    async def look_up(self, target: Target) -> Sequence[str]:
        """The addresses to call, all of them permitted; raises NotAllowed or Unreachable."""
        if target.address:
            return [str(target.address)]
        try:
            addresses = await self._resolver(target.url.raw_host or "")
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise Unreachable("its host has no address")
        check_addresses(target, addresses, self.allowed)
        return addresses

    @asynccontextmanager
    async def _call(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        addresses = await self.look_up(request.target)
        async with self.call(request, addresses) as response:
            yield response

    @asynccontextmanager
    async def call(
        self, request: Request, addresses: Sequence[str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make a request at one of these addresses; raises NotAllowed, Unreachable."""
        async with connected(request, addresses, self.allowed, self.tls) as response:
            size = sum(len(name) + len(value) + 4 for name, value in response.raw_headers)
            if size > HEADER_BYTES:
                raise Unreachable(f"its headers are larger than {HEADER_BYTES} bytes")
            yield response


@asynccontextmanager
async def deadline(timeout: timedelta) -> AsyncIterator[asyncio.Timeout]:
    """The time that a whole call may take; what goes wrong in it becomes Unreachable."""
    seconds = timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds) as limit:
            yield limit
    except aiohttp.ClientError as error:
        raise Unreachable(next(words for kind, words in WORDS if isinstance(error, kind))) from None
    except TimeoutError:
        raise Unreachable(f"no answer within {seconds:g} seconds") from None


async def _start_of(response: aiohttp.ClientResponse, limit: asyncio.Timeout) -> bytes:
    """The body's beginning. The status is known: from here on the deadline only cuts short."""
    body, end = bytearray(), limit.when()
    limit.reschedule(None)
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout_at(end):
            while more := await response.content.read(ANSWER_BYTES - len(body)):
                body += more
    return bytes(body)


async def _save(response: aiohttp.ClientResponse, to_file: Path, max_bytes: int) -> Downloaded:
    if response.status != 200:
        raise Unreachable(f"it answers {response.status}")
    if (response.content_length or 0) > max_bytes:
        raise TooLarge(f"it is larger than {max_bytes} bytes")
    size = 0
    with to_file.open("xb") as file:
        try:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                size += len(chunk)
                if size > max_bytes:
                    raise TooLarge(f"it is larger than {max_bytes} bytes")
                file.write(chunk)
        except BaseException:
            _discard(to_file)
            raise
    return Downloaded(size_bytes=size, claimed_type=response.content_type)


def _discard(file: Path) -> None:
    file.unlink(missing_ok=True)


def _redirect(response: aiohttp.ClientResponse) -> str:
    """Where a redirect leads, its host still to be judged."""
    location = response.headers.get("location", "")
    check_text(location)
    try:
        following = response.url.join(URL(location, encoded=location.isascii()))
        text = str(following)
    except ValueError:
        raise NotAllowed("it redirects to what is not a URL") from None
    if response.url.scheme == "https" and following.scheme != "https":
        raise NotAllowed("it redirects from https to http")
    return text
