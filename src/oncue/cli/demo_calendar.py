"""The demo's calendar: a handful of posts, each with its own fate, over real HTTP."""

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from oncue.lib.clock import MILLISECOND, iso, utc_now
from oncue.lib.http import HttpClient, Part, Request

Json: TypeAlias = Mapping[str, Any]

EVERYWHERE: Final = ("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")
UNDER_WAY: Final = ("scheduled", "publishing")
AHEAD: Final = timedelta(seconds=2)
LOOK_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 15
LOOKS: Final = int(PATIENCE_SECONDS / LOOK_SECONDS)
SIDE: Final = 96  # pixels


class WentWrong(RuntimeError):
    """The demo cannot go on: something answered with what it should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What became of one destination, and whether that was the plan."""

    what: str
    platform: str
    status: str
    as_planned: bool
    url: str | None = None
    lateness_ms: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the calendar is worked on: Oncue's API on one side, the sandbox's controls aside."""

    http: HttpClient
    api: str
    sandbox: str
    key: str = field(repr=False)
    accounts: Mapping[str, str]
    folder: Path
    corrected: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Json | None = None, parts: tuple[Part, ...] = ()
    ) -> Any:
        """What the API answers; raises WentWrong where that is an error."""
        bearer = {"authorization": f"Bearer {self.key}"}
        return await self._send(
            Request(method=method, url=self.api + path, headers=bearer, json=body, parts=parts)
        )

    async def create(self, platforms: Sequence[str], content: str, **more: Any) -> Json:
        body = {"content": content, "accountIds": [self.accounts[name] for name in platforms]}
        post: Json = await self.ask("POST", "/v1/posts", body | more)
        return post

    async def publish(self, platforms: Sequence[str], content: str, **more: Any) -> Json:
        """Create a post and send it out at once; the post when that has ended."""
        post = await self.create(platforms, content, **more)
        done: Json = await self.ask(
            "POST", f"/v1/posts/{post['id']}/publish?sync=true&timeout={PATIENCE_SECONDS}"
        )
        return done

    async def settled(self, post: Json) -> Json:
        """The post once it is no longer on its way."""
        for _ in range(LOOKS):
            now: Json = await self.ask("GET", f"/v1/posts/{post['id']}")
            if now["status"] not in UNDER_WAY:
                return now
            await asyncio.sleep(LOOK_SECONDS)
        raise WentWrong(f"{post['id']} is still {now['status']} after {PATIENCE_SECONDS} seconds")

    async def order(self, kind: str, platform: str, **more: Any) -> None:
        """Have the sandbox treat the next post on a network badly."""
        order = {"kind": kind, "platform": platform} | more
        await self._send(Request(method="POST", url=f"{self.sandbox}/_sandbox/faults", json=order))

    async def ledger(self) -> Sequence[Json]:
        """What the networks hold, by their own account."""
        entries: Sequence[Json] = await self._send(
            Request(method="GET", url=f"{self.sandbox}/_sandbox/ledger")
        )
        return entries

    async def _send(self, request: Request) -> Any:
        answer = await self.http.send(request)
        if answer.status >= 400:
            raise WentWrong(f"{request.method} {request.url}: {answer.status} {answer.body}")
        return answer.body


Scene: TypeAlias = Callable[[Desk], Awaitable[list[Line]]]


async def text(desk: Desk) -> list[Line]:
    post = await desk.publish(EVERYWHERE, "We open on Monday: https://bakery.example #bread")
    return _lines("text", post)


async def picture(desk: Desk) -> list[Line]:
    file = desk.folder / "loaf.png"
    file.write_bytes(png())
    part = Part(name="file", file=file, filename=file.name, type="image/png")
    media = await desk.ask("POST", "/v1/media", parts=(part,))
    post = await desk.publish(EVERYWHERE, "The first loaf.", media=[media["id"]])
    return _lines("text with an image", post)


async def thread(desk: Desk) -> list[Line]:
    told = ["How we bake, in three posts.", "First the dough rests a night.", "Then it is fired."]
    items = [{"sequence": number, "content": item} for number, item in enumerate(told, start=1)]
    post = await desk.publish(["TWITTER"], "How we bake.", threadPosts=items)
    return _lines("thread of three", post)


async def scheduled(desk: Desk) -> list[Line]:
    at = utc_now() + AHEAD
    post = await desk.create(EVERYWHERE, "Fresh bread from now on.", scheduledFor=iso(at))
    return _lines(f"scheduled {AHEAD.seconds} s ahead", await desk.settled(post), due=at)


async def mended(desk: Desk) -> list[Line]:
    await desk.order("reject", "MASTODON")
    post = await desk.publish(["MASTODON"], "We are hirring.")
    [failed] = _lines("refused by the network", post, planned="failed")
    corrected = await fix(desk, post, "We are hiring.")
    return [failed, *_lines("the same after /fix", corrected)]


async def limited(desk: Desk) -> list[Line]:
    await desk.order("rate_limit", "TWITTER", retryAfter=30)
    post = await desk.publish(["TWITTER"], "Half price after six.")
    again = post["platforms"][0]["nextRetryAt"]
    return _lines(
        "rate-limited",
        post,
        planned="failed",
        note=f"tries again at {again}",
        met=again is not None,
    )


async def cut_off(desk: Desk) -> list[Line]:
    """The network took the post and hung up. Its key makes it safe to send again."""
    await desk.order("accept_then_drop", "BLUESKY")
    post = await desk.publish(["BLUESKY"], "Closed on Tuesdays.")
    return _lines("answer lost, sent again under its key", post)


async def unknown(desk: Desk) -> list[Line]:
    """The same where nobody can be asked: it is not sent again, and a person has a look."""
    await desk.order("accept_then_drop", "TELEGRAM")
    post = await desk.publish(["TELEGRAM"], "Cake on Sundays.")
    [destination] = post["platforms"]
    open_ = _lines("answer lost", post, planned="failed", met=destination["needsReview"])
    resolved = await desk.ask(
        "POST",
        f"/v1/posts/{post['id']}/platforms/{destination['id']}/resolve",
        {"published": True, "platformPostUrl": "https://t.me/oncue"},
    )
    return open_ + _lines("the same after a person's /resolve", resolved)


PEACEFUL: Final[Mapping[str, Scene]] = {
    "A text on four networks": text,
    "A text with an image on four networks": picture,
    "A thread of three on X": thread,
}
TROUBLED: Final[Mapping[str, Scene]] = {
    "A post is refused, then mended with /fix": mended,
    "A network asks for patience": limited,
    "Bluesky takes a post and hangs up": cut_off,
    "Telegram takes a post and hangs up": unknown,
}


async def go_through(desk: Desk, say: Callable[[str], None]) -> list[Line]:
    """Work through the calendar; `say` hears of each thing as it is done."""

    async def play(scenes: Mapping[str, Scene]) -> list[Line]:
        lines = []
        for title, scene in scenes.items():
            lines += await scene(desk)
            say(title)
        return lines

    later = {f"A post scheduled {AHEAD.seconds} seconds ahead": scheduled}
    peaceful, punctual = await asyncio.gather(play(PEACEFUL), play(later))
    return peaceful + punctual + await play(TROUBLED)


async def fix(desk: Desk, post: Json, content: str) -> Json:
    """Send the post's one destination again with another text."""
    [destination] = post["platforms"]
    path = f"/v1/posts/{post['id']}/platforms/{destination['id']}/fix"
    await desk.ask("POST", path, {"content": content})
    desk.corrected[destination["id"]] = content
    return await desk.settled(post)


def png() -> bytes:
    """A picture without a picture library: a square that fades from dark to light."""
    rows = b"".join(b"\0" + bytes((120, 40 + row, 20) * SIDE) for row in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _lines(
    what: str,
    post: Json,
    *,
    planned: str = "published",
    met: bool = True,
    due: datetime | None = None,
    note: str = "",
) -> list[Line]:
    return [
        Line(
            what=what,
            platform=destination["platform"].upper(),
            status=destination["status"],
            as_planned=met and destination["status"] == planned,
            url=destination["platformPostUrl"],
            lateness_ms=_lateness(destination, due) if due else None,
            note=note or destination["error"] or "",
        )
        for destination in post["platforms"]
    ]


def _lateness(destination: Json, due: datetime) -> int | None:
    """Milliseconds between the time it was due and the start of publishing."""
    if not destination["attempts"]:
        return None
    started = datetime.fromisoformat(destination["attempts"][0]["attemptedAt"])
    return (started - due) // MILLISECOND
