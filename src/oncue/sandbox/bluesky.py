"""A strict Bluesky server (PDS): sessions, files, and posts as records that nobody can double.

Answers and errors are those of a real server of version 0.4.217, save that unknown fields and
facets outside the text are refused, and that an old refresh token is refused at once.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from aiohttp import web

from oncue.sandbox.bluesky_lexicons import LEXICONS, POST
from oncue.sandbox.bluesky_names import blob_of, cid_of_record, did_of, uri_of
from oncue.sandbox.bluesky_oauth import BlueskyOAuth
from oncue.sandbox.bluesky_people import People
from oncue.sandbox.bluesky_records import expect_facets_inside, restored, without
from oncue.sandbox.bluesky_sessions import PAST, Sessions, token_with_proof, unproven
from oncue.sandbox.dpop import Proofs
from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.ledger import Entry
from oncue.sandbox.network import Handler, Network, Whose, Wording, World, file_facts
from oncue.sandbox.oauth_terms import Refused, Trouble
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


GONE: Final[Mapping[Kind | str, str]] = {  # a token that came with a proof
    Kind.EXPIRED_TOKEN: PAST,
    Kind.REVOKED_TOKEN: "Invalid token",
}


class Bluesky(Network):
    platform: ClassVar[str] = "BLUESKY"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._written: dict[tuple[str, str], Body] = {}  # what the ledger does not keep of posts
        self.people = People(world, self.platform)
        self.proofs = Proofs(world.now)
        self.oauth = BlueskyOAuth(self, self.people, self.proofs)
        self.sessions = Sessions(world, self.people, self.oauth, self.proofs)

    def routes(self) -> Sequence[web.RouteDef]:
        methods: Sequence[tuple[str, str, Effect, Answer]] = [
            ("POST", "server.createSession", Effect.TOKEN, self.sessions.create),
            ("POST", "server.refreshSession", Effect.TOKEN, self.sessions.refresh),
            ("GET", "server.getSession", Effect.POLL, self.sessions.show),
            ("GET", "server.describeServer", Effect.POLL, self._describe_server),
            ("GET", "identity.resolveHandle", Effect.POLL, self._resolve_handle),
            ("POST", "repo.uploadBlob", Effect.UPLOAD, self._upload_blob),
            ("POST", "repo.putRecord", Effect.PUBLISH, self._put_record),
            ("POST", "repo.deleteRecord", Effect.DELETE, self._delete_record),
            ("GET", "repo.getRecord", Effect.POLL, self._get_record),
            ("GET", "repo.listRecords", Effect.POLL, self._list_records),
        ]
        return [
            *(
                web.route(verb, f"/xrpc/com.atproto.{name}", self.meets(effect, answering(answer)))
                for verb, name, effect, answer in methods
            ),
            web.get("/plc/{did}", self.meets(Effect.POLL, self._did_document)),
            *self.oauth.routes(),
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
        return self.sessions.account(request)

    def meets(
        self,
        effect: Effect,
        handler: Handler,
        *,
        whose: Whose | None = None,
        error: Wording | None = None,
    ) -> Handler:
        """As elsewhere, but a proof that lacks a nonce is answered before it can meet a fault."""
        met = super().meets(effect, handler, whose=whose, error=error)
        proven = super().meets(effect, handler, whose=whose, error=error or self._error_by_proof)

        async def proving(request: web.Request) -> web.StreamResponse:
            for_tokens = request.path.startswith(f"{self.prefix}/oauth/")
            if not for_tokens and token_with_proof(request) is None:
                return await met(request)
            answer = self._challenge(request) or await proven(request)
            answer.headers["DPoP-Nonce"] = self.proofs.nonce()
            return answer

        return proving

    def _error_by_proof(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        words = GONE.get(kind)
        return phrased(unproven("invalid_token", words)) if words else self.error(kind, fault)

    def _challenge(self, request: web.Request) -> web.Response | None:
        token = token_with_proof(request)
        if not (words := self.proofs.staleness(request, token)):
            return None
        if token is None:
            return self.oauth.phrased(Refused(Trouble.NONCE, words))
        return phrased(unproven("use_dpop_nonce", words))

    async def _did_document(self, request: web.Request) -> web.Response:
        did = request.match_info["did"]
        document = self.people.document(did, self.oauth.root(request))
        if document is None:
            return web.json_response({"message": f"DID not registered: {did}"}, status=404)
        return web.json_response(document, content_type="application/did+ld+json")

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
        return {"did": did_of(self.people.note(handle))}

    async def _upload_blob(self, request: web.Request) -> Body:
        caller = self.sessions.caller(request)
        content = await request.read()
        if "Content-Type" not in request.headers:
            raise Wrong(400, "InvalidRequest", "Request encoding (Content-Type) required")
        caller.expect_blob(request.content_type)
        if len(content) > BLOB_LIMIT:
            raise Wrong(413, "PayloadTooLarge", "request entity too large")
        facts = file_facts(content, request.content_type)
        blob = blob_of(facts)
        self.record(caller.handle, "upload", blob["ref"]["$link"], media=[facts])
        return {"blob": blob}

    async def _put_record(self, request: web.Request) -> Body:
        caller = self.sessions.caller(request)
        body = await input_of(request, "com.atproto.repo.putRecord")
        _expect_own(body, handle := caller.handle)
        caller.expect_repo(POST, "create", "update")
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
        caller = self.sessions.caller(request)
        body = await input_of(request, "com.atproto.repo.deleteRecord")
        _expect_own(body, handle := caller.handle)
        caller.expect_repo(POST, "delete")
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
        record = self._written.get((entry.account, entry.id)) or restored(entry)
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
        expect_facets_inside(record)
        return [
            {**self._uploaded(handle, image["image"]), **without(image, "image")}
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
