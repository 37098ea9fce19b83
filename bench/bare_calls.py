"""The calls of a publication made with aiohttp alone: the limit for whoever makes them at all.

Like ours, a request that makes something public gets a connection of its own. Nothing is
written down, so a crash here loses posts or makes them twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import uuid4

import aiohttp

ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
COLLECTION: Final = "app.bsky.feed.post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """An account of the sandbox, and what it has to say."""

    platform: str
    name: str
    native_id: str
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The two kinds of connections."""

    url: str
    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        return await self._send(self.fresh, path, body, headers)

    async def ask(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        return await self._send(self.kept, path, body, headers)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Any:
        async with session.post(self.url + path, json=body, headers=headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")
            return await answer.json()


async def publish_all(url: str, speakers: Sequence[Speaker]) -> None:
    """Have every account say its texts one after the other, and all of them at once."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as kept,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as fresh,
    ):
        ways = Ways(url=url, kept=kept, fresh=fresh)
        await asyncio.gather(*(SPEAKS[each.platform](ways, each) for each in speakers))


async def _twitter(ways: Ways, speaker: Speaker) -> None:
    for text in speaker.texts:
        await ways.post("/twitter/2/tweets", {"text": text}, **_bearer(_token(speaker)))


async def _mastodon(ways: Ways, speaker: Speaker) -> None:
    for text in speaker.texts:
        headers = _bearer(_token(speaker)) | {"idempotency-key": str(uuid4())}
        await ways.post("/mastodon/api/v1/statuses", {"status": text}, **headers)


async def _telegram(ways: Ways, speaker: Speaker) -> None:
    for text in speaker.texts:
        body = {"chat_id": f"@{speaker.name}", "text": text}
        await ways.post(f"/telegram/bot1:{_token(speaker)}/sendMessage", body)


async def _bluesky(ways: Ways, speaker: Speaker) -> None:
    who = {"identifier": speaker.name, "password": _token(speaker)}
    session = await ways.ask("/bluesky/xrpc/com.atproto.server.createSession", who)
    for text in speaker.texts:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {
            "repo": speaker.native_id,
            "collection": COLLECTION,
            "rkey": _record_key(),
            "record": {"$type": COLLECTION, "text": text, "createdAt": at},
        }
        path = "/bluesky/xrpc/com.atproto.repo.putRecord"
        await ways.post(path, body, **_bearer(session["accessJwt"]))


Speaks: TypeAlias = Callable[[Ways, Speaker], Awaitable[None]]
SPEAKS: Final[Mapping[str, Speaks]] = {
    "TWITTER": _twitter,
    "MASTODON": _mastodon,
    "TELEGRAM": _telegram,
    "BLUESKY": _bluesky,
}


def _token(speaker: Speaker) -> str:
    return f"sandbox:{speaker.name}"


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _record_key() -> str:
    number = time.time_ns() // 1000 << 10
    return "".join(ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))
