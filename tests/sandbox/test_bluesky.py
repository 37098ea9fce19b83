"""The simulated Bluesky server over HTTP: as strict as a real one, or stricter."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError

from hosted import Hosted, hosted
from oncue.sandbox.bluesky import Bluesky
from oncue.sandbox.bluesky_names import did_of, handle_of

pytestmark = pytest.mark.anyio

POST = "app.bsky.feed.post"
RKEY = "3l3qo2vuowo2b"
HANDLE = "maria.sandbox.test"
DID = did_of(HANDLE)
URI = f"at://{DID}/{POST}/{RKEY}"
KEY = {"repo": DID, "collection": POST, "rkey": RKEY}
NO_CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"


@dataclass
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.body["error"]


async def call(
    sandbox: Hosted, verb: str, method: str, token: str | None = None, **request: Any
) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= request.pop("headers", {})
    url = f"{sandbox.url}/bluesky/xrpc/com.atproto.{method}"
    async with sandbox.http.request(verb, url, headers=headers, **request) as answer:
        is_json = answer.content_type == "application/json"
        body = await (answer.json() if is_json else answer.text())
        return Answer(answer.status, body, answer.headers)


async def sign_in(sandbox: Hosted, identifier: str = "maria") -> dict[str, str]:
    session = await call(
        sandbox,
        "POST",
        "server.createSession",
        json={"identifier": identifier, "password": "app-password"},
    )
    assert session.status == 200
    tokens: dict[str, str] = session.body
    return tokens


def record(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"$type": POST, "text": text, "createdAt": "2026-11-22T10:00:00.123Z", **more}


async def put(sandbox: Hosted, token: str, what: Mapping[str, Any], **more: Any) -> Answer:
    body = {**KEY, "record": what, "swapRecord": None, **more}
    return await call(sandbox, "POST", "repo.putRecord", token, json=body)


async def get(sandbox: Hosted, rkey: str = RKEY, **more: str) -> Answer:
    return await call(sandbox, "GET", "repo.getRecord", params={**KEY, "rkey": rkey, **more})


async def upload(sandbox: Hosted, token: str, content: bytes = b"pixels") -> dict[str, Any]:
    answer = await call(
        sandbox,
        "POST",
        "repo.uploadBlob",
        token,
        data=content,
        headers={"Content-Type": "image/png"},
    )
    assert answer.status == 200
    blob: dict[str, Any] = answer.body["blob"]
    return blob


def images(*blobs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    each = [{"image": blob, "alt": "A cat", **more} for blob in blobs]
    return {"embed": {"$type": "app.bsky.embed.images", "images": each}}


def facet(start: int, end: int, **feature: str) -> dict[str, Any]:
    link = {"$type": "app.bsky.richtext.facet#link", "uri": "https://a.test"}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature or link]}


async def test_a_post_with_an_image_is_public_and_in_the_ledger() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        blob = await upload(sandbox, token)

        ratio = {"width": 4, "height": 3}
        written = await put(sandbox, token, record(**images(blob, aspectRatio=ratio)))

        found = await get(sandbox)
        assert written.status == 200
        assert written.body["uri"] == URI
        assert found.body == {
            "uri": URI,
            "cid": written.body["cid"],
            "value": record(**images(blob, aspectRatio=ratio)),
        }
        [entry] = sandbox.posts("BLUESKY")
        assert (entry.account, entry.id, entry.key, entry.text) == (HANDLE, RKEY, RKEY, "Hello")
        [file] = entry.media
        assert (file["type"], file["bytes"], file["alt"]) == ("image/png", 6, "A cat")


async def test_the_same_record_again_is_a_yes_and_another_one_in_its_place_a_no() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        first = await put(sandbox, token, record())

        again = await put(sandbox, token, record())
        other = await put(sandbox, token, record("Something else"))

        assert again.body == first.body
        assert other.error == (400, "InvalidSwap")
        assert other.body["message"] == f"Record was at {first.body['cid']}"
        assert len(sandbox.posts("BLUESKY")) == 1


async def test_a_record_may_be_replaced_by_who_knows_it() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        first = await put(sandbox, token, record())

        wrong = await put(sandbox, token, record("Better"), swapRecord=NO_CID)
        right = await put(sandbox, token, record("Better"), swapRecord=first.body["cid"])

        assert (wrong.error, right.status) == ((400, "InvalidSwap"), 200)
        assert (await get(sandbox)).body["value"]["text"] == "Better"
        assert (await get(sandbox, cid=first.body["cid"])).error == (400, "RecordNotFound")


async def test_deleting_twice_is_deleting_and_the_key_is_free_again() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        await put(sandbox, token, record())

        swapped = await call(
            sandbox, "POST", "repo.deleteRecord", token, json={**KEY, "swapRecord": NO_CID}
        )
        answers = [
            await call(sandbox, "POST", "repo.deleteRecord", token, json=KEY) for _ in range(2)
        ]

        assert swapped.error == (400, "InvalidSwap")
        assert [answer.status for answer in answers] == [200, 200]
        assert (await get(sandbox)).error == (400, "RecordNotFound")
        assert len(sandbox.ledger.entries(kind="delete")) == 1
        assert (await put(sandbox, token, record())).status == 200
        assert (await get(sandbox)).status == 200


async def test_records_are_listed_newest_key_first_page_by_page() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        rkeys = ["3l3qo2vuowo2b", "3l3qo2vuowo2c", "3l3qo2vuowo2d"]
        for rkey in rkeys:
            await put(sandbox, token, record(rkey), rkey=rkey)

        async def page(**more: str) -> tuple[list[str], str | None]:
            query = {"repo": HANDLE, "collection": POST, **more}
            body = (await call(sandbox, "GET", "repo.listRecords", params=query)).body
            return [each["value"]["text"] for each in body["records"]], body.get("cursor")

        assert await page() == (rkeys[::-1], rkeys[0])
        assert await page(limit="2") == (rkeys[:0:-1], rkeys[1])
        assert await page(cursor=rkeys[1]) == (rkeys[:1], rkeys[0])
        assert await page(reverse="true", cursor=rkeys[0]) == (rkeys[1:], rkeys[2])
        assert await page(cursor=rkeys[0]) == ([], None)
        assert await page(collection="app.bsky.feed.like") == ([], None)


async def test_a_restart_forgets_neither_session_nor_posts(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    rkey = "3n2ve77aum2yu"  # 2026-11-22T10:00:00.123456Z is in it
    plain = record(createdAt="2026-11-22T10:00:00.123456Z")
    async with hosted(Bluesky, file=file) as sandbox:
        session = await sign_in(sandbox)
        blob = await upload(sandbox, session["accessJwt"])
        post = {**plain, **images(blob, aspectRatio={"width": 4, "height": 3})}
        before = await put(sandbox, session["accessJwt"], post, rkey=rkey)

    async with hosted(Bluesky, file=file) as sandbox:
        again = await put(sandbox, session["accessJwt"], post, rkey=rkey)
        found = await get(sandbox, rkey)
        renewed = await call(sandbox, "POST", "server.refreshSession", session["refreshJwt"])

        assert again.body == before.body
        assert found.body["value"] == post
        assert renewed.body["did"] == DID
        assert len(sandbox.posts("BLUESKY")) == 1


# Sessions.


async def test_a_session_belongs_to_its_account() -> None:
    async with hosted(Bluesky) as sandbox:
        session = await sign_in(sandbox, "Maria.bsky.test")

        who = await call(sandbox, "GET", "server.getSession", session["accessJwt"])

        assert who.body == {
            "handle": "maria.bsky.test",
            "did": did_of("maria.bsky.test"),
            "active": True,
        }


@pytest.mark.parametrize(
    ("identifier", "password", "handle"),
    [
        ("maria", "secret", "maria.sandbox.test"),
        ("maria.bsky.test", "secret", "maria.bsky.test"),
        ("@maria.bsky.test", "secret", "maria.bsky.test"),
        ("maria.bsky.test", "sandbox:otto", "maria.bsky.test"),
        ("whoever", "sandbox:otto", "otto.sandbox.test"),
        ("maria@mail.test", "secret", "maria.sandbox.test"),
        ("Maria Müller", "secret", "maria-m-ller.sandbox.test"),
    ],
)
def test_every_identifier_is_somebody(identifier: str, password: str, handle: str) -> None:
    assert handle_of(identifier, password) == handle


async def test_a_refresh_token_works_once() -> None:
    async with hosted(Bluesky) as sandbox:
        old = (await sign_in(sandbox))["refreshJwt"]

        first = await call(sandbox, "POST", "server.refreshSession", old)
        second = await call(sandbox, "POST", "server.refreshSession", old)
        third = await call(sandbox, "POST", "server.refreshSession", first.body["refreshJwt"])

        assert (first.status, third.status) == (200, 200)
        assert second.error == (400, "ExpiredToken")


async def test_only_a_valid_access_token_opens_the_door() -> None:
    async with hosted(Bluesky) as sandbox:
        session = await sign_in(sandbox)
        claims = {"scope": "com.atproto.access", "handle": HANDLE, "exp": 1, "jti": "x"}
        part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        method = "server.getSession"

        assert (await call(sandbox, "GET", method)).error == (401, "AuthMissing")
        for token in ("nonsense", "a.b.c", session["refreshJwt"]):
            assert (await call(sandbox, "GET", method, token)).error == (400, "InvalidToken")
        old = await call(sandbox, "GET", method, f"e30.{part}.sandbox")
        assert old.error == (400, "ExpiredToken")
        access = await call(sandbox, "POST", "server.refreshSession", session["accessJwt"])
        assert access.error == (400, "InvalidToken")


async def test_nobody_writes_into_another_account() -> None:
    async with hosted(Bluesky) as sandbox:
        maria = (await sign_in(sandbox))["accessJwt"]
        otto = (await sign_in(sandbox, "otto"))["accessJwt"]
        blob = await upload(sandbox, maria)

        foreign = await put(sandbox, otto, record())
        stolen = await put(sandbox, otto, record(**images(blob)), repo="otto.sandbox.test")

        assert foreign.error == (403, "AccountNotFound")
        assert stolen.error == (400, "BlobNotFound")
        assert sandbox.posts("BLUESKY") == []


# Strictness.


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (record("x" * 301), "grapheme too big (maximum 300, got 301) at $.record.text"),
        (record("👨‍👩‍👧‍👦" * 150), "string too big (maximum 3000, got 3750) at $.record.text"),
        ({"$type": POST, "text": ""}, 'Missing required key "createdAt" at $.record'),
        (record(createdAt="now"), 'Invalid datetime (got "now") at $.record.createdAt'),
        (record(createdAt="2026-13-22T10:00:00Z"), "Invalid datetime"),
        ({**record(), "text": 3}, "Expected string value type (got 3) at $.record.text"),
        (record("\ud800"), "surrogates not allowed"),
        (record(colour="red"), 'Unknown key "colour" at $.record'),
        (record(langs=["en", "de", "fr", "it"]), "array too big (maximum 3, got 4)"),
        (record(langs="en"), "Expected array value type (got en) at $.record.langs"),
        (record(facets=[facet(0, 6)]), "not in the text at $.record.facets[0].index"),
        (record(facets=[facet(2, 2)]), "not in the text"),
        (record("é!", facets=[facet(1, 2)]), "not in the text"),
        (record(facets=[facet(-1, 2)]), "integer too small (minimum 0, got -1)"),
        (record(facets=[facet(True, 2)]), "Expected integer value type (got True)"),
        (record(facets=[{"index": {"byteStart": 0, "byteEnd": 1}}]), '"features"'),
        (record(facets=[facet(0, 1, **{"$type": "a.b.c"})]), "features[0].$type"),
        (record(embed={"$type": "app.bsky.embed.external"}), "$.record.embed.$type"),
        (record(**images("cat")), "Expected blob value type (got cat)"),  # type: ignore[arg-type]
        ({**record(), "$type": "app.bsky.feed.like"}, "Invalid $type: expected app.bsky.feed.post"),
    ],
)
async def test_a_record_that_breaks_the_lexicon_is_refused(
    what: dict[str, Any], message: str
) -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]

        refused = await put(sandbox, token, what)

        assert refused.error == (400, "InvalidRequest")
        assert message in refused.body["message"]
        assert sandbox.posts("BLUESKY") == []


async def test_files_are_held_against_what_was_uploaded() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        blob = await upload(sandbox, token)

        async def error(*blobs: Mapping[str, Any]) -> tuple[int, str]:
            return (await put(sandbox, token, record(**images(*blobs)))).error

        assert await error(*[blob] * 5) == (400, "InvalidRequest")
        assert await error({**blob, "size": 7}) == (400, "InvalidRequest")
        assert await error({**blob, "size": 2_000_001}) == (400, "InvalidRequest")
        assert await error({**blob, "mimeType": "video/mp4"}) == (400, "InvalidRequest")
        assert await error({**blob, "ref": {"$link": NO_CID}}) == (400, "BlobNotFound")


@pytest.mark.parametrize(
    "change",
    [
        {"rkey": "hello"},
        {"rkey": "zzzzzzzzzzzzz"},
        {"rkey": "a/b"},
        {"collection": "app.bsky.feed.like"},
        {"collection": "nonsense"},
        {"swapRecord": "zzz"},
        {"bogus": 1},
        {"validate": "yes"},
        {"record": "text"},
    ],
)
async def test_a_request_that_breaks_the_lexicon_is_refused(change: dict[str, Any]) -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]

        assert (await put(sandbox, token, record(), **change)).error == (400, "InvalidRequest")


async def test_what_is_no_json_is_refused() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        as_json = {"Content-Type": "application/json"}

        requests: list[dict[str, Any]] = [
            {"data": b"{", "headers": as_json},
            {"data": b"{}"},
            {"json": []},
        ]
        for request in requests:
            answer = await call(sandbox, "POST", "repo.putRecord", token, **request)
            assert answer.error == (400, "InvalidRequest")


async def test_an_upload_has_a_type_and_an_end() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        big = await call(
            sandbox,
            "POST",
            "repo.uploadBlob",
            token,
            data=BytesIO(bytes(5 * 1024 * 1024 + 1)),
            headers={"Content-Type": "image/png"},
        )
        untyped = await call(
            sandbox,
            "POST",
            "repo.uploadBlob",
            token,
            data=b"x",
            skip_auto_headers=["Content-Type"],
        )

        assert big.error == (413, "PayloadTooLarge")
        assert untyped.error == (400, "InvalidRequest")


async def test_handles_resolve_and_the_server_describes_itself() -> None:
    async with hosted(Bluesky) as sandbox:
        method = "identity.resolveHandle"
        found = await call(sandbox, "GET", method, params={"handle": "Maria.sandbox.test"})
        nobody = await call(sandbox, "GET", method, params={"handle": "maria.invalid"})
        no_handle = await call(sandbox, "GET", method, params={"handle": "maria"})
        server = await call(sandbox, "GET", "server.describeServer")

        assert found.body == {"did": DID}
        assert nobody.error == no_handle.error == (400, "InvalidRequest")
        assert nobody.body["message"] == "Unable to resolve handle"
        assert server.body["availableUserDomains"] == [".sandbox.test"]


async def test_a_query_is_held_against_its_lexicon() -> None:
    async with hosted(Bluesky) as sandbox:
        await sign_in(sandbox)
        for wrong in ({"limit": "101"}, {"limit": "ten"}, {"reverse": "1"}, {"bogus": "1"}):
            query = {"repo": DID, "collection": POST, **wrong}
            answer = await call(sandbox, "GET", "repo.listRecords", params=query)
            assert answer.error == (400, "InvalidRequest")

        query = {"repo": DID, "collection": POST}
        stranger = await call(sandbox, "GET", "repo.listRecords", params=query)
        assert stranger.body["message"] == f"Could not find repo: {DID}"


# Misfortunes.


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reject", (400, "InvalidRequest")),
        ("rate_limit", (429, "RateLimitExceeded")),
        ("unavailable", (503, "NotEnoughResources")),
        ("expired_token", (400, "ExpiredToken")),
        ("revoked_token", (401, "AuthenticationRequired")),
        ("duplicate", (400, "InvalidSwap")),
    ],
)
async def test_an_ordered_refusal_comes_once_and_leaves_no_trace(
    kind: str, error: tuple[int, str]
) -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        await sandbox.fault(kind=kind, platform="bluesky", account=HANDLE, effect="publish")

        refused = await put(sandbox, token, record())

        assert refused.error == error
        assert sandbox.posts("BLUESKY") == []
        assert (await put(sandbox, token, record())).status == 200


async def test_a_rate_limit_says_when_it_ends() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        await sandbox.fault(kind="rate_limit", retryAfter=7)
        await sandbox.fault(kind="rate_limit")

        told = await put(sandbox, token, record())
        untold = await put(sandbox, token, record())

        assert told.headers["Retry-After"] == "7"
        assert "Retry-After" not in untold.headers
        assert untold.headers["RateLimit-Remaining"] == "0"
        assert int(untold.headers["RateLimit-Reset"]) > int(told.headers["RateLimit-Reset"])


async def test_an_answer_may_be_lost_after_the_post_was_made() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        await sandbox.fault(kind="accept_then_500")
        await sandbox.fault(kind="accept_then_drop")

        crashed = await put(sandbox, token, record())
        with pytest.raises(ClientError):
            await put(sandbox, token, record("Another"), rkey="3l3qo2vuowo2c")

        assert crashed.error == (500, "InternalServerError")
        assert [entry.text for entry in sandbox.posts("BLUESKY")] == ["Hello", "Another"]


async def test_a_proxy_may_answer_instead_and_a_slow_server_still_answers() -> None:
    async with hosted(Bluesky) as sandbox:
        token = (await sign_in(sandbox))["accessJwt"]
        await sandbox.fault(kind="garbage")
        await sandbox.fault(kind="slow", seconds=0)

        garbage = await put(sandbox, token, record())
        trace = sandbox.posts("BLUESKY")
        slow = await put(sandbox, token, record())

        assert (garbage.status, garbage.body[:6], trace) == (200, "<html>", [])
        assert slow.status == 200


async def test_signing_in_uploading_and_deleting_have_misfortunes_of_their_own() -> None:
    async with hosted(Bluesky) as sandbox:
        session = await sign_in(sandbox)
        token = session["accessJwt"]
        for effect in ("token", "upload", "delete", "poll"):
            await sandbox.fault(kind="unavailable", effect=effect, account=HANDLE)

        busy = [
            await call(sandbox, "POST", "server.refreshSession", session["refreshJwt"]),
            await call(sandbox, "POST", "repo.uploadBlob", token, data=b"x"),
            await call(sandbox, "POST", "repo.deleteRecord", token, json=KEY),
            await call(sandbox, "GET", "server.getSession", token),
        ]

        assert [answer.status for answer in busy] == [503] * 4
