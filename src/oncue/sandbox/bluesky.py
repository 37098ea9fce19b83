"""A strict Bluesky server (PDS): sessions, files, and posts as records that nobody can double.

Answers and errors are those of a real server of version 0.4.217, save that unknown fields and
facets outside the text are refused, and that an old refresh token is refused at once.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from aiohttp import web

from oncue.sandbox.bluesky_lexicons import LEXICONS, POST
from oncue.sandbox.bluesky_names import (
    ACCESS,
    LIVES,
    REFRESH,
    blob_of,
    cid_of_record,
    claims_of,
    did_of,
    handle_of,
    moment_of,
    token_of,
    uri_of,
)
from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.ledger import Entry
from oncue.sandbox.network import Network, World, bearer, file_facts
from oncue.sandbox.xrpc import Answer, Body, Wrong, answering, expect, input_of, parameters, phrased

BLOB_LIMIT: Final = 5 * 1024 * 1024
NOBODYS_DOMAINS: Final = (".invalid", ".example", ".local", ".localhost", ".internal", ".onion")


ERRORS: Final[Mapping[Kind | str, Wrong]] = {
    Kind.REJECT: Wrong(400, "InvalidRequest", f"Invalid {POST} record: refused by order"),
    Kind.RATE_LIMIT: Wrong(429, "RateLimitExceeded", "Rate Limit Exceeded"),
    Kind.UNAVAILABLE: Wrong(503, "NotEnoughResources", "Not Enough Resources"),
    Kind.EXPIRED_TOKEN: Wrong(400, "ExpiredToken", "Token has expired"),
    Kind.REVOKED_TOKEN: Wrong(401, "AuthenticationRequired", "Invalid identifier or password"),
    Kind.DUPLICATE: Wrong(400, "InvalidSwap", f"Record was at {cid_of_record({})}"),
    "server_error": Wrong(500, "InternalServerError", "Internal Server Error"),
}


class Bluesky(Network):
    platform: ClassVar[str] = "BLUESKY"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._written: dict[tuple[str, str], Body] = {}  # what the ledger does not keep of posts
        self._used_up: set[str] = set()  # refresh tokens

    def routes(self) -> Sequence[web.RouteDef]:
        methods: Sequence[tuple[str, str, Effect, Answer]] = [
            ("POST", "server.createSession", Effect.TOKEN, self._create_session),
            ("POST", "server.refreshSession", Effect.TOKEN, self._refresh_session),
            ("GET", "server.getSession", Effect.POLL, self._get_session),
            ("GET", "server.describeServer", Effect.POLL, self._describe_server),
            ("GET", "identity.resolveHandle", Effect.POLL, self._resolve_handle),
            ("POST", "repo.uploadBlob", Effect.UPLOAD, self._upload_blob),
            ("POST", "repo.putRecord", Effect.PUBLISH, self._put_record),
            ("POST", "repo.deleteRecord", Effect.DELETE, self._delete_record),
            ("GET", "repo.getRecord", Effect.POLL, self._get_record),
            ("GET", "repo.listRecords", Effect.POLL, self._list_records),
        ]
        return [
            web.route(verb, f"/xrpc/com.atproto.{name}", self.meets(effect, answering(answer)))
            for verb, name, effect, answer in methods
        ]

    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        answer = phrased(ERRORS[kind])
        if kind is Kind.RATE_LIMIT:
            asked = fault.retry_after if fault else None
            reset = self.world.now() + timedelta(seconds=300 if asked is None else asked)
            answer.headers["RateLimit-Limit"] = "5000"
            answer.headers["RateLimit-Remaining"] = "0"
            answer.headers["RateLimit-Reset"] = str(int(reset.timestamp()))
            answer.headers["RateLimit-Policy"] = "5000;w=3600"
            if asked is not None:
                answer.headers["Retry-After"] = str(asked)
        return answer

    def account(self, request: web.Request) -> str | None:
        claims = claims_of(bearer(request))
        return claims["handle"] if claims else None

    async def _create_session(self, request: web.Request) -> Body:
        body = await input_of(request, "com.atproto.server.createSession")
        return self._session(handle_of(body["identifier"], body["password"]))

    async def _refresh_session(self, request: web.Request) -> Body:
        claims = self._authorised(request, REFRESH)
        self._used_up.add(claims["jti"])
        return self._session(claims["handle"])

    def _session(self, handle: str) -> Body:
        tokens = {
            name: token_of(
                {
                    "scope": scope,
                    "sub": did_of(handle),
                    "handle": handle,
                    "exp": int((self.world.now() + LIVES[scope]).timestamp()),
                    "jti": secrets.token_urlsafe(8),
                }
            )
            for name, scope in (("accessJwt", ACCESS), ("refreshJwt", REFRESH))
        }
        return {**tokens, "handle": handle, "did": did_of(handle), "active": True}

    async def _get_session(self, request: web.Request) -> Body:
        handle = self._authorised(request)["handle"]
        return {"handle": handle, "did": did_of(handle), "active": True}

    def _authorised(self, request: web.Request, scope: str = ACCESS) -> Mapping[str, Any]:
        """What the bearer token claims; raises Wrong where it is none for `scope`."""
        if (token := bearer(request)) is None:
            raise Wrong(401, "AuthMissing", "Authentication Required")
        if (claims := claims_of(token)) is None:
            raise Wrong(400, "InvalidToken", "Token could not be verified")
        if claims["scope"] != scope:
            raise Wrong(400, "InvalidToken", "Invalid token type")
        if claims["exp"] <= self.world.now().timestamp():
            raise Wrong(400, "ExpiredToken", "Token has expired")
        if claims["jti"] in self._used_up:
            raise Wrong(400, "ExpiredToken", "Token has been revoked")
        return claims

    async def _describe_server(self, _request: web.Request) -> Body:
        return {
            "did": "did:web:sandbox.test",
            "availableUserDomains": [".sandbox.test"],
            "inviteCodeRequired": False,
            "blobUploadLimit": BLOB_LIMIT,
        }

    async def _resolve_handle(self, request: web.Request) -> Body:
        """Everybody exists, save under the domains that nobody can have."""
        handle = parameters(request, "com.atproto.identity.resolveHandle")["handle"].lower()
        if handle.endswith(NOBODYS_DOMAINS):
            raise Wrong(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": did_of(handle)}

    async def _upload_blob(self, request: web.Request) -> Body:
        handle = self._authorised(request)["handle"]
        content = await request.read()
        if "Content-Type" not in request.headers:
            raise Wrong(400, "InvalidRequest", "Request encoding (Content-Type) required")
        if len(content) > BLOB_LIMIT:
            raise Wrong(413, "PayloadTooLarge", "request entity too large")
        facts = file_facts(content, request.content_type)
        blob = blob_of(facts)
        self.record(handle, "upload", blob["ref"]["$link"], media=[facts])
        return {"blob": blob}

    async def _put_record(self, request: web.Request) -> Body:
        handle = self._authorised(request)["handle"]
        body = await input_of(request, "com.atproto.repo.putRecord")
        _expect_own(body, handle)
        rkey, record = body["rkey"], body["record"]
        media = self._examined(handle, rkey, record)
        cid, there = cid_of_record(record), self._cid_at(handle, rkey)
        if there != cid:  # the very same record again is no conflict, whatever the swap says
            if "swapRecord" in body and body["swapRecord"] != there:
                raise Wrong(400, "InvalidSwap", f"Record was at {there or 'null'}")
            self._written[handle, rkey] = record
            self.record(handle, "post", rkey, text=record["text"], media=media, key=rkey)
        return {"uri": uri_of(handle, rkey), "cid": cid, "validationStatus": "valid"}

    async def _delete_record(self, request: web.Request) -> Body:
        handle = self._authorised(request)["handle"]
        body = await input_of(request, "com.atproto.repo.deleteRecord")
        _expect_own(body, handle)
        there = self._cid_at(handle, body["rkey"])
        if there and body.get("swapRecord", there) != there:
            raise Wrong(400, "InvalidSwap", f"Record was at {there}")
        if there:
            self.record(handle, "delete", body["rkey"])
        return {}

    async def _get_record(self, request: web.Request) -> Body:
        asked = parameters(request, "com.atproto.repo.getRecord")
        handle, rkey = self._handle_at(asked["repo"]), asked["rkey"]
        entry = self._posts(handle).get(rkey) if handle and asked["collection"] == POST else None
        found = self._shown(entry) if entry else None
        if found is None or asked.get("cid", found["cid"]) != found["cid"]:
            where = f"at://{asked['repo']}/{asked['collection']}/{rkey}"
            raise Wrong(400, "RecordNotFound", f"Could not locate record: {where}")
        return found

    async def _list_records(self, request: web.Request) -> Body:
        asked = parameters(request, "com.atproto.repo.listRecords")
        if (handle := self._handle_at(asked["repo"])) is None:
            raise Wrong(400, "InvalidRequest", f"Could not find repo: {asked['repo']}")
        forward, cursor = asked.get("reverse", False), asked.get("cursor")
        posts = self._posts(handle) if asked["collection"] == POST else {}
        rkeys = [
            rkey
            for rkey in sorted(posts, reverse=not forward)
            if cursor is None or (rkey > cursor if forward else rkey < cursor)
        ][: asked.get("limit", 50)]
        return {
            "records": [self._shown(posts[rkey]) for rkey in rkeys],
            **({"cursor": rkeys[-1]} if rkeys else {}),
        }

    def _handle_at(self, repo: str) -> str | None:
        """The account that a repository belongs to, if it ever did anything here."""
        entries = self.world.ledger.entries(platform=self.platform)
        accounts = {entry.account for entry in entries}
        return next((each for each in accounts if repo in (each, did_of(each))), None)

    def _posts(self, handle: str) -> dict[str, Entry]:
        """The account's posts by their keys. A key may be used again after a deletion."""
        posts: dict[str, Entry] = {}
        for entry in self.world.ledger.entries(platform=self.platform, account=handle):
            if entry.kind == "post":
                posts[entry.id] = entry
            elif entry.kind == "delete":
                posts.pop(entry.id, None)
        return posts

    def _shown(self, entry: Entry) -> Body:
        record = self._written.get((entry.account, entry.id)) or _restored(entry)
        return {
            "uri": uri_of(entry.account, entry.id),
            "cid": cid_of_record(record),
            "value": record,
        }

    def _cid_at(self, handle: str, rkey: str) -> str | None:
        entry = self._posts(handle).get(rkey)
        return self._shown(entry)["cid"] if entry else None

    def _examined(self, handle: str, rkey: str, record: Body) -> list[Body]:
        """The record's files, as the ledger describes them; raises Wrong on a bad record."""
        if (type_ := record.get("$type")) != POST:
            raise Wrong(400, "InvalidRequest", f"Invalid $type: expected {POST}, got {type_}")
        expect(rkey, {"type": "string", "format": "tid"}, f"Invalid record key for {POST}: ")
        expect(record, LEXICONS[POST]["main"], f"Invalid {POST} record: ", at="$.record")
        _expect_facets_inside(record)
        return [
            {**self._uploaded(handle, image["image"]), **_without(image, "image")}
            for image in record.get("embed", {}).get("images", [])
        ]

    def _uploaded(self, handle: str, blob: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is known of a file of this account; raises Wrong where `blob` says otherwise."""
        entry = self.upload(handle, blob["ref"]["$link"])
        if entry is None:
            raise Wrong(400, "BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
        if blob != blob_of(entry.media[0]):
            raise Wrong(400, "InvalidRequest", "Referenced blob does not match stored blob")
        return entry.media[0]


def _expect_own(body: Body, handle: str) -> None:
    if body["repo"] not in (handle, did_of(handle)):
        raise Wrong(403, "AccountNotFound", "Account not found")
    if body["collection"] != POST:
        raise Wrong(400, "InvalidRequest", f"Unknown lexicon type: {body['collection']}")


def _expect_facets_inside(record: Body) -> None:
    """Each facet begins and ends between two characters of the text."""
    text = record["text"].encode()
    borders = {index for index, byte in enumerate(text) if byte & 0xC0 != 0x80} | {len(text)}
    for number, facet in enumerate(record.get("facets", [])):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if start >= end or not {start, end} <= borders:
            at = f"$.record.facets[{number}].index"
            raise Wrong(400, "InvalidRequest", f"Invalid {POST} record: not in the text at {at}")


def _restored(entry: Entry) -> Body:
    """A post from before a restart: what the ledger keeps of it, and the time in its key."""
    record: Body = {
        "$type": POST,
        "text": entry.text,
        "createdAt": moment_of(entry.id).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if entry.media:
        images = [
            {"image": blob_of(file), **_without(file, "type", "bytes", "sha256")}
            for file in entry.media
        ]
        record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
    return record


def _without(these: Mapping[str, Any], *names: str) -> Body:
    return {name: value for name, value in these.items() if name not in names}
