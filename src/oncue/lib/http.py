"""The outbound client: it says for certain what was not sent, and believes no answer blindly."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

ANSWER_BYTES: Final = 4 * 1024 * 1024
CONNECT_SECONDS: Final = 10
TOTAL_SECONDS: Final = 60
UPLOAD_SECONDS: Final = 300
NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    UnicodeError,  # a host name that cannot be one
)


class NeverSent(Exception):
    """The request did not leave: no name, no connection, no TLS."""


class NeverAnswered(Exception):
    """The request may have arrived; no whole answer came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file in a multipart form. It is read while it is sent."""

    name: str
    file: Path
    filename: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it goes out, credentials and all: it is never logged or stored."""

    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    parts: tuple[Part, ...] = ()
    body: Path | None = None
    is_decisive: bool = False  # it makes something public: use no connection of doubtful health


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: JSON parsed, other text as text, names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any


class HttpClient:
    """Requests to networks. Redirects are not followed: a token goes where it was sent.

    A decisive request gets a connection of its own. On a kept-alive one the other side may
    just be hanging up, and nobody could tell whether it had read the request first.
    """

    def __init__(self, *, timeout: float = TOTAL_SECONDS) -> None:
        self._timeout = timeout
        self._kept = _session(force_close=False)
        self._fresh = _session(_once, force_close=True)

    async def close(self) -> None:
        await self._kept.close()
        await self._fresh.close()

    async def send(self, request: Request) -> Answer:
        """The answer; raises NeverSent or NeverAnswered."""
        session = self._fresh if request.is_decisive else self._kept
        uploads = bool(request.parts or request.body)
        open_files: list[Any] = []
        try:
            async with asyncio.timeout(UPLOAD_SECONDS if uploads else self._timeout):
                async with session.request(
                    request.method,
                    request.url,
                    params=dict(request.query) or None,
                    headers=dict(request.headers),
                    data=payload(request, open_files.append),
                    json=request.json,
                    allow_redirects=False,
                ) as response:
                    return await read_answer(response)
        except NOT_SENT as error:
            raise NeverSent(what_happened(error)) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise NeverAnswered(what_happened(error)) from error
        finally:
            for file in open_files:
                file.close()


def _session(
    *middlewares: aiohttp.ClientMiddlewareType, force_close: bool
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        middlewares=middlewares,
        connector=aiohttp.TCPConnector(limit=0, force_close=force_close),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "Oncue (+https://github.com/oncue/oncue)"},
        auto_decompress=True,
        trust_env=False,
    )


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating what was cut off, as it does by itself with PUT and DELETE."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as cut_off:
        raise NeverAnswered(what_happened(cut_off)) from cut_off


def payload(request: Request, keep: Callable[[Any], None]) -> Any:
    """The body: a file, a form, or a form with files. What is opened for it goes to `keep`."""
    if request.body is not None:
        file = request.body.open("rb")
        keep(file)
        return file
    if not request.parts:
        return dict(request.form) if request.form is not None else None
    form = aiohttp.FormData()
    for name, value in (request.form or {}).items():
        form.add_field(name, value)
    for part in request.parts:
        file = part.file.open("rb")
        keep(file)
        form.add_field(part.name, file, filename=part.filename, content_type=part.type)
    return form


async def read_answer(response: aiohttp.ClientResponse) -> Answer:
    """The whole answer, if it is not too large; raises NeverAnswered."""
    raw = bytearray()
    while more := await response.content.readany():
        raw += more
        if len(raw) > ANSWER_BYTES:
            raise NeverAnswered(f"the answer is larger than {ANSWER_BYTES} bytes")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, headers=headers, body=_parse(raw))


def _parse(raw: bytearray) -> Any:
    if not raw:
        return None
    text = raw.decode("utf-8", errors="replace")
    try:
        parsed = json.loads(text, parse_float=_finite, parse_constant=_finite)
        return _clean(parsed) if "\\u" in text else parsed
    except (ValueError, RecursionError):
        return _clean(text)


def _finite(text: str) -> float:
    """A number that can be written down again: neither NaN, nor what is beyond counting."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _clean(value: Any) -> Any:
    """`value` without what no database can hold: NUL, and halves of surrogate pairs."""
    match value:
        case str():
            return value.replace("\x00", "\ufffd").encode(errors="replace").decode()
        case dict():
            return {_clean(name): _clean(part) for name, part in value.items()}
        case list():
            return [_clean(part) for part in value]
        case _:
            return value


def what_happened(error: Exception) -> str:
    """Its name, without addresses: those may carry a token."""
    return f"{type(error).__name__}"
