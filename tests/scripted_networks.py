"""Networks whose connectors are still to come, played in the test's own process.

A scripted connector has the planned facts and as much behaviour as a test is about. Stand is all
their servers at once, behind the outbound client: what people see there is in `public`, and it
can be told to make trouble. What is for the sandbox goes on to the sandbox.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from connectors.scripted import Fuse
from oncue.connectors.answers import Refused, Reply
from oncue.connectors.base import (
    Account,
    Call,
    Comments,
    Connector,
    Effect,
    Finds,
    Found,
    Identity,
    PostReply,
    Published,
    Replies,
    Steps,
)
from oncue.connectors.planned import PLANNED
from oncue.connectors.spec import Draft, Spec
from oncue.lib.http import Answer, HttpClient, Request

FACEBOOK_LOGIN: Final = "https://graph.facebook.com"
INSTAGRAM_LOGIN: Final = "https://graph.instagram.com"
NOT_THIS_LEVEL: Final = (
    "privacy_level_option_mismatch",
    "unaudited_client_can_only_post_to_private_accounts",
)


class Mute(Connector):
    """A network that posts can be sent to, and nothing else."""

    spec: ClassVar[Spec]

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        made = yield post_call(draft)
        return Published(id=made.text("id"), url=None)

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/me")
        return Identity(native_id=me.text("id"), username="maria", display_name="Maria")


class Commenting(Mute, Comments):
    """One that also takes comments, and lets nobody list them."""

    effect: ClassVar[Effect] = Effect.REVIEW

    def comment(self, post: Published, text: str, account: Account) -> Steps[str]:
        path = f"/posts/{post.id}/comments"
        key = {"Idempotency-Key": post.id} if self.effect is Effect.KEYED else {}
        made = yield Call(
            "POST", path, json={"text": text}, headers=key, effect=self.effect, name="comment"
        )
        return made.text("id")


class Listing(Commenting, Finds):
    """One that shows the comments under a post."""

    effect: ClassVar[Effect] = Effect.FIND

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        listed = yield Call("GET", call.path)
        return [
            Found(id=each["id"], reply=Reply(200, each))
            for each in listed.at("data")
            if each["text"] == (call.json or {}).get("text")
        ]


class Instagram(Listing):
    spec = PLANNED["INSTAGRAM"]

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        made = yield post_call(draft, **_audio(draft, account))
        return Published(id=made.text("id"), url=None)


class LinkedIn(Listing):
    spec = PLANNED["LINKEDIN"]


class YouTube(Listing):
    spec = PLANNED["YOUTUBE"]


class Reddit(Listing):
    spec = PLANNED["REDDIT"]


class Threads(Commenting, Finds, Replies):
    """A comment is a reply, made in two steps; the first's id tells what became of the second."""

    spec = PLANNED["THREADS"]

    def comment(self, post: Published, text: str, account: Account) -> Steps[str]:
        made = yield Call("POST", "/containers", json={"text": text, "parent": post.id})
        out = yield Call(
            "POST",
            "/publish",
            json={"container": made.text("id")},
            effect=Effect.FIND,
            name="comment",
        )
        return out.text("id")

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        container = yield Call("GET", f"/containers/{(call.json or {})['container']}")
        made = container.at("made")
        return [Found(id=made, reply=Reply(200, {"id": made}))] if made else []

    def replies(self, post_id: str, account: Account, limit: int) -> Steps[Sequence[PostReply]]:
        try:
            listed = yield Call("GET", f"/posts/{post_id}/replies", query={"limit": str(limit)})
        except Refused as no:
            if no.code == "threads_read_replies":
                return []
            raise
        return [
            PostReply(**{**each, "timestamp": datetime.fromisoformat(each["timestamp"])})
            for each in listed.at("data")
        ]

    def code(self, reply: Reply) -> str | None:
        return _code(reply)


class TikTok(Commenting):
    """Comments need what only business accounts have; a level that is refused is not the end."""

    spec = PLANNED["TIKTOK"]

    def takes_comments(self, credentials: Collection[str]) -> bool:
        return {"businessToken", "businessId"} <= set(credentials)

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        level = draft.options.get("tiktokPrivacyLevel") or "PUBLIC_TO_EVERYONE"
        warning = None
        try:
            made = yield post_call(draft, privacy_level=level)
        except Refused as no:
            if no.code not in NOT_THIS_LEVEL or level == "SELF_ONLY":
                raise
            made = yield post_call(draft, name="post for oneself", privacy_level="SELF_ONLY")
            warning = "TIKTOK_SELF_ONLY_FALLBACK"
        return Published(id=made.text("id"), url=None, warning=warning)

    def code(self, reply: Reply) -> str | None:
        return _code(reply)


class Facebook(Mute):
    spec = PLANNED["FACEBOOK"]


class Pinterest(Mute):
    spec = PLANNED["PINTEREST"]


class Snapchat(Mute):
    spec = PLANNED["SNAPCHAT"]


class GoogleBusiness(Mute):
    spec = PLANNED["GOOGLE_BUSINESS"]


SCRIPTED: Final[Mapping[str, Connector]] = {
    connector.spec.platform: connector
    for connector in (
        Instagram(),
        LinkedIn(),
        Threads(),
        TikTok(),
        YouTube(),
        Reddit(),
        Facebook(),
        Pinterest(),
        Snapchat(),
        GoogleBusiness(),
    )
}


def post_call(draft: Draft, name: str = "post", **more: Any) -> Call:
    """The request that makes a post public; a crash in the middle of one is not the subject."""
    body = {"text": draft.text, "media": [item.id for item in draft.media]} | more
    return Call("POST", "/posts", json=body, effect=Effect.REVIEW, name=name)


def _audio(draft: Draft, account: Account) -> dict[str, Any]:
    """Music goes with a single video of an account that Facebook's login connected (V53, V54)."""
    options = draft.options
    is_reel = len(draft.media) == 1 and draft.media[0].is_video and draft.kind != "STORY"
    if not options.get("instagramAudioId") or not is_reel or account.server != FACEBOOK_LOGIN:
        return {}
    wanted = {
        "audio_id": options["instagramAudioId"],
        "audio_volume": options.get("instagramAudioVolume", 1.0),
        "video_volume": options.get("instagramVideoVolume", 1.0),
    }
    return {"audio_configuration": wanted}


def _code(reply: Reply) -> str | None:
    code = reply.body.get("code") if isinstance(reply.body, dict) else None
    return code if isinstance(code, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """Something people can see on a network; a comment has a parent."""

    platform: str
    id: str
    text: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens instead of an answer, and whether the network did as asked first."""

    problem: Exception | Answer
    accepted: bool = False


async def nothing() -> None:
    """What happens mostly."""


@dataclass
class Stand(HttpClient):
    """The scripted networks' side of the wire."""

    sandbox: HttpClient
    fuse: Fuse = field(default_factory=Fuse)
    public: list[Public] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)  # platform, what, body
    troubles: dict[str, list[Trouble]] = field(default_factory=lambda: defaultdict(list))
    before: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    after: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    levels: Sequence[str] = ("PUBLIC_TO_EVERYONE", "SELF_ONLY")  # that TikTok allows
    replies: list[dict[str, str]] = field(default_factory=list)
    _containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _by_key: dict[str, dict[str, str]] = field(default_factory=dict)

    async def close(self) -> None:
        await self.sandbox.close()

    def trouble(self, what: str, *troubles: Trouble) -> None:
        """Order what the next requests of this kind meet: "POST comments", say."""
        self.troubles[what] += troubles

    def comments(self, platform: str | None = None) -> list[Public]:
        return [
            each
            for each in self.public
            if each.parent is not None and platform in (None, each.platform)
        ]

    def bodies(self, platform: str, what: str) -> list[Any]:
        return [body for name, kind, body in self.asked if (name, kind) == (platform, what)]

    async def send(self, request: Request) -> Answer:
        platform, *path = request.url.split("/")[3:]
        if platform.upper() not in SCRIPTED:
            return await self.sandbox.send(request)
        what = f"{request.method} {path[-1] if len(path) != 2 else path[0]}"
        self.asked.append((platform.upper(), what, request.json))
        await self.before.get(what, nothing)()
        self.fuse.burn()
        waiting = self.troubles[what]
        trouble = waiting.pop(0) if waiting else None
        if trouble is None or trouble.accepted:
            answer = self._accept(platform.upper(), path, request)
        self.fuse.burn()
        await self.after.get(what, nothing)()
        if trouble is None:
            return answer
        if isinstance(trouble.problem, Exception):
            raise trouble.problem
        return trouble.problem

    def _accept(self, platform: str, path: Sequence[str], request: Request) -> Answer:
        if request.method == "GET":
            return said(200, **self._read(path, request.query))
        asked = request.json or {}
        if asked.get("privacy_level", self.levels[0]) not in self.levels:
            return said(403, code=NOT_THIS_LEVEL[0])
        return said(201, **self._write(platform, path, asked, request.headers))

    def _read(self, path: Sequence[str], query: Mapping[str, str]) -> dict[str, Any]:
        match path:
            case ["posts", post_id, "comments"]:
                listed = [each for each in self.public if each.parent == post_id]
                return {"data": [{"id": each.id, "text": each.text} for each in listed]}
            case ["posts", _, "replies"]:
                return {"data": self.replies[: int(query["limit"])]}
            case ["containers", name]:
                return {"made": self._containers[name]["made"]}
        raise AssertionError(f"nobody asks for {path}")

    def _write(
        self, platform: str, path: Sequence[str], asked: Any, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        match path:
            case ["posts"]:
                return self._show(platform, asked["text"], None)
            case ["posts", post_id, "comments"]:
                key = headers.get("Idempotency-Key")
                if key is None or key not in self._by_key:
                    made = self._show(platform, asked["text"], post_id)
                    self._by_key[key or made["id"]] = made
                return self._by_key[key] if key else made
            case ["containers"]:
                name = f"container-{len(self._containers) + 1}"
                self._containers[name] = asked | {"made": None}
                return {"id": name}
            case ["publish"]:
                container = self._containers[asked["container"]]
                made = self._show(platform, container["text"], container["parent"])
                container["made"] = made["id"]
                return made
        raise AssertionError(f"nobody asks for {path}")

    def _show(self, platform: str, text: str, parent: str | None) -> dict[str, str]:
        made = Public(
            platform=platform,
            id=f"{platform.lower()}-{len(self.public) + 1}",
            text=text,
            parent=parent,
        )
        self.public.append(made)
        return {"id": made.id}


def said(status: int, **body: Any) -> Answer:
    return Answer(status=status, headers={}, body=body)


def reply(number: int) -> dict[str, str]:
    """What somebody answered, as Threads tells it."""
    at = datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "id": str(number),
        "text": f"Reply {number}",
        "username": "maria",
        "timestamp": at.isoformat(),
        "permalink": f"https://www.threads.net/@maria/post/{number}",
    }


class Keyed(LinkedIn):
    """LinkedIn, were it to know a key again."""

    effect = Effect.KEYED
