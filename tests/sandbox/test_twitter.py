"""The simulated X over HTTP: what it takes, what it refuses, and what it remembers."""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import ClientError, FormData
from aiohttp.test_utils import TestServer

from hosted import Hosted, hosted
from oncue.connectors.answers import Reply
from oncue.connectors.base import Account, Call, Steps, Wait
from oncue.connectors.spec import Draft, Media, ThreadItem
from oncue.connectors.twitter import Twitter as Connector
from oncue.sandbox.app import create_app
from oncue.sandbox.ledger import Ledger
from oncue.sandbox.twitter import Twitter
from oncue.sandbox.twitter_views import user_id, weight

T = TypeVar("T")
pytestmark = pytest.mark.anyio

CAT = b"\x89PNG a cat"
DANCE = b"GIF89a a dance"
MARIA, PAUL = "sandbox:maria", "sandbox:paul"
MINE = f"/2/users/{user_id('maria')}/tweets"
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


@dataclass
class Client:
    """Somebody's requests to a hosted X."""

    host: Hosted
    token: str | None = MARIA

    async def ask(self, method: str, path: str, **sent: Any) -> tuple[int, Any, Mapping[str, str]]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.host.url}/twitter{path}"
        async with self.host.http.request(method, url, headers=headers, **sent) as answer:
            is_json = answer.content_type.endswith("json")
            body = await answer.json(content_type=None) if is_json else await answer.text()
            return answer.status, body, answer.headers

    async def post(self, text: str = "", **body: Any) -> tuple[int, Any, Mapping[str, str]]:
        sent = {**({"text": text} if text else {}), **body}
        return await self.ask("POST", "/2/tweets", json=sent)

    async def posted(self, text: str = "", **body: Any) -> str:
        status, answer, _ = await self.post(text, **body)
        assert status == 201, answer
        return str(answer["data"]["id"])

    async def upload(
        self, content: bytes = CAT, type_: str = "image/png", category: str = "tweet_image"
    ) -> tuple[int, Any, Mapping[str, str]]:
        form = FormData({"media_category": category})
        form.add_field("media", BytesIO(content), filename="file", content_type=type_)
        return await self.ask("POST", "/2/media/upload", data=form)

    async def uploaded(self, *what: Any) -> str:
        status, answer, _ = await self.upload(*what)
        assert status == 200, answer
        return str(answer["data"]["id"])


GIF = (DANCE, "image/gif", "tweet_gif")


@pytest.fixture
async def x() -> AsyncIterator[Client]:
    async with hosted(Twitter) as host:
        yield Client(host)


def media(*ids: str) -> dict[str, Any]:
    return {"media_ids": list(ids)}


def reply(parent: str) -> dict[str, Any]:
    return {"in_reply_to_tweet_id": parent}


async def test_a_post_is_kept_shown_and_listed(x: Client) -> None:
    status, answer, _ = await x.post("Hello")

    posted = answer["data"]["id"]
    tweet = {"id": posted, "text": "Hello", "edit_history_post_ids": [posted]}
    assert status == 201
    assert answer == {"data": tweet}
    assert len(posted) == 19
    assert (await x.ask("GET", f"/2/tweets/{posted}"))[1] == {"data": tweet}
    assert (await x.ask("GET", MINE))[1]["data"] == [tweet]
    [entry] = x.host.posts("TWITTER")
    assert (entry.account, entry.id, entry.text, entry.parent) == ("maria", posted, "Hello", None)


async def test_a_reply_and_its_media_are_in_the_ledger(x: Client) -> None:
    first = await x.posted("one")
    cat = await x.uploaded()
    described = {"id": cat, "metadata": {"alt_text": {"text": "A cat"}}}

    status, answer, _ = await x.ask("POST", "/2/media/metadata", json=described)
    await x.posted("two", media=media(cat), reply=reply(first))

    assert (status, answer["data"]["id"]) == (200, cat)
    entry = x.host.posts("TWITTER")[1]
    assert entry.parent == first
    assert entry.media == [
        {
            "type": "image/png",
            "bytes": len(CAT),
            "sha256": sha256(CAT).hexdigest(),
            "id": cat,
            "alt": "A cat",
        }
    ]


async def test_a_file_may_come_as_base64_too(x: Client) -> None:
    body = {"media": base64.b64encode(DANCE).decode(), "media_category": "tweet_gif"}

    status, answer, _ = await x.ask("POST", "/2/media/upload", json=body)

    assert status == 200
    assert answer["data"]["size"] == len(DANCE)


async def test_a_gif_takes_a_moment(x: Client) -> None:
    _, answer, _ = await x.upload(*GIF)
    query = {"command": "STATUS", "media_id": answer["data"]["id"]}

    _, later, _ = await x.ask("GET", "/2/media/upload", params=query)

    assert answer["data"]["processing_info"] == {"state": "pending", "check_after_secs": 1}
    assert later["data"]["processing_info"]["state"] == "succeeded"


async def test_a_token_is_always_the_same_user(x: Client) -> None:
    _, maria, _ = await x.ask("GET", "/2/users/me")
    _, other, _ = await Client(x.host, "any token").ask("GET", "/2/users/me")

    assert maria == {"data": {"id": user_id("maria"), "name": "Maria", "username": "maria"}}
    assert other["data"]["id"] != user_id("maria")


async def test_nobody_gets_in_without_a_token(x: Client) -> None:
    status, answer, headers = await Client(x.host, None).post("Hello")

    assert (status, answer["title"]) == (401, "Unauthorized")
    assert headers["content-type"].startswith("application/problem+json")


async def test_links_markup_and_media_come_back_as_x_shows_them(x: Client) -> None:
    cat = await x.uploaded()
    await x.posted("<b> & https://example.com/a?b=c, or example.org.", media=media(cat))

    fields = "created_at,entities,referenced_tweets,attachments"
    _, answer, _ = await x.ask("GET", MINE, params={"tweet.fields": fields})

    [tweet] = answer["data"]
    urls = tweet["entities"]["urls"]
    first, second, third = (url["url"] for url in urls)
    assert tweet["text"] == f"&lt;b&gt; &amp; {first}, or {second}. {third}"
    assert [tweet["text"][url["start"] : url["end"]] for url in urls] == [first, second, third]
    assert [url["expanded_url"] for url in urls] == [
        "https://example.com/a?b=c",
        "http://example.org",
        f"https://x.com/maria/status/{tweet['id']}/photo/1",
    ]
    assert tweet["attachments"] == {"media_keys": [f"3_{cat}"]}


async def test_the_same_text_is_refused_for_a_day() -> None:
    clock = Clock()
    app = create_app(Ledger(), now=clock, networks=[Twitter])
    async with TestServer(app) as server, hosted(Twitter) as host:
        x = Client(Hosted(str(server.make_url("")).rstrip("/"), host.http, host.ledger))
        await x.posted("Hello")

        status, answer, _ = await x.post("Hello ")
        clock.now += timedelta(hours=24, seconds=1)

        assert (status, answer["detail"]) == (403, DUPLICATE)
        await x.posted("Hello")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


async def test_the_same_text_is_fine_elsewhere(x: Client) -> None:
    one, two = await x.posted("one"), await x.posted("two")

    await x.posted("same", reply=reply(one))
    await x.posted("same", reply=reply(two))
    await Client(x.host, PAUL).posted("one")

    assert (await x.post("same", reply=reply(one)))[0] == 403


async def test_a_deleted_post_is_gone_and_may_be_said_again(x: Client) -> None:
    posted = await x.posted("Hello")

    status, answer, _ = await x.ask("DELETE", f"/2/tweets/{posted}")

    assert (status, answer) == (200, {"data": {"deleted": True}})
    assert (await x.ask("DELETE", f"/2/tweets/{posted}"))[0] == 404
    assert "errors" in (await x.ask("GET", f"/2/tweets/{posted}"))[1]
    assert (await x.ask("GET", MINE))[1] == {"meta": {"result_count": 0}}
    assert (await x.post("to nobody", reply=reply(posted)))[0] == 403
    await x.posted("Hello")


async def test_nobody_deletes_the_post_of_another(x: Client) -> None:
    posted = await x.posted("Hello")

    assert (await Client(x.host, PAUL).ask("DELETE", f"/2/tweets/{posted}"))[0] == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": 5},
        {"text": "a", "unknown": 1},
        {"text": "x" * 281},
        {"text": "今" * 141},
        {"text": "a", "media": {"media_ids": []}},
        {"text": "a", "media": {"media_ids": ["1", "2", "3", "4", "5"]}},
        {"text": "a", "media": {"media_ids": ["404"]}},
        {"text": "a", "media": {"media_ids": ["x"]}},
        {"text": "a", "media": {"ids": ["1"]}},
        {"text": "a", "media": []},
        {"text": "a", "reply": {}},
        {"text": "a", "reply": {"in_reply_to_tweet_id": 5}},
        {"text": "a", "reply": {"in_reply_to_tweet_id": "5", "unknown": 1}},
        {"text": "a", "reply": "5"},
        ["text"],
    ],
    ids=str,
)
async def test_a_request_that_breaks_the_contract_is_refused(x: Client, body: Any) -> None:
    status, answer, _ = await x.ask("POST", "/2/tweets", json=body)

    assert (status, answer["type"]) == (400, "https://api.x.com/2/problems/invalid-request")
    assert x.host.ledger.entries() == []


async def test_a_reply_to_nothing_is_forbidden(x: Client) -> None:
    status, answer, _ = await x.post("Hello", reply=reply("1234"))

    assert (status, "deleted or not visible" in answer["detail"]) == (403, True)


async def test_the_media_must_be_ones_own_and_go_together(x: Client) -> None:
    cat, dance = await x.uploaded(), await x.uploaded(*GIF)

    assert (await Client(x.host, PAUL).post("mine", media=media(cat)))[0] == 400
    assert (await x.post("both", media=media(cat, dance)))[0] == 400
    await x.posted("", media=media(dance))


@pytest.mark.parametrize(
    "what",
    [
        (b"", "image/png", "tweet_image"),
        (CAT, "image/png", "tweet_gif"),
        (CAT, "text/plain", "tweet_image"),
        (CAT, "image/png", "banner"),
        (b"x" * (5 * 1024 * 1024 + 1), "image/png", "tweet_image"),
    ],
    ids=lambda what: f"{len(what[0])} {what[1]} {what[2]}",
)
async def test_a_file_x_does_not_take_is_refused(x: Client, what: tuple[bytes, str, str]) -> None:
    assert (await x.upload(*what))[0] == 400
    assert x.host.ledger.entries() == []


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"media": "?", "media_category": "tweet_image"}},
        {"json": {"media": "QUJD"}},
        {"json": {"media": "QUJD", "media_category": "tweet_image", "x": 1}},
        {"data": b"raw"},
    ],
    ids=str,
)
async def test_an_upload_in_another_form_is_refused(x: Client, sent: dict[str, Any]) -> None:
    assert (await x.ask("POST", "/2/media/upload", **sent))[0] == 400


async def test_a_multipart_upload_needs_its_fields(x: Client) -> None:
    form = FormData()
    form.add_field("media", CAT, filename="file", content_type="image/png")

    assert (await x.ask("POST", "/2/media/upload", data=form))[0] == 400


@pytest.mark.parametrize("metadata", [{}, {"alt_text": {"text": "x" * 1001}}, []])
async def test_a_description_x_does_not_take_is_refused(x: Client, metadata: Any) -> None:
    body = {"id": await x.uploaded(), "metadata": metadata}

    assert (await x.ask("POST", "/2/media/metadata", json=body))[0] == 400
    unknown = {"id": "404", "metadata": {"alt_text": {"text": "A cat"}}}
    assert (await x.ask("POST", "/2/media/metadata", json=unknown))[0] == 400


async def test_the_status_of_a_file_is_asked_for_as_the_contract_says(x: Client) -> None:
    path = "/2/media/upload"

    assert (await x.ask("GET", path, params={"command": "INIT", "media_id": "1"}))[0] == 400
    assert (await x.ask("GET", path, params={"command": "STATUS", "media_id": "1"}))[0] == 404


async def test_the_timeline_is_newest_first_since_then_and_in_pages(x: Client) -> None:
    ids = [await x.posted(f"post {n}") for n in range(7)]
    await Client(x.host, PAUL).posted("not mine")

    _, first, _ = await x.ask("GET", MINE, params={"max_results": "5"})
    token = first["meta"]["next_token"]
    _, second, _ = await x.ask("GET", MINE, params={"max_results": "5", "pagination_token": token})
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    _, none, _ = await x.ask("GET", MINE, params={"start_time": later})

    assert [tweet["id"] for page in (first, second) for tweet in page["data"]] == ids[::-1]
    assert "next_token" not in second["meta"]
    assert none == {"meta": {"result_count": 0}}


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": "4"},
        {"max_results": "many"},
        {"start_time": "yesterday"},
        {"start_time": "2026-11-22T09:00:00"},
        {"unknown": "1"},
    ],
    ids=str,
)
async def test_a_timeline_asked_for_wrongly_is_refused(x: Client, query: dict[str, str]) -> None:
    assert (await x.ask("GET", MINE, params=query))[0] == 400


async def test_the_timeline_of_nobody_is_an_error_with_a_yes(x: Client) -> None:
    status, answer, _ = await x.ask("GET", "/2/users/1/tweets")

    assert (status, answer["errors"][0]["resource_type"]) == (200, "user")


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with hosted(Twitter, file=ledger) as host:
        x = Client(host)
        first, cat = await x.posted("one"), await x.uploaded()
        text = {"alt_text": {"text": "A cat"}}
        await x.ask("POST", "/2/media/metadata", json={"id": cat, "metadata": text})

    async with hosted(Twitter, file=ledger) as host:
        x = Client(host)
        second = await x.posted("two", media=media(cat), reply=reply(first))

        assert (await x.post("one"))[0] == 403
        assert int(second) > int(cat) > int(first)
        assert [entry.id for entry in host.posts("TWITTER")] == [first, second]
        assert host.posts("TWITTER")[1].media[0]["alt"] == "A cat"


@pytest.mark.parametrize(
    ("kind", "status", "detail"),
    [
        ("reject", 403, "You are not permitted to perform this action."),
        ("rate_limit", 429, "Too Many Requests"),
        ("unavailable", 503, "Service Unavailable"),
        ("expired_token", 401, "Unauthorized"),
        ("revoked_token", 401, "Unauthorized"),
        ("duplicate", 403, DUPLICATE),
    ],
)
async def test_an_ordered_no_is_said_in_xs_words_and_nothing_is_kept(
    x: Client, kind: str, status: int, detail: str
) -> None:
    await x.host.fault(kind=kind, platform="TWITTER", account="maria")

    got, answer, _ = await x.post("Hello")

    assert (got, answer["detail"], answer["status"]) == (status, detail, status)
    assert x.host.posts("TWITTER") == []
    await x.posted("Hello")


async def test_a_rate_limit_says_when_it_ends(x: Client) -> None:
    await x.host.fault(kind="rate_limit", retryAfter=7)
    await x.host.fault(kind="rate_limit")

    _, _, asked = await x.post("Hello")
    _, _, usual = await x.post("Hello")

    assert asked["retry-after"] == "7"
    assert "retry-after" not in usual
    assert usual["x-rate-limit-remaining"] == "0"
    assert int(usual["x-rate-limit-reset"]) > int(asked["x-rate-limit-reset"])


async def test_a_post_may_be_kept_and_never_answered(x: Client) -> None:
    await x.host.fault(kind="accept_then_drop")

    with pytest.raises(ClientError):
        await x.post("Hello")

    assert [entry.text for entry in x.host.posts("TWITTER")] == ["Hello"]


async def test_a_post_may_be_kept_and_answered_with_an_error(x: Client) -> None:
    await x.host.fault(kind="accept_then_500")

    status, _, _ = await x.post("Hello")

    assert status == 500
    assert [entry.text for entry in x.host.posts("TWITTER")] == ["Hello"]


async def test_a_slow_answer_comes_in_the_end(x: Client) -> None:
    await x.host.fault(kind="slow", seconds=0.01)

    await x.posted("Hello")


async def test_a_proxy_in_between_may_answer_with_html(x: Client) -> None:
    await x.host.fault(kind="garbage")

    status, answer, _ = await x.post("Hello")

    assert (status, "<html>" in answer) == (200, True)
    assert x.host.posts("TWITTER") == []


@pytest.mark.parametrize(
    ("kind", "state"), [("processing_failed", "failed"), ("processing_forever", "in_progress")]
)
@pytest.mark.parametrize("effect", ["upload", "poll"])
async def test_a_file_may_never_be_ready(x: Client, kind: str, state: str, effect: str) -> None:
    await x.host.fault(kind=kind, effect=effect)
    query = {"command": "STATUS", "media_id": await x.uploaded()}

    _, answer, _ = await x.ask("GET", "/2/media/upload", params=query)

    assert answer["data"]["processing_info"]["state"] == state
    is_lasting = effect == "upload"
    status, _, _ = await x.post("", media=media(query["media_id"]))
    assert status == (400 if is_lasting else 201)


async def carry_out(x: Client, steps: Steps[T]) -> tuple[list[Call | Wait], T]:
    """Send what the connector asks for, every file as a GIF; return that and the outcome."""
    asked = [next(steps)]
    while True:
        step, reply = asked[-1], Reply(200)
        if isinstance(step, Call):
            sent: dict[str, Any] = {"json": step.json, "params": step.query}
            if step.form is not None:
                form = FormData(step.form)
                form.add_field("media", DANCE, filename="file", content_type="image/gif")
                sent = {"data": form}
            status, body, headers = await x.ask(step.method, step.path, **sent)
            reply = Reply(status, body, {name.lower(): headers[name] for name in headers})
            Connector().judge(reply)
        try:
            asked.append(steps.send(reply))
        except StopIteration as finished:
            outcome: T = finished.value
            return asked, outcome


async def test_the_connector_finds_in_the_timeline_what_it_posted(x: Client) -> None:
    gif = Media(id="med_1", type="image/gif", bytes=14, sha256="0f", alt="A dance")
    account = Account(native_id=user_id("maria"), username="maria")
    begun = datetime.now(UTC)
    thread = [
        ThreadItem(text="1 < 2 & example.com/a?b=c&d=e, (https://example.com/)\n\n#done"),
        ThreadItem(text="See https://example.org", media=[gif]),
        ThreadItem(text="", media=[gif]),
    ]
    draft = Draft(text="", key="dst_1", begun_at=begun, thread=thread)

    asked, _ = await carry_out(x, Connector().publish(draft, account))

    posts = [step for step in asked if isinstance(step, Call) and step.effect.is_public]
    found = [(await carry_out(x, Connector().find(post, account, begun)))[1] for post in posts]
    assert [[each.id for each in one] for one in found] == [
        [entry.id] for entry in x.host.posts("TWITTER")
    ]


@pytest.mark.parametrize(
    ("text", "counted"),
    [("x" * 280, 280), ("今", 2), ("👩🏽\u200d🚀", 2), ("https://example.com/" + "x" * 99, 23)],
)
def test_the_sandbox_counts_for_itself(text: str, counted: int) -> None:
    assert weight(text) == counted
