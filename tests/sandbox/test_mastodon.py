"""The simulated Mastodon over HTTP: what it takes, what it refuses, and what it remembers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, FormData
from aiohttp.test_utils import TestServer

from hosted import Hosted
from oncue.sandbox.app import create_app
from oncue.sandbox.ledger import Entry, Ledger
from oncue.sandbox.mastodon import Mastodon
from oncue.sandbox.mastodon_views import account_id

pytestmark = pytest.mark.anyio

CAT = b"a picture of a cat"
FACTS = {"type": "image/png", "bytes": len(CAT), "sha256": sha256(CAT).hexdigest(), "alt": "A cat"}
STATUSES = "/api/v1/statuses"
MINE = f"/api/v1/accounts/{account_id('maria')}/statuses"


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Server(Hosted):
    clock: Clock

    async def ask(
        self, method: str, path: str, token: str | None = "sandbox:maria", **request: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= request.pop("headers", {})
        address = f"{self.url}/mastodon{path}"
        async with self.http.request(method, address, headers=headers, **request) as answer:
            return answer.status, await answer.json()

    async def post(self, key: str | None = None, **status: Any) -> tuple[int, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.ask("POST", STATUSES, json=status, headers=headers)

    async def upload(self, type_: str = "image/png", alt: str = "A cat") -> tuple[int, Any]:
        form = FormData({"description": alt})
        form.add_field("file", CAT, filename="cat.png", content_type=type_)
        return await self.ask("POST", "/api/v2/media", data=form)

    def held(self) -> list[Entry]:
        return self.ledger.entries(kind="post")


@asynccontextmanager
async def serving(file: Path | None = None, clock: Clock | None = None) -> AsyncIterator[Server]:
    clock, ledger = clock or Clock(), Ledger(file)
    server = TestServer(create_app(ledger, now=clock, networks=[Mastodon]))
    await server.start_server()
    async with ClientSession() as http:
        yield Server(str(server.make_url("")).rstrip("/"), http, ledger, clock)
    await server.close()
    ledger.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running


# The sunny day


async def test_a_status_is_held_shown_listed_and_deleted(server: Server) -> None:
    _, file = await server.upload()
    code, status = await server.post("key-1", status="Look", media_ids=[file["id"]])

    assert code == 200
    assert (await server.ask("GET", f"{STATUSES}/{status['id']}")) == (200, status)
    assert (await server.ask("GET", MINE)) == (200, [status])
    [entry] = server.held()
    assert (entry.account, entry.id, entry.text, entry.key, entry.media) == (
        "maria",
        status["id"],
        "Look",
        "key-1",
        [{**FACTS, "id": file["id"]}],
    )

    code, deleted = await server.ask("DELETE", f"{STATUSES}/{status['id']}")

    assert (code, deleted["text"]) == (200, "Look")
    assert (await server.ask("GET", f"{STATUSES}/{status['id']}"))[0] == 404
    assert (await server.ask("DELETE", f"{STATUSES}/{status['id']}"))[0] == 404
    assert (await server.ask("GET", MINE)) == (200, [])
    assert [e.kind for e in server.ledger.entries()] == ["upload", "post", "delete"]


async def test_an_image_is_ready_at_once(server: Server) -> None:
    code, file = await server.upload()

    assert (code, file["type"], file["description"]) == (200, "image", "A cat")
    assert file["url"].endswith("/original")
    assert (await server.ask("GET", f"/api/v1/media/{file['id']}")) == (200, file)
    assert [entry.media for entry in server.ledger.entries(kind="upload")] == [[FACTS]]


@pytest.mark.parametrize(("type_", "kind"), [("video/mp4", "video"), ("image/gif", "gifv")])
async def test_what_moves_takes_a_while(server: Server, type_: str, kind: str) -> None:
    code, file = await server.upload(type_)
    assert (code, file["type"], file["url"]) == (202, kind, None)
    assert (await server.ask("GET", f"/api/v1/media/{file['id']}"))[0] == 206
    code, no = await server.post(status="Look", media_ids=[file["id"]])
    assert (code, "not finished processing" in no["error"]) == (422, True)

    server.clock.advance(seconds=1)

    assert (await server.ask("GET", f"/api/v1/media/{file['id']}"))[0] == 200
    assert (await server.post(status="Look", media_ids=[file["id"]]))[0] == 200


async def test_a_status_may_come_as_a_form(server: Server) -> None:
    _, one = await server.upload()
    _, two = await server.upload()
    form = [("status", "Hi"), ("media_ids[]", one["id"]), ("media_ids[]", two["id"])]

    code, status = await server.ask("POST", STATUSES, data=[*form, ("sensitive", "true")])

    assert (code, status["sensitive"], len(status["media_attachments"])) == (200, True, 2)


async def test_how_a_status_is_shown_is_up_to_its_author(server: Server) -> None:
    asked = {"visibility": "unlisted", "spoiler_text": "Spiders", "language": "de"}

    _, status = await server.post(status="Eight legs", **asked)

    assert {name: status[name] for name in asked} == asked


async def test_a_warning_about_nothing_is_the_text(server: Server) -> None:
    _, status = await server.post(spoiler_text="Spiders")

    assert (status["content"], status["spoiler_text"]) == ("<p>Spiders</p>", "")


async def test_the_token_names_the_account_and_no_token_is_refused(server: Server) -> None:
    path = "/api/v1/accounts/verify_credentials"

    code, person = await server.ask("GET", path)

    assert (code, person["id"], person["username"]) == (200, account_id("maria"), "maria")
    assert await server.ask("GET", path, token=None) == (
        401,
        {"error": "The access token is invalid"},
    )


async def test_everybody_sees_whose_limits_apply(server: Server) -> None:
    for path in ("/api/v1/instance", "/api/v2/instance"):
        code, instance = await server.ask("GET", path, token=None)

        assert code == 200
        assert instance["configuration"]["statuses"]["max_characters"] == 500


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("One\ntwo\n\n\nthree & <b>", "<p>One<br />two</p><p>three &amp; &lt;b&gt;</p>"),
        (
            "https://www.example.com/a/path/longer/than/thirty.",
            (
                '<p><a href="https://www.example.com/a/path/longer/than/thirty" target="_blank" '
                'rel="nofollow noopener" translate="no"><span class="invisible">https://www.</span>'
                '<span class="ellipsis">example.com/a/path/longer/than</span>'
                '<span class="invisible">/thirty</span></a>.</p>'
            ),
        ),
        (
            "@bob@other.test",
            (
                '<p><span class="h-card" translate="no"><a href="https://other.test/@bob" '
                'class="u-url mention">@<span>bob</span></a></span></p>'
            ),
        ),
        (
            "#Cats",
            (
                '<p><a href="http://127.0.0.1:8090/mastodon/tags/cats" class="mention hashtag" '
                'rel="tag">#<span>Cats</span></a></p>'
            ),
        ),
    ],
)
async def test_text_is_shown_as_html(server: Server, text: str, content: str) -> None:
    _, status = await server.post(status=text)

    assert status["content"] == content


async def test_a_list_is_newest_first_and_read_in_pages(server: Server) -> None:
    ids = [(await server.post(status=f"Post {n}"))[1]["id"] for n in range(3)]

    _, first = await server.ask("GET", f"{MINE}?limit=2&exclude_reblogs=true")
    _, second = await server.ask("GET", f"{MINE}?limit=2&max_id={ids[1]}", token="sandbox:bob")

    assert [status["id"] for status in first + second] == ids[::-1]


# Keys


async def test_the_same_key_is_the_same_status_for_an_hour(server: Server) -> None:
    first = await server.post("key-1", status="Once")
    server.clock.advance(minutes=59)
    again = await server.post("key-1", status="Once")

    assert again == first
    assert len(server.held()) == 1

    server.clock.advance(minutes=1)
    _, forgotten = await server.post("key-1", status="Once")

    assert forgotten["id"] != first[1]["id"]
    assert len(server.held()) == 2


async def test_a_key_is_its_account_s_own(server: Server) -> None:
    headers = {"Idempotency-Key": "key-1"}
    for token in ("sandbox:maria", "sandbox:bob"):
        await server.ask("POST", STATUSES, token, json={"status": "Hi"}, headers=headers)

    assert [entry.account for entry in server.held()] == ["maria", "bob"]


async def test_a_key_does_not_bring_a_deleted_status_back(server: Server) -> None:
    _, status = await server.post("key-1", status="Once")
    await server.ask("DELETE", f"{STATUSES}/{status['id']}")

    assert (await server.post("key-1", status="Once"))[0] == 404
    assert len(server.held()) == 1


async def test_a_restart_forgets_neither_keys_nor_files(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "ledger.jsonl"
    async with serving(file, clock) as before:
        _, attached = await before.upload()
        _, waiting = await before.upload()
        _, status = await before.post("key-1", status="Once", media_ids=[attached["id"]])

    async with serving(file, clock) as after:
        assert await after.post("key-1", status="Once") == (200, status)
        assert (await after.post(media_ids=[attached["id"]]))[0] == 422
        code, other = await after.post("key-2", status="Twice", media_ids=[waiting["id"]])

    assert code == 200
    assert int(other["id"]) > int(status["id"])


# What it refuses


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "Validation failed: Text can't be blank"),
        ({"status": "  \n"}, "Validation failed: Text can't be blank"),
        ({"status": "x" * 501}, "Validation failed: Text character limit of 500 exceeded"),
        (
            {"status": "x" * 500, "spoiler_text": "x"},
            "Validation failed: Text character limit of 500 exceeded",
        ),
        ({"status": "Hi", "mediaIds": []}, "unknown parameters: mediaIds"),
        ({"status": 5}, "Validation failed: status is not a str"),
        ({"status": "Hi", "sensitive": "yes"}, "Validation failed: sensitive is not a bool"),
        ({"status": "Hi", "media_ids": [1]}, "Validation failed: media_ids are not strings"),
        ({"status": "Hi", "media_ids": ["1"] * 5}, "Cannot attach more than 4 files"),
        ({"media_ids": ["1"]}, "Media 1 not found or already attached to another post"),
        (
            {"status": "Hi", "visibility": "secret"},
            "Validation failed: Visibility is not included in the list",
        ),
    ],
)
async def test_a_status_that_breaks_a_rule_is_refused(
    server: Server, asked: dict[str, Any], words: str
) -> None:
    assert await server.post(**asked) == (422, {"error": words})
    assert server.held() == []


@pytest.mark.parametrize("body", ["{", "[]", '"Hi"'])
async def test_a_status_that_is_no_object_is_refused(server: Server, body: str) -> None:
    headers = {"Content-Type": "application/json"}

    assert (await server.ask("POST", STATUSES, data=body, headers=headers))[0] == 400


async def test_a_file_belongs_to_one_status_of_its_owner(server: Server) -> None:
    _, file = await server.upload()
    asked: dict[str, Any] = {"status": "Look", "media_ids": [file["id"]]}

    assert (await server.ask("POST", STATUSES, "sandbox:bob", json=asked))[0] == 422
    assert (await server.post(**asked))[0] == 200
    assert (await server.post(**asked))[0] == 422


async def test_a_video_stands_alone(server: Server) -> None:
    ids = [(await server.upload(type_))[1]["id"] for type_ in ("image/png", "video/mp4")]
    server.clock.advance(seconds=1)

    code, no = await server.post(status="Look", media_ids=ids)

    assert (code, "video to a post that already" in no["error"]) == (422, True)


async def test_uploads_are_looked_at_too(server: Server) -> None:
    nothing = FormData({"description": "A cat"}, default_to_multipart=True)
    odd = FormData({"alt": "A cat"})
    odd.add_field("file", CAT, filename="cat.png", content_type="image/png")
    many = FormData()
    many.add_field(
        "file", BytesIO(bytes((16 << 20) + 1)), filename="cat.png", content_type="image/png"
    )

    refusals = [
        await server.ask("POST", "/api/v2/media", data=nothing),
        await server.ask("POST", "/api/v2/media", json={"file": "cat.png"}),
        await server.ask("POST", "/api/v2/media", data=odd),
        await server.ask("POST", "/api/v2/media", data=many),
        await server.upload(type_="application/pdf"),
        await server.upload(alt="x" * 1501),
    ]

    assert [code for code, _ in refusals] == [422] * 6
    assert [no["error"] for _, no in refusals] == [
        "Validation failed: File can't be blank",
        "Validation failed: File can't be blank",
        "unknown parameters: alt",
        "Validation failed: File size must be less than 16 MB",
        "Validation failed: File content type is invalid, File is invalid",
        "Validation failed: Description is too long (maximum is 1500)",
    ]
    assert server.ledger.entries() == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/accounts/1/statuses", 404),
        (f"{MINE}?limit=few", 422),
        (f"{MINE}?max_id=x", 422),
        (f"{MINE}?since=yesterday", 422),
        ("/api/v1/media/1", 404),
    ],
)
async def test_a_question_about_nothing_is_answered_no(
    server: Server, path: str, code: int
) -> None:
    assert (await server.ask("GET", path))[0] == code


# Misfortunes


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("reject", 403, "This action is not allowed"),
        ("rate_limit", 429, "Too many requests"),
        ("unavailable", 503, "There was a temporary problem serving your request"),
        ("expired_token", 401, "The access token expired"),
        ("revoked_token", 401, "The access token was revoked"),
        ("duplicate", 422, "Duplicate record"),
    ],
)
async def test_a_no_to_order_leaves_nothing_behind(
    server: Server, kind: str, code: int, words: str
) -> None:
    await server.fault(kind=kind, platform="mastodon")

    assert await server.post(status="Hi") == (code, {"error": words})
    assert server.held() == []
    assert (await server.post(status="Hi"))[0] == 200


async def test_a_rate_limit_says_until_when(server: Server) -> None:
    await server.fault(kind="rate_limit", retryAfter=30)

    token = {"Authorization": "Bearer sandbox:maria"}
    address = f"{server.url}/mastodon{STATUSES}"
    async with server.http.post(address, json={"status": "Hi"}, headers=token) as answer:
        told = answer.headers

    assert {name: told[name] for name in ("Date", "Retry-After", "X-RateLimit-Reset")} == {
        "Date": "Sun, 22 Nov 2026 09:00:00 GMT",
        "Retry-After": "30",
        "X-RateLimit-Reset": "2026-11-22T09:00:30Z",
    }
    assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"]) == ("300", "0")


async def test_an_answer_that_never_came_is_given_again_with_the_key(server: Server) -> None:
    await server.fault(kind="accept_then_drop")

    with pytest.raises(ClientError):
        await server.post("key-1", status="Once")
    code, status = await server.post("key-1", status="Once")

    assert (code, [entry.id for entry in server.held()]) == (200, [status["id"]])


async def test_an_accepted_status_may_be_answered_with_an_error(server: Server) -> None:
    await server.fault(kind="accept_then_500")

    assert await server.post("key-1", status="Once") == (500, {"error": "Internal Server Error"})
    assert len(server.held()) == 1


async def test_a_slow_server_answers_in_the_end(server: Server) -> None:
    await server.fault(kind="slow", seconds=0.01)

    assert (await server.post(status="Hi"))[0] == 200


async def test_a_proxy_in_between_answers_html_and_nothing_is_held(server: Server) -> None:
    await server.fault(kind="garbage")

    with pytest.raises(ClientError):  # no JSON
        await server.post(status="Hi")
    assert server.held() == []


@pytest.mark.parametrize("ordered_for", ["upload", "poll"])
async def test_a_file_can_be_stuck_for_ever(server: Server, ordered_for: str) -> None:
    await server.fault(kind="processing_forever", effect=ordered_for)

    _, file = await server.upload("video/mp4")
    polls = []
    for _ in range(3):
        polls.append((await server.ask("GET", f"/api/v1/media/{file['id']}"))[0])
        server.clock.advance(hours=1)

    assert polls == [206, 206, 206]
    assert (await server.post(media_ids=[file["id"]]))[0] == 422


async def test_even_an_image_fails_when_ordered_to(server: Server) -> None:
    await server.fault(kind="processing_failed")

    code, file = await server.upload()

    assert (code, file["url"]) == (202, None)
    assert await server.ask("GET", f"/api/v1/media/{file['id']}") == (
        422,
        {"error": "Error processing thumbnail for uploaded media"},
    )
