"""The simulated Telegram over real HTTP: strict, durable, and unlucky when told to be."""

import json
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData, ServerDisconnectedError

from hosted import Hosted, hosted
from oncue.sandbox.telegram import Telegram

pytestmark = pytest.mark.anyio

TOKEN = "123456:AA-secret"
FILE = b"pixels"
FACTS = {"type": "image/png", "bytes": 6, "sha256": sha256(FILE).hexdigest()}


async def ask(
    sandbox: Hosted,
    method: str,
    fields: Mapping[str, Any] | None = None,
    *,
    token: str = TOKEN,
    **how: Any,
) -> tuple[int, Any]:
    """Call a method in JSON, or however `how` says."""
    body = how or {"json": {"chat_id": "@maria"} | dict(fields or {})}
    url = f"{sandbox.url}/telegram/bot{token}/{method}"
    async with sandbox.http.post(url, **body) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.text()


def multipart(fields: Mapping[str, str], **files: tuple[bytes, str]) -> FormData:
    form = FormData({"chat_id": "@maria"} | dict(fields))
    for name, (content, type_) in files.items():
        form.add_field(name, BytesIO(content), filename=name, content_type=type_)
    return form


def refusal(status: int, description: str, **parameters: int) -> tuple[int, Any]:
    body = {"ok": False, "error_code": status, "description": description}
    return status, body | ({"parameters": parameters} if parameters else {})


async def test_a_message_is_answered_and_written_down() -> None:
    async with hosted(Telegram) as sandbox:
        status, body = await ask(sandbox, "sendMessage", {"text": "Hello"})

        [post] = sandbox.posts("TELEGRAM")

    chat = body["result"].pop("chat")
    assert (status, body["ok"], body["result"].pop("date") > 0) == (200, True, True)
    assert body["result"] == {"message_id": 1, "text": "Hello"}
    assert chat["id"] < -(10**12)
    assert (chat["type"], chat["username"]) == ("channel", "maria")
    assert (post.account, post.id, post.text, post.media) == ("maria", "1", "Hello", [])


async def test_the_token_is_nowhere_in_the_ledger_or_the_answers() -> None:
    async with hosted(Telegram) as sandbox:
        _, bot = await ask(sandbox, "getMe", json={})
        _, message = await ask(sandbox, "sendMessage", {"text": "Hello"})

        async with sandbox.http.get(f"{sandbox.url}/_sandbox/ledger") as answer:
            everything = await answer.text() + json.dumps([bot, message])

    assert TOKEN not in everything
    assert "AA-secret" not in everything


@pytest.mark.parametrize(
    "how",
    [
        {"json": {"chat_id": "@maria", "text": "Hi", "disable_notification": True}},
        {"data": {"chat_id": "@maria", "text": "Hi", "disable_notification": "true"}},
        {"data": multipart({"text": "Hi", "disable_notification": "true"})},
        {"params": {"chat_id": "@maria", "text": "Hi"}},
    ],
    ids=["json", "form", "multipart", "query"],
)
async def test_parameters_come_in_every_way_telegram_takes_them(how: dict[str, Any]) -> None:
    async with hosted(Telegram) as sandbox:
        status, _ = await ask(sandbox, "sendMessage", **how)

        assert (status, [post.text for post in sandbox.posts("TELEGRAM")]) == (200, ["Hi"])


async def test_a_method_can_be_asked_with_get() -> None:
    async with (
        hosted(Telegram) as sandbox,
        sandbox.http.get(
            f"{sandbox.url}/telegram/bot{TOKEN}/sendMessage?chat_id=@maria&text=Hi"
        ) as answer,
    ):
        assert answer.status == 200
        assert [post.text for post in sandbox.posts("TELEGRAM")] == ["Hi"]


async def test_a_photo_is_part_of_its_post() -> None:
    async with hosted(Telegram) as sandbox:
        form = multipart({"caption": "Summer"}, photo=(FILE, "image/png"))
        _, body = await ask(sandbox, "sendPhoto", data=form)

        [post] = sandbox.ledger.entries()

    assert (post.kind, post.id, post.text, post.media) == ("post", "1", "Summer", [FACTS])
    assert body["result"]["caption"] == "Summer"
    assert body["result"]["photo"][0]["file_size"] == 6


async def test_an_animation_needs_no_caption() -> None:
    async with hosted(Telegram) as sandbox:
        form = multipart({}, animation=(FILE, "image/gif"))
        _, body = await ask(sandbox, "sendAnimation", data=form)

        [post] = sandbox.posts("TELEGRAM")

    assert (post.text, post.media) == (None, [FACTS | {"type": "image/gif"}])
    assert "caption" not in body["result"]
    assert body["result"]["animation"]["mime_type"] == "image/gif"


def album(*items: Mapping[str, str]) -> dict[str, str]:
    return {"media": json.dumps([{"type": "photo"} | dict(item) for item in items])}


A, B = {"media": "attach://a"}, {"media": "attach://b"}
FILES = {"a": (FILE, "image/png"), "b": (FILE, "image/jpeg")}


async def test_an_album_is_several_messages_and_one_post() -> None:
    async with hosted(Telegram) as sandbox:
        form = multipart(album(A | {"caption": "Summer"}, B), **FILES)
        _, body = await ask(sandbox, "sendMediaGroup", data=form)

        [post] = sandbox.posts("TELEGRAM")

    assert (post.id, post.text) == ("1,2", "Summer")
    assert post.media == [FACTS, FACTS | {"type": "image/jpeg"}]
    assert [message["message_id"] for message in body["result"]] == [1, 2]
    assert [message.get("caption") for message in body["result"]] == ["Summer", None]
    assert {message["media_group_id"] for message in body["result"]} == {"1"}


@pytest.mark.parametrize(
    ("method", "fields", "words"),
    [
        ("sendMessage", {"text": "Hi", "colour": "red"}, "unknown parameter colour"),
        ("sendMessage", {"text": "Hi", "parse_mode": "HTML"}, "unknown parameter parse_mode"),
        ("sendMessage", {}, "message text is empty"),
        ("sendMessage", {"text": " "}, "message text is empty"),
        ("sendMessage", {"text": 7}, "strings must be encoded in UTF-8"),
        ("sendMessage", {"text": "x" * 4097}, "message is too long"),
        (
            "sendMessage",
            {"text": "Hi", "disable_notification": "loud"},
            "can't parse disable_notification",
        ),
        (
            "sendMessage",
            {"text": "Hi", "link_preview_options": True},
            "can't parse link_preview_options",
        ),
        ("sendMessage", {"text": "Hi", "chat_id": "maria"}, "chat not found"),
        ("sendMessage", {"text": "Hi", "chat_id": "@"}, "chat not found"),
        ("sendPhoto", {"photo": "https://media.test/a.jpg"}, "there is no photo in the request"),
        ("sendMediaGroup", {}, "an album has 2 to 10 items"),
        ("sendMediaGroup", {"media": "["}, "can't parse media"),
        ("deleteMessage", {"message_id": 99}, "message to delete not found"),
        ("deleteMessage", {}, "can't parse message_id"),
        ("deleteMessages", {"message_ids": ["x"]}, "can't parse message_ids"),
        ("getMe", {"chat_id": "@maria"}, "unknown parameter chat_id"),
    ],
)
async def test_a_wrong_request_is_refused_in_words(
    method: str, fields: dict[str, Any], words: str
) -> None:
    async with hosted(Telegram) as sandbox:
        assert await ask(sandbox, method, fields) == refusal(400, f"Bad Request: {words}")
        assert sandbox.ledger.entries() == []


@pytest.mark.parametrize(
    ("method", "form", "words"),
    [
        (
            "sendPhoto",
            multipart({"caption": "x" * 1025}, photo=(FILE, "image/png")),
            "message caption is too long",
        ),
        ("sendPhoto", multipart({}, photo=(FILE, "image/gif")), "photo must be image/jpeg"),
        ("sendPhoto", multipart({}, photo=(b"", "image/png")), "photo must be image/jpeg"),
        (
            "sendPhoto",
            multipart({}, photo=(bytes(10 * 1024 * 1024 + 1), "image/png")),
            "photo must be image/jpeg",
        ),
        (
            "sendAnimation",
            multipart({}, animation=(FILE, "image/png")),
            "animation must be image/gif",
        ),
        ("sendMediaGroup", multipart(album(A), **FILES), "unknown parameter b"),
        (
            "sendMediaGroup",
            multipart(album(A), a=(FILE, "image/png")),
            "an album has 2 to 10 items",
        ),
        ("sendMediaGroup", multipart(album(A, B)), "there is no photo in the request"),
        (
            "sendMediaGroup",
            multipart(album(A | {"alt": "x"}, B), **FILES),
            "can't parse media: the sandbox knows attached photos only",
        ),
    ],
)
async def test_a_wrong_file_is_refused_in_words(method: str, form: FormData, words: str) -> None:
    async with hosted(Telegram) as sandbox:
        status, body = await ask(sandbox, method, data=form)

        assert (status, body["description"].startswith(f"Bad Request: {words}")) == (400, True)
        assert sandbox.ledger.entries() == []


async def test_a_body_that_is_no_json_object_is_refused() -> None:
    async with hosted(Telegram) as sandbox:
        assert await ask(sandbox, "sendMessage", json=["Hi"]) == refusal(
            400, "Bad Request: can't parse JSON object"
        )


@pytest.mark.parametrize(
    ("chat_id", "account", "chat"),
    [
        ("sandbox:maria", "maria", {"type": "channel", "title": "maria", "username": "maria"}),
        (
            -1001234567890,
            "chat_-1001234567890",
            {"id": -1001234567890, "type": "supergroup", "title": "chat_-1001234567890"},
        ),
        ("-1234", "chat_-1234", {"id": -1234, "type": "group", "title": "chat_-1234"}),
        (77, "chat_77", {"id": 77, "type": "private", "first_name": "chat_77"}),
    ],
)
async def test_the_chat_tells_whose_post_it_is(
    chat_id: str | int, account: str, chat: dict[str, Any]
) -> None:
    async with hosted(Telegram) as sandbox:
        _, body = await ask(sandbox, "sendMessage", {"chat_id": chat_id, "text": "Hi"})

        [post] = sandbox.posts("TELEGRAM")

    assert post.account == account
    assert body["result"]["chat"] == {"id": body["result"]["chat"]["id"]} | chat


async def test_a_named_chat_has_the_same_number_every_time() -> None:
    async with hosted(Telegram) as sandbox:
        _, first = await ask(sandbox, "getChat")
        _, again = await ask(sandbox, "getChat", {"chat_id": "sandbox:maria"})
        _, other = await ask(sandbox, "getChat", {"chat_id": "@ines"})

    assert first == again
    assert first["result"]["id"] != other["result"]["id"]


async def test_every_token_is_some_bots() -> None:
    async with hosted(Telegram) as sandbox:
        _, marias = await ask(sandbox, "getMe", json={}, token="sandbox:maria")
        _, some = await ask(sandbox, "getMe", json={})

    assert marias["result"]["username"] == "maria_bot"
    assert some["result"]["id"] != marias["result"]["id"]


async def test_a_deleted_message_is_gone_and_cannot_be_deleted_again() -> None:
    async with hosted(Telegram) as sandbox:
        await ask(sandbox, "sendMessage", {"text": "Hello"})

        assert await ask(sandbox, "deleteMessage", {"message_id": 1}) == (
            200,
            {"ok": True, "result": True},
        )
        assert sandbox.ledger.live_posts("TELEGRAM", "maria") == []
        assert await ask(sandbox, "deleteMessage", {"message_id": 1}) == refusal(
            400, "Bad Request: message to delete not found"
        )


async def test_an_album_is_deleted_as_a_whole_and_what_is_gone_is_skipped() -> None:
    async with hosted(Telegram) as sandbox:
        await ask(sandbox, "sendMediaGroup", data=multipart(album(A, B), **FILES))
        whole = "Bad Request: the sandbox deletes an album only as a whole"

        assert await ask(sandbox, "deleteMessage", {"message_id": 1}) == refusal(400, whole)
        status, _ = await ask(sandbox, "deleteMessages", {"message_ids": [1, 2, 99]})

        assert (status, sandbox.ledger.live_posts("TELEGRAM", "maria")) == (200, [])


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (
            {"kind": "reject"},
            refusal(400, "Bad Request: not enough rights to send text messages to the chat"),
        ),
        (
            {"kind": "rate_limit"},
            refusal(429, "Too Many Requests: retry after 1", retry_after=1),
        ),
        (
            {"kind": "rate_limit", "retryAfter": 30},
            refusal(429, "Too Many Requests: retry after 30", retry_after=30),
        ),
        ({"kind": "unavailable"}, refusal(503, "Service Unavailable")),
        ({"kind": "expired_token"}, refusal(401, "Unauthorized")),
        ({"kind": "revoked_token"}, refusal(401, "Unauthorized")),
        ({"kind": "duplicate"}, refusal(400, "Bad Request: message is a duplicate")),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_a_refusal_comes_in_telegrams_own_form(
    fault: dict[str, Any], answer: tuple[int, Any]
) -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(platform="telegram", account="maria", **fault)

        assert await ask(sandbox, "sendMessage", {"text": "Hello"}) == answer
        assert sandbox.posts("TELEGRAM") == []
        assert (await ask(sandbox, "sendMessage", {"text": "Hello"}))[0] == 200


async def test_a_photo_can_be_refused_too() -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind="unavailable", account="maria")

        status, _ = await ask(sandbox, "sendPhoto", data=multipart({}, photo=(FILE, "image/png")))

        assert (status, sandbox.posts("TELEGRAM")) == (503, [])


async def test_an_accepted_message_can_stay_without_an_answer() -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind="accept_then_drop")

        with pytest.raises(ServerDisconnectedError):
            await ask(sandbox, "sendMessage", {"text": "Hello"})
        assert [post.text for post in sandbox.posts("TELEGRAM")] == ["Hello"]


async def test_an_accepted_message_can_be_denied() -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind="accept_then_500")

        answer = await ask(sandbox, "sendMessage", {"text": "Hello"})

        assert answer == refusal(500, "Internal Server Error")
        assert [post.text for post in sandbox.posts("TELEGRAM")] == ["Hello"]


@pytest.mark.parametrize("kind", ["slow", "processing_failed", "processing_forever"])
async def test_telegram_processes_nothing_and_is_only_slow(kind: str) -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind=kind, seconds=0)

        assert (await ask(sandbox, "sendMessage", {"text": "Hello"}))[0] == 200
        assert [post.text for post in sandbox.posts("TELEGRAM")] == ["Hello"]


async def test_a_proxy_in_between_can_answer_with_a_page() -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind="garbage")

        status, page = await ask(sandbox, "sendMessage", {"text": "Hello"})

        assert (status, page[:6]) == (200, "<html>")
        assert sandbox.posts("TELEGRAM") == []


@pytest.mark.parametrize(
    ("effect", "method", "fields"),
    [
        ("delete", "deleteMessages", {"message_ids": [1]}),
        ("delete", "deleteMessage", {"message_id": 1}),
        ("poll", "getChat", {}),
    ],
)
async def test_a_fault_waits_for_its_effect(
    effect: str, method: str, fields: dict[str, Any]
) -> None:
    async with hosted(Telegram) as sandbox:
        await sandbox.fault(kind="unavailable", effect=effect)
        assert (await ask(sandbox, "sendMessage", {"text": "Hello"}))[0] == 200

        assert await ask(sandbox, method, fields) == refusal(503, "Service Unavailable")
        assert (await ask(sandbox, method, fields))[0] == 200
