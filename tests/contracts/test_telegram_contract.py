"""Telegram's Bot API description against what our bot sends and our sandbox answers."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import FormData

from contract import contract
from conversation import converse, ok
from hosted import Hosted, hosted
from oncue.connectors.answers import Refused
from oncue.connectors.base import Account, Call, Effect, Wait
from oncue.connectors.spec import Draft, Media
from oncue.connectors.telegram import Telegram
from oncue.sandbox.faults import Faults
from oncue.sandbox.ledger import Ledger
from oncue.sandbox.network import World
from oncue.sandbox.telegram import Telegram as TelegramSandbox

ACCOUNT = Account(native_id="-1001")
SECRETS = {"botToken": "1:token", "chatId": "@maria"}
PLAIN = {"String": str, "Boolean": bool, "Integer": int}


@pytest.fixture(scope="module")
def api() -> Any:
    return contract("telegram", "api.json")


def complaints(api: Any, value: Any, types: Sequence[str], where: str) -> list[str]:
    """Why `value` is none of `types`; empty when it is one of them."""
    each = [_complaints(api, value, type_, where) for type_ in types]
    return [] if [] in each else each[0]


def _complaints(api: Any, value: Any, type_: str, where: str) -> list[str]:
    if type_.startswith("Array of "):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        inner = [type_.removeprefix("Array of ")]
        return [
            wrong
            for number, item in enumerate(value)
            for wrong in complaints(api, item, inner, f"{where}[{number}]")
        ]
    if type_ in PLAIN:
        fits = isinstance(value, PLAIN[type_]) and (type_ == "Boolean") == isinstance(value, bool)
        return [] if fits else [f"{where} is no {type_}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{where} is no {type_}: {value!r}"]
    return fields(api, value, api["types"][type_]["fields"], where)


def fields(
    api: Any, given: Mapping[str, Any], known: Sequence[Mapping[str, Any]], where: str
) -> list[str]:
    """Fields that are unknown, missing, or of the wrong type."""
    by_name = {field["name"]: field for field in known}
    unknown = [f"{where} has no {name}" for name in given.keys() - by_name.keys()]
    missing = [
        f"{where} needs {name}"
        for name, field in by_name.items()
        if field["required"] and name not in given
    ]
    wrong = [
        complaint
        for name in given.keys() & by_name.keys()
        for complaint in complaints(api, given[name], by_name[name]["types"], f"{where}.{name}")
    ]
    return unknown + missing + wrong


def media(type_: str = "image/jpeg") -> Media:
    return Media(id=type_, type=type_, bytes=6, sha256="0" * 64, filename="file")


def draft(*items: Media) -> Draft:
    return Draft(
        text="Hello",
        key="pp_1",
        begun_at=datetime(2026, 11, 22, tzinfo=UTC),
        media=items,
        options={"telegramSilent": True, "telegramDisablePreview": True},
    )


def asked(method: str) -> list[Call]:
    """Every call the connector can make to `method`, as it goes over the wire."""
    telegram = Telegram()
    message = ok({"ok": True, "result": {"message_id": 7}})
    bot = ok({"ok": True, "result": {"id": 1, "username": "bot"}})
    conversations: list[list[Call | Wait]] = [
        converse(telegram.publish(draft(*items), ACCOUNT), [message])[0]
        for items in ([], [media()], [media("image/gif")], [media("image/png"), media()])
    ]
    conversations += [
        converse(telegram.delete(post, ACCOUNT), [message])[0] for post in ("7", "8,9")
    ]
    conversations += [converse(telegram.identify(ACCOUNT), [bot, bot])[0]]
    calls = [call for steps in conversations for call in steps if isinstance(call, Call)]
    signed = [telegram.sign(call, SECRETS) for call in calls]
    return [call for call in signed if call.path == f"/bot1:token/{method}"]


def parameters(call: Call) -> dict[str, Any]:
    """The parameters by name, as the types they stand for; a file stands for itself as text."""
    named = {name: _value(text) for name, text in (call.form or {}).items()}
    attached = {name for name in call.files if f"attach://{name}" in str(call.form)}
    files = dict.fromkeys(call.files.keys() - attached, "file")
    return dict(call.json or {}) | named | files


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in "[{" or text in {"true", "false"} else text


METHODS = (
    "getMe",
    "getChat",
    "sendMessage",
    "sendPhoto",
    "sendAnimation",
    "sendMediaGroup",
    "deleteMessage",
    "deleteMessages",
)


@pytest.mark.parametrize("method", METHODS)
def test_what_the_bot_sends_is_what_the_api_takes(api: Any, method: str) -> None:
    calls = asked(method)

    assert calls
    for call in calls:
        known = api["methods"][method].get("fields", [])
        assert fields(api, parameters(call), known, method) == []


@pytest.mark.parametrize(
    ("method", "given", "complaint"),
    [
        ("sendMessage", {"chat_id": "@maria"}, "sendMessage needs text"),
        ("getMe", {"chat_id": "@maria"}, "getMe has no chat_id"),
        (
            "deleteMessage",
            {"chat_id": 1, "message_id": "7"},
            "deleteMessage.message_id is no Integer: '7'",
        ),
        (
            "sendMessage",
            {"chat_id": 1, "text": "Hi", "link_preview_options": {"off": True}},
            "sendMessage.link_preview_options has no off",
        ),
    ],
)
def test_a_mistake_would_be_noticed(
    api: Any, method: str, given: dict[str, Any], complaint: str
) -> None:
    known = api["methods"][method].get("fields", [])

    assert fields(api, given, known, method) == [complaint]


def test_the_sandbox_knows_no_method_or_parameter_the_api_does_not(api: Any) -> None:
    world = World(
        ledger=Ledger(), faults=Faults(), now=lambda: datetime.now(UTC), base_url="http://sandbox"
    )
    simulated = TelegramSandbox(world).methods()

    assert simulated.keys() == set(METHODS)
    for method, (_, known, _) in simulated.items():
        assert known <= {field["name"] for field in api["methods"][method].get("fields", [])}


async def answer(sandbox: Hosted, call: Call) -> Any:
    """Send a signed call as the runner would, with the same six bytes for every file."""
    url = f"{sandbox.url}/telegram{call.path}"
    form = FormData(dict(call.form or {}))
    for name, item in call.files.items():
        form.add_field(name, b"pixels", filename=item.filename, content_type=item.type)
    body: dict[str, Any] = {"json": call.json} if call.form is None else {"data": form}
    async with sandbox.http.post(url, **body) as reply:
        return await reply.json()


@pytest.mark.anyio
@pytest.mark.parametrize("method", [name for name in METHODS if not name.startswith("delete")])
async def test_what_the_sandbox_answers_is_what_the_api_promises(api: Any, method: str) -> None:
    async with hosted(TelegramSandbox) as sandbox:
        for call in asked(method):
            body = await answer(sandbox, call)

            assert body["ok"] is True, body
            returns = api["methods"][method]["returns"]
            assert complaints(api, body["result"], returns, method) == []


@pytest.mark.anyio
async def test_a_refusal_of_the_sandbox_is_read_by_the_connector(api: Any) -> None:
    async with hosted(TelegramSandbox) as sandbox:
        await sandbox.fault(kind="rate_limit", retryAfter=3)
        [call] = asked("sendMessage")
        body = await answer(sandbox, call)

    assert call.effect is Effect.REVIEW
    assert complaints(api, body["parameters"], ["ResponseParameters"], "parameters") == []
    with pytest.raises(Refused, match="Too Many Requests: retry after 3"):
        Telegram().judge(ok(body))
