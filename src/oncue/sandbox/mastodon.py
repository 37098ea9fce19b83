"""A Mastodon server to publish to: strict about what it takes, and it keeps its word on keys."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar, Final, TypeAlias

from aiohttp import web

from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.ledger import Entry
from oncue.sandbox.mastodon_intake import No, file_of, status_of
from oncue.sandbox.mastodon_oauth import MastodonOAuth
from oncue.sandbox.mastodon_views import (
    ENTITY,
    MAX_CHARACTERS,
    MAX_MEDIA,
    ROLE,
    SOURCE,
    VIDEOS,
    account_id,
    instance,
    instance_v1,
    length,
    person,
    rendered,
    tag_of,
)
from oncue.sandbox.network import FAULT, Network, World, bearer, file_facts

Answer: TypeAlias = Callable[[str, web.Request], Awaitable[web.Response]]

KEY_LIVES: Final = timedelta(hours=1)
PROCESSING: Final = timedelta(seconds=1)  # what a video or a GIF takes; images take no time
TRANSCODED: Final = {"image/gif": "gifv"} | dict.fromkeys(VIDEOS, "video")
PLAIN: Final[Mapping[str, Any]] = {
    "sensitive": False,
    "spoiler_text": "",
    "visibility": "public",
    "language": None,
}
LIST_FIELDS: Final = frozenset({"limit", "max_id", "exclude_reblogs", "exclude_replies"})
ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    Kind.REJECT: (403, "This action is not allowed"),
    Kind.RATE_LIMIT: (429, "Too many requests"),
    Kind.UNAVAILABLE: (503, "There was a temporary problem serving your request"),
    Kind.EXPIRED_TOKEN: (401, "The access token expired"),
    Kind.REVOKED_TOKEN: (401, "The access token was revoked"),
    Kind.DUPLICATE: (422, "Duplicate record"),
    "server_error": (500, "Internal Server Error"),
}
NOT_READY: Final = "Cannot attach files that have not finished processing. Try again in a moment!"
NOT_PROCESSED: Final = "Error processing thumbnail for uploaded media"
MIXED: Final = "Cannot attach a video to a post that already contains images"
TOO_LONG: Final = f"Validation failed: Text character limit of {MAX_CHARACTERS} exceeded"


class Mastodon(Network):
    """One server with an account for everybody who has a token.

    The ledger is its memory. How a status is shown (its visibility and the like) and which
    files are stuck is not in there, so a restart forgets those two.
    """

    platform: ClassVar[str] = "MASTODON"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.root = world.base_url + self.prefix
        self._shown: dict[str, Mapping[str, Any]] = {}
        self._stuck: dict[str, Kind] = {}
        self.oauth = MastodonOAuth(self)

    def routes(self) -> Sequence[web.RouteDef]:
        status, statuses = "/api/v1/statuses/{id}", "/api/v1/accounts/{id}/statuses"
        me, serve = "/api/v1/accounts/verify_credentials", self._signed_in
        return [
            web.post("/api/v2/media", serve(Effect.UPLOAD, ["write:media"], self._take_file)),
            web.get("/api/v1/media/{id}", serve(Effect.POLL, ["write:media"], self._show_file)),
            web.post("/api/v1/statuses", serve(Effect.PUBLISH, ["write:statuses"], self._create)),
            web.get(status, serve(Effect.POLL, ["read:statuses"], self._show)),
            web.delete(status, serve(Effect.DELETE, ["write:statuses"], self._delete)),
            web.get(me, serve(Effect.POLL, ["read:accounts", "profile"], self._who_am_i)),
            web.get(statuses, serve(Effect.POLL, ["read:statuses"], self._list)),
            web.get("/api/v2/instance", self.meets(Effect.POLL, self._instance)),
            web.get("/api/v1/instance", self.meets(Effect.POLL, self._instance_v1)),
            *self.oauth.routes(),
        ]

    def account(self, request: web.Request) -> str | None:
        return self.oauth.owner(bearer(request))

    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        status, words = ERRORS[kind]
        seconds = fault.retry_after if fault else None
        headers = {} if seconds is None else {"Retry-After": str(seconds)}
        if kind == Kind.RATE_LIMIT:
            now = self.world.now()
            reset = now + timedelta(seconds=60 if seconds is None else seconds)
            headers |= {
                "Date": format_datetime(now.astimezone(UTC), usegmt=True),
                "X-RateLimit-Limit": "300",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": reset.isoformat().replace("+00:00", "Z"),
            }
        return web.json_response({"error": words}, status=status, headers=headers)

    def _signed_in(
        self, effect: Effect, scopes: Sequence[str], answer: Answer
    ) -> Callable[..., Any]:
        """A handler for somebody whose token has one of the scopes."""

        async def handler(request: web.Request) -> web.StreamResponse:
            if (account := self.account(request)) is None:
                return _no(401, self.oauth.lost(request))
            if not self.oauth.allows(request, scopes):
                return _no(403, "This action is outside the authorized scopes")
            try:
                return await answer(account, request)
            except No as no:
                return _no(no.status, str(no))

        return self.meets(effect, handler)

    async def _take_file(self, account: str, request: web.Request) -> web.Response:
        content, type_, description = await file_of(request)
        facts = file_facts(content, type_, alt=description)
        entry = self.record(account, "upload", self._next_id(), media=[facts])
        self._suffers(entry.id, request)
        return web.json_response(
            self._attachment(entry.id, facts, ready=self._is_ready(entry)),
            status=200 if self._is_ready(entry) else 202,
        )

    async def _show_file(self, account: str, request: web.Request) -> web.Response:
        if (entry := self.upload(account, request.match_info["id"])) is None:
            raise No(404, "Record not found")
        self._suffers(entry.id, request)
        if self._stuck.get(entry.id) == Kind.PROCESSING_FAILED:
            raise No(422, NOT_PROCESSED)
        ready = self._is_ready(entry)
        shown = self._attachment(entry.id, entry.media[0], ready=ready)
        return web.json_response(shown, status=200 if ready else 206)

    async def _create(self, account: str, request: web.Request) -> web.Response:
        asked = await status_of(request)
        key = request.headers.get("Idempotency-Key")
        if key and (entry := self._made_with(account, key)):
            return web.json_response(self._status(self._live(account, entry.id)))
        text, warning = asked.get("status", "").strip(), asked.get("spoiler_text", "").strip()
        if not text:
            text, warning = warning, ""  # a warning about nothing is what there is to say
        files = self._files(account, asked.get("media_ids", []))
        if not text and not files:
            raise No(422, "Validation failed: Text can't be blank")
        if length(warning, text) > MAX_CHARACTERS:
            raise No(422, TOO_LONG)
        entry = self.record(account, "post", self._next_id(), text=text, media=files, key=key)
        self._shown[entry.id] = {name: asked.get(name, usual) for name, usual in PLAIN.items()} | {
            "spoiler_text": warning
        }
        return web.json_response(self._status(entry))

    async def _show(self, account: str, request: web.Request) -> web.Response:
        return web.json_response(self._status(self._live(account, request.match_info["id"])))

    async def _delete(self, account: str, request: web.Request) -> web.Response:
        entry = self._live(account, request.match_info["id"])
        self.record(account, "delete", entry.id)
        return web.json_response(self._status(entry) | {"text": entry.text})

    async def _list(self, account: str, request: web.Request) -> web.Response:
        query = request.query
        if query.keys() - LIST_FIELDS:
            raise No(422, f"unknown parameters: {', '.join(query.keys() - LIST_FIELDS)}")
        limit, below = query.get("limit", "20"), query.get("max_id")
        if not limit.isdecimal() or not (below or "1").isdecimal():
            raise No(422, "limit and max_id are numbers")
        entries = self.world.ledger.entries(platform=self.platform)
        known = {account} | {entry.account for entry in entries}
        owner = next((name for name in known if account_id(name) == request.match_info["id"]), None)
        if owner is None:
            raise No(404, "Record not found")
        posts = reversed(self.world.ledger.live_posts(self.platform, owner))
        shown = [entry for entry in posts if below is None or int(entry.id) < int(below)]
        return web.json_response([self._status(entry) for entry in shown[: min(int(limit), 40)]])

    async def _who_am_i(self, account: str, request: web.Request) -> web.Response:
        return web.json_response(self._person(account) | {"source": SOURCE, "role": ROLE})

    async def _instance(self, request: web.Request) -> web.Response:
        return web.json_response(instance(self.root))

    async def _instance_v1(self, request: web.Request) -> web.Response:
        return web.json_response(instance_v1(self.root))

    def _next_id(self) -> str:
        """Growing with time, as Mastodon's are: milliseconds, then a counter."""
        milliseconds = int(self.world.now().timestamp() * 1000)
        return str((milliseconds << 16) + self.world.serial() % (1 << 16))

    def _made_with(self, account: str, key: str) -> Entry | None:
        """What the account made with this key within the hour, be it deleted or not."""
        since = self.world.now() - KEY_LIVES
        posts = self.world.ledger.entries(platform=self.platform, account=account, kind="post")
        made = (entry for entry in reversed(posts) if entry.key == key)
        return next((entry for entry in made if datetime.fromisoformat(entry.at) > since), None)

    def _live(self, account: str, status_id: str) -> Entry:
        if (entry := self.post(account, status_id)) is None:
            raise No(404, "Record not found")
        return entry

    def _suffers(self, media_id: str, request: web.Request) -> None:
        if (fault := request.get(FAULT)) is not None:
            self._stuck[media_id] = fault.kind

    def _is_ready(self, upload: Entry) -> bool:
        if upload.id in self._stuck:
            return False
        passed = self.world.now() - datetime.fromisoformat(upload.at)
        return upload.media[0]["type"] not in TRANSCODED or passed >= PROCESSING

    def _files(self, account: str, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """The facts of the uploads to attach; raises No where they cannot be."""
        if len(ids) > MAX_MEDIA:
            raise No(422, f"Cannot attach more than {MAX_MEDIA} files")
        posts = self.world.ledger.live_posts(self.platform, account)
        attached = {facts["id"] for post in posts for facts in post.media}
        uploads = {id_: self.upload(account, id_) for id_ in ids if id_ not in attached}
        found = [upload for upload in uploads.values() if upload]
        if len(found) < len(ids):
            missing = ", ".join(id_ for id_ in ids if not uploads.get(id_))
            raise No(422, f"Media {missing} not found or already attached to another post")
        if not all(self._is_ready(upload) for upload in found):
            raise No(422, NOT_READY)
        if len(found) > 1 and any(upload.media[0]["type"] in TRANSCODED for upload in found):
            raise No(422, MIXED)
        return [{**upload.media[0], "id": upload.id} for upload in found]

    def _attachment(self, id_: str, facts: Mapping[str, Any], *, ready: bool) -> dict[str, Any]:
        return {
            "id": id_,
            "type": TRANSCODED.get(facts["type"], "image"),
            "url": f"{self.root}/system/{id_}/original" if ready else None,
            "preview_url": f"{self.root}/system/{id_}/small",
            "remote_url": None,
            "meta": {},
            "description": facts["alt"] or None,
            "blurhash": None,
        }

    def _status(self, entry: Entry) -> dict[str, Any]:
        text = entry.text or ""
        return {
            "id": entry.id,
            "created_at": entry.at,
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            **self._shown.get(entry.id, PLAIN),
            "uri": f"{self.root}/users/{entry.account}/statuses/{entry.id}",
            "url": f"{self.root}/@{entry.account}/{entry.id}",
            "content": rendered(text, self.root),
            "account": self._person(entry.account),
            "media_attachments": [self._attachment(f["id"], f, ready=True) for f in entry.media],
            "tags": [tag_of(f["tag"], self.root) for f in ENTITY.finditer(text) if f["tag"]],
            "mentions": [],
            "emojis": [],
            **dict.fromkeys(("replies_count", "reblogs_count", "favourites_count"), 0),
            **dict.fromkeys(("reblog", "card", "poll", "edited_at"), None),
        }

    def _person(self, username: str) -> dict[str, Any]:
        posts = self.world.ledger.live_posts(self.platform, username)
        return person(username, self.root, len(posts))


def _no(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)
