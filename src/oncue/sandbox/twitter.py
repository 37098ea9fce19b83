"""X to publish to: as strict as its OpenAPI description, with its shortened links and its words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar, Final, TypeAlias

from aiohttp import web

from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.ledger import Entry
from oncue.sandbox.network import FAULT, Handler, Network, World, bearer, file_facts
from oncue.sandbox.twitter_intake import (
    No,
    asked,
    description_of,
    invalid,
    json_object,
    missing,
    not_found,
    page_of,
    problem,
    received_file,
)
from oncue.sandbox.twitter_oauth import TwitterOAuth
from oncue.sandbox.twitter_views import (
    FAILED,
    FOREVER,
    PROCESSING,
    chosen,
    shown,
    uploaded,
    user_id,
    weight,
)

Answer: TypeAlias = Callable[[web.Request, str], Awaitable[web.Response]]

FIRST_ID: Final = 1_900_000_000_000_000_000
SAME_AGAIN: Final = timedelta(hours=24)  # how long X refuses a text it has
WINDOW: Final = timedelta(minutes=15)  # of the rate limit
MB: Final = 1024 * 1024
FILES: Final[Mapping[str, Mapping[str, int]]] = {  # bytes a type may have, by category
    "tweet_image": dict.fromkeys(("image/jpeg", "image/png", "image/webp"), 5 * MB),
    "tweet_gif": {"image/gif": 15 * MB},
}
WRITING: Final = ("tweet.write", "tweet.read", "users.read")  # scopes, by the OpenAPI description
READING: Final = ("tweet.read", "users.read")
FILING: Final = ("media.write",)
ERRORS: Final[Mapping[str, tuple[int, str, str]]] = {
    Kind.REJECT: (403, "Forbidden", "You are not permitted to perform this action."),
    Kind.RATE_LIMIT: (429, "Too Many Requests", "Too Many Requests"),
    Kind.UNAVAILABLE: (503, "Service Unavailable", "Service Unavailable"),
    Kind.EXPIRED_TOKEN: (401, "Unauthorized", "Unauthorized"),
    Kind.REVOKED_TOKEN: (401, "Unauthorized", "Unauthorized"),
    Kind.DUPLICATE: (
        403,
        "Forbidden",
        "You are not allowed to create a Tweet with duplicate content.",
    ),
    "server_error": (500, "Internal Server Error", "Internal Server Error"),
}


class Twitter(Network):
    """Everything X knows is in the ledger, so a restart changes nothing.

    A file's description and the end of its processing are in its entries of kind "upload":
    one when it is uploaded, another one, with the text, when it is described.
    """

    platform: ClassVar[str] = "TWITTER"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.oauth = TwitterOAuth(self)

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/2/media/upload", self._serve(Effect.UPLOAD, FILING, self._take_file)),
            web.get("/2/media/upload", self._serve(Effect.POLL, FILING, self._file_status)),
            web.post("/2/media/metadata", self._serve(Effect.UPLOAD, FILING, self._describe)),
            web.post("/2/tweets", self._serve(Effect.PUBLISH, WRITING, self._create)),
            web.get("/2/tweets/{id}", self._serve(Effect.POLL, READING, self._show)),
            web.delete("/2/tweets/{id}", self._serve(Effect.DELETE, WRITING, self._delete)),
            web.get("/2/users/me", self._serve(Effect.POLL, READING, self._me)),
            web.get("/2/users/{id}/tweets", self._serve(Effect.POLL, READING, self._list)),
            *self.oauth.routes(),
        ]

    def account(self, request: web.Request) -> str | None:
        return self.oauth.owner(bearer(request))

    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        status, title, detail = ERRORS[kind]
        answer = problem(status, title, detail)
        if kind == Kind.RATE_LIMIT:
            asked = fault.retry_after if fault else None
            now = self.world.now()
            ends = now + (WINDOW if asked is None else timedelta(seconds=asked))
            answer.headers["date"] = format_datetime(now, usegmt=True)
            answer.headers["x-rate-limit-limit"] = "100"
            answer.headers["x-rate-limit-remaining"] = "0"
            answer.headers["x-rate-limit-reset"] = str(int(ends.timestamp()))
            if asked is not None:
                answer.headers["retry-after"] = str(asked)
        return answer

    def _serve(self, effect: Effect, scopes: Sequence[str], answer: Answer) -> Handler:
        """A handler for somebody who is signed in, that may refuse and may meet a fault."""

        async def handler(request: web.Request) -> web.StreamResponse:
            if (account := self.account(request)) is None:
                return self.error(Kind.EXPIRED_TOKEN)
            if not self.oauth.allows(request, scopes):
                return self.error(Kind.REJECT)
            try:
                return await answer(request, account)
            except No as no:
                return no.answer

        return self.meets(effect, handler)

    async def _take_file(self, request: web.Request, account: str) -> web.Response:
        content, type_, category = await received_file(request)
        if type_ not in FILES.get(category, {}):
            raise No(invalid(f"{category} cannot be of type {type_}", "media_category"))
        if not 0 < len(content) <= FILES[category][type_]:
            raise No(invalid(f"a {category} cannot have {len(content)} bytes", "media"))
        facts = file_facts(content, type_, id=self._next_id())
        if ordered := request.get(FAULT):
            facts["processing"] = ordered.kind.value
        elif category == "tweet_gif":
            facts["processing"] = "succeeded"  # by the time somebody asks
        entry = self.record(account, "upload", facts["id"], media=[facts])
        return web.json_response({"data": uploaded(entry, first=True)})

    async def _file_status(self, request: web.Request, account: str) -> web.Response:
        if request.query.get("command", "STATUS") != "STATUS":
            raise No(invalid("The command is not one of [STATUS]", "command"))
        entry = self._file(account, request.query.get("media_id", ""))
        if entry is None:
            raise No(not_found("media", request.query.get("media_id", "")))
        data = uploaded(entry, first=False)
        if ordered := request.get(FAULT):
            data["processing_info"] = PROCESSING[ordered.kind]
        return web.json_response({"data": data})

    async def _describe(self, request: web.Request, account: str) -> web.Response:
        body = await json_object(request)
        entry = self._file(account, str(body.get("id")))
        text = description_of(body)
        if entry is None:
            raise No(invalid("The media id is not valid", "id"))
        described = [{**entry.media[0], "alt": text}]
        self.record(account, "upload", entry.id, text=text, media=described)
        metadata = {"alt_text": {"text": text}}
        return web.json_response({"data": {"id": entry.id, "associated_metadata": metadata}})

    async def _create(self, request: web.Request, account: str) -> web.Response:
        body = await json_object(request)
        text, media_ids, parent = asked(body)
        media = [self._attachable(account, media_id) for media_id in media_ids]
        if len(media) > 1 and any(file["type"] == "image/gif" for file in media):
            raise No(invalid("Only 4 photos or 1 GIF can be attached.", "media.media_ids"))
        if weight(text) > 280:
            raise No(invalid("Your Tweet text is too long.", "text"))
        if parent is not None and self._anyones(parent) is None:
            gone = "You attempted to reply to a Tweet that is deleted or not visible to you."
            raise No(problem(403, "Forbidden", gone))
        if text and self._has_already(account, text, parent):
            return self.error(Kind.DUPLICATE)
        entry = self.record(account, "post", self._next_id(), parent=parent, text=text, media=media)
        tweet = shown(entry)
        data = {"id": entry.id, "text": tweet["text"], "edit_history_post_ids": [entry.id]}
        return web.json_response({"data": data}, status=201)

    async def _show(self, request: web.Request, account: str) -> web.Response:
        entry = self._anyones(request.match_info["id"])
        if entry is None:  # X says so with a yes
            return web.json_response({"errors": [missing("tweet", request.match_info["id"])]})
        return web.json_response({"data": chosen(shown(entry), request)})

    async def _delete(self, request: web.Request, account: str) -> web.Response:
        entry = self._anyones(request.match_info["id"])
        if entry is None:
            raise No(not_found("tweet", request.match_info["id"]))
        if entry.account != account:
            raise No(problem(403, "Forbidden", "You are not allowed to delete this Tweet."))
        self.record(account, "delete", entry.id)
        return web.json_response({"data": {"deleted": True}})

    async def _me(self, request: web.Request, account: str) -> web.Response:
        me = {"id": user_id(account), "name": account.title(), "username": account}
        return web.json_response({"data": me})

    async def _list(self, request: web.Request, account: str) -> web.Response:
        limit, offset, since = page_of(request)
        asked_for = request.match_info["id"]
        owners = {account, *(entry.account for entry in self._entries())}
        owner = next((each for each in owners if user_id(each) == asked_for), None)
        if owner is None:
            return web.json_response({"errors": [missing("user", asked_for)]})
        posts = self.world.ledger.live_posts(self.platform, owner)[::-1]
        recent = [e for e in posts if since is None or datetime.fromisoformat(e.at) >= since]
        page = recent[offset : offset + limit]
        meta: dict[str, Any] = {"result_count": len(page)}
        if not page:
            return web.json_response({"meta": meta})
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        if len(recent) > offset + limit:
            meta["next_token"] = f"p{offset + limit}"
        data = [chosen(shown(entry), request) for entry in page]
        return web.json_response({"data": data, "meta": meta})

    def _entries(self) -> list[Entry]:
        return self.world.ledger.entries(platform=self.platform)

    def _next_id(self) -> str:
        """Nineteen digits, more than in any id before."""
        return str(FIRST_ID + self.world.serial())

    def _anyones(self, tweet_id: str) -> Entry | None:
        """The post with this id, whoever wrote it."""
        posts = [entry for entry in self._entries() if entry.id == tweet_id]
        return posts[0] if [entry.kind for entry in posts] == ["post"] else None

    def _file(self, account: str, media_id: str) -> Entry | None:
        """What is known last about the account's upload."""
        files = self.world.ledger.entries(platform=self.platform, account=account, kind="upload")
        return next((entry for entry in reversed(files) if entry.id == media_id), None)

    def _attachable(self, account: str, media_id: str) -> Mapping[str, Any]:
        entry = self._file(account, media_id)
        if entry is None or entry.media[0].get("processing") in (FAILED, FOREVER):
            raise No(invalid("Your media IDs are invalid.", "media.media_ids"))
        return entry.media[0]

    def _has_already(self, account: str, text: str, parent: str | None) -> bool:
        since = self.world.now() - SAME_AGAIN
        return any(
            entry.parent == parent
            and (entry.text or "").strip() == text.strip()
            and datetime.fromisoformat(entry.at) >= since
            for entry in self.world.ledger.live_posts(self.platform, account)
        )
