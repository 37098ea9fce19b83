"""Proofs of possession on requests, and the nonces that servers want in them (RFC 9449, 8)."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

from yarl import URL

from oncue.accounts.signing import Key, possession
from oncue.lib.clock import Clock
from oncue.lib.http import Answer, Request

NONCES: Final = 10_000  # that are remembered: two for each account that uses them
WANTED: Final = "use_dpop_nonce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The key a token is bound to; the token itself where the request carries it."""

    key: Key
    token: str | None = None


@dataclass
class Nonces:
    """The newest nonce of each server for each key. What is forgotten costs one more request."""

    _known: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)

    def of(self, key: Key, url: str) -> str | None:
        return self._known.get(_place(key, url))

    def learn(self, key: Key, url: str, nonce: str) -> None:
        self._known[_place(key, url)] = nonce
        self._known.move_to_end(_place(key, url))
        while len(self._known) > NONCES:
            self._known.popitem(last=False)


async def send_proved(
    request: Request,
    bound: Bound,
    send: Callable[[Request], Awaitable[Answer]],
    *,
    nonces: Nonces,
    now: Clock,
) -> Answer:
    """Send a request with a proof; once more where the server only wants another nonce.

    A server that asks for one has done nothing yet.
    """
    answer = await send(_proved(request, bound, nonces, now))
    _learn(answer, request, bound, nonces)
    if _wants_nonce(answer):
        answer = await send(_proved(request, bound, nonces, now))
        _learn(answer, request, bound, nonces)
    return answer


def _proved(request: Request, bound: Bound, nonces: Nonces, now: Clock) -> Request:
    proof = possession(
        bound.key,
        request.method,
        request.url,
        now=now(),
        serial=uuid4().hex,
        nonce=nonces.of(bound.key, request.url),
        token=bound.token,
    )
    return replace(request, headers={**request.headers, "dpop": proof})


def _learn(answer: Answer, request: Request, bound: Bound, nonces: Nonces) -> None:
    if nonce := answer.headers.get("dpop-nonce"):
        nonces.learn(bound.key, request.url, nonce)


def _wants_nonce(answer: Answer) -> bool:
    """A token endpoint says so in its body, any other in the header for that."""
    if "dpop-nonce" not in answer.headers:
        return False
    body: Any = answer.body
    said = body.get("error") if isinstance(body, dict) else None
    if answer.status == 401:
        return said == WANTED or WANTED in answer.headers.get("www-authenticate", "")
    return answer.status == 400 and said == WANTED


def _place(key: Key, url: str) -> tuple[str, str]:
    return key.thumbprint, str(URL(url).origin())
