"""X's OpenAPI description: what our connector sends fits it, and so does what our sandbox says."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from contract import contract
from conversation import converse, ok
from hosted import Hosted, hosted
from oncue.connectors.base import Account, Call
from oncue.connectors.spec import Draft, Media, ThreadItem
from oncue.connectors.twitter import Twitter
from oncue.sandbox.twitter import Twitter as TwitterSandbox

ACCOUNT = Account(native_id="42", username="maria")
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
GIF = Media(id="med_1", type="image/gif", bytes=9, sha256="0f", alt="A dance")
DRAFT = Draft(
    text="",
    key="dst_1",
    begun_at=NOW,
    thread=[ThreadItem(text="one"), ThreadItem(text="two", media=[GIF])],
)
PENDING = {"id": "90", "processing_info": {"state": "pending", "check_after_secs": 1}}
DONE = {"id": "90", "processing_info": {"state": "succeeded"}}
POSTED = [ok({"data": {"id": "7", "text": "shown"}}, 201)]
PUBLICATION = [
    *POSTED,
    ok({"data": PENDING}),
    ok(None),
    ok({"data": DONE}),
    ok({"data": {"id": "90"}}),
    *POSTED,
]
ME = {"id": "42", "username": "maria", "name": "Maria"}
NONE = {"result_count": 0}
DOCUMENTED_ONLY: Final = "tweet.fields"  # in X's prose and examples, not in this description


@cache
def description() -> Any:
    return contract("twitter", "openapi.json")


@cache
def registry() -> Registry[Any]:
    described: Registry[Any] = Registry().with_resource(
        "urn:x", DRAFT4.create_resource(description())
    )
    return described


def errors(place: Sequence[str], value: Any) -> list[str]:
    """What the schema at `place` in the description finds wrong with `value`."""
    pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
    validator = OAS30Validator({"$ref": f"urn:x#/{pointer}"}, registry=registry())
    return [error.message for error in validator.iter_errors(value)]


def place_of(method: str, path: str) -> tuple[str, ...]:
    """Where the description has a request, found by its path with the ids taken out."""
    version, *parts = path.removeprefix("/").split("/")
    general = ["{id}" if part.isdigit() else part for part in parts]
    return ("paths", "/".join(["", version, *general]), method.lower())


def operation(method: str, path: str) -> Any:
    found = description()
    for step in place_of(method, path):
        found = found[step]
    return found


def sent() -> list[Call]:
    """Every request the connector knows how to make."""
    connector = Twitter()
    asked, _ = converse(connector.publish(DRAFT, ACCOUNT), PUBLICATION)
    conversations = [
        asked,
        converse(connector.identify(ACCOUNT), [ok({"data": ME})])[0],
        converse(connector.delete("7", ACCOUNT), [ok({"data": {"deleted": True}})])[0],
        converse(connector.find(post_of(asked), ACCOUNT, NOW), [ok({"meta": NONE})])[0],
    ]
    return [step for steps in conversations for step in steps if isinstance(step, Call)]


def post_of(asked: list[Any]) -> Call:
    return next(step for step in asked if isinstance(step, Call) and step.effect.is_public)


def complaints(call: Call) -> list[str]:
    """What the description has against a request."""
    described = operation(call.method, call.path)
    known = {each.get("name") for each in described.get("parameters", ())} | {DOCUMENTED_ONLY}
    found = [f"unknown parameter {name}" for name in call.query if name not in known]
    if call.json is None and call.form is None:
        return found + ["no body"] * ("requestBody" in described)
    kind, body = "application/json", call.json
    if call.form is not None:
        kind, body = "multipart/form-data", {**call.form, **dict.fromkeys(call.files, "bytes")}
    place = (*place_of(call.method, call.path), "requestBody", "content", kind, "schema")
    return found + errors(place, body)


def test_every_request_of_the_connector_fits_the_description() -> None:
    calls = sent()

    assert [(call, wrong) for call in calls if (wrong := complaints(call))] == []
    assert {f"{call.method} {call.path}" for call in calls} == {
        "POST /2/tweets",
        "POST /2/media/upload",
        "GET /2/media/upload",
        "POST /2/media/metadata",
        "GET /2/users/me",
        "DELETE /2/tweets/7",
        "GET /2/users/42/tweets",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"text": "Hello", "unknown": 1},
        {"text": "Hello", "media": {"media_ids": []}},
        {"text": "Hello", "media": {"media_ids": ["1", "2", "3", "4", "5"]}},
        {"text": "Hello", "reply": {}},
    ],
    ids=str,
)
def test_the_description_would_notice_a_wrong_post(body: dict[str, Any]) -> None:
    assert complaints(Call("POST", "/2/tweets", json=body)) != []


@pytest.fixture
async def x() -> AsyncIterator[Hosted]:
    async with hosted(TwitterSandbox) as host:
        yield host


async def answered(x: Hosted, method: str, path: str, **sent_: Any) -> Any:
    """The sandbox's answer, after it was held against the description."""
    headers = {"Authorization": "Bearer sandbox:maria"}
    url = f"{x.url}/twitter{path}"
    async with x.http.request(method, url, headers=headers, **sent_) as answer:
        body = await answer.json(content_type=None)
        responses = operation(method, path)["responses"]
        status = str(answer.status) if str(answer.status) in responses else "default"
        place = (*place_of(method, path), "responses", status, "content", answer.content_type)
        assert errors((*place, "schema"), body) == []
        return body


@pytest.mark.anyio
async def test_the_answers_of_the_sandbox_fit_the_description(x: Hosted) -> None:
    upload = {"media": "R0lGODlh", "media_category": "tweet_gif"}
    gif = (await answered(x, "POST", "/2/media/upload", json=upload))["data"]["id"]
    metadata = {"id": gif, "metadata": {"alt_text": {"text": "A dance"}}}
    query = {"command": "STATUS", "media_id": gif}
    fields = {"tweet.fields": "created_at,entities,referenced_tweets,attachments,author_id"}

    await answered(x, "POST", "/2/media/metadata", json=metadata)
    await answered(x, "GET", "/2/media/upload", params=query)
    first = await answered(x, "POST", "/2/tweets", json={"text": "See example.com"})
    second = await answered(
        x,
        "POST",
        "/2/tweets",
        json={
            "text": "two",
            "media": {"media_ids": [gif]},
            "reply": {"in_reply_to_tweet_id": first["data"]["id"]},
        },
    )
    me = await answered(x, "GET", "/2/users/me")
    tweets = await answered(x, "GET", f"/2/users/{me['data']['id']}/tweets", params=fields)
    await answered(x, "GET", f"/2/tweets/{second['data']['id']}", params=fields)
    await answered(x, "DELETE", f"/2/tweets/{second['data']['id']}")

    assert [tweet["id"] for tweet in tweets["data"]] == [
        second["data"]["id"],
        first["data"]["id"],
    ]


@pytest.mark.anyio
async def test_the_problems_of_the_sandbox_fit_the_description(x: Hosted) -> None:
    await answered(x, "POST", "/2/tweets", json={"text": "x" * 281})
    await answered(x, "DELETE", "/2/tweets/404")
    await answered(x, "GET", "/2/tweets/404")
    await answered(x, "GET", "/2/users/404/tweets")
