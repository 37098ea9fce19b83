"""The connector and the sandbox talk to each other, and the contract listens to both.

The contract is abraham/mastodon-openapi, generated from Mastodon's own documentation.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import pytest
from aiohttp import FormData
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from contract import contract
from hosted import Hosted, hosted
from oncue.connectors.answers import Refused, Reply
from oncue.connectors.base import Account, Call, Effect, Steps, Wait
from oncue.connectors.mastodon import Mastodon
from oncue.connectors.spec import Draft, Media
from oncue.sandbox import mastodon as sandbox
from oncue.sandbox.mastodon_views import account_id

pytestmark = pytest.mark.anyio

T = TypeVar("T")
PREFIX = "/mastodon"
SECRETS = {"accessToken": "sandbox:maria"}
ACCOUNT = Account(native_id=account_id("maria"))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO = Media(
    id="med_1", type="image/png", bytes=3, sha256="0f", filename="cat.png", alt="A cat & a dog"
)
VIDEO = Media(id="med_2", type="video/mp4", bytes=3, sha256="0f", filename="cat.mp4")
NASTY = (
    "Größe <b>& \"quotes\" 'too'\r\n\r\n\r\n\r\n@maria@other.test wrote #this:\n"
    "https://www.example.com/a/very/long/path?that=is&shortened=(yes). And 👩‍👩‍👧!"
)
EVERY_OPTION = {
    "mastodonVisibility": "private",
    "mastodonSpoilerText": "Spiders",
    "mastodonSensitive": True,
    "mastodonLanguage": "en",
}


def draft(text: str, *media: Media, **options: Any) -> Draft:
    begun_at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    return Draft(text=text, key="dst_1", begun_at=begun_at, media=media, options=options)


@dataclass
class Talk:
    """A sandbox, and everything that was said to it and by it."""

    server: Hosted
    said: list[tuple[Call, Reply]] = field(default_factory=list)

    async def have(self, steps: Steps[T]) -> T:
        """Take a connector's steps for real. Its waits are not waited."""
        try:
            step = next(steps)
            while True:
                try:
                    reply = Reply(200) if isinstance(step, Wait) else await self._send(step)
                    Mastodon().judge(reply)
                except Refused as no:
                    step = steps.throw(no)
                else:
                    step = steps.send(reply)
        except StopIteration as finished:
            outcome: T = finished.value
            return outcome

    async def _send(self, call: Call) -> Reply:
        signed = Mastodon().sign(call, SECRETS)
        async with self.server.http.request(
            call.method,
            f"{self.server.url}{PREFIX}{call.path}",
            params=dict(call.query),
            headers=dict(signed.headers),
            json=call.json,
            data=_form(call),
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            reply = Reply(answer.status, await answer.json(), headers)
        self.said.append((call, reply))
        return reply


def _form(call: Call) -> FormData | None:
    if not call.files:
        return None
    form = FormData(dict(call.form or {}))
    for name, file in call.files.items():
        form.add_field(name, b"cat", filename=file.filename, content_type=file.type)
    return form


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with hosted(sandbox.Mastodon) as server:
        yield Talk(server)


# What the contract says


@cache
def document() -> Mapping[str, Any]:
    read: Mapping[str, Any] = contract("mastodon", "openapi.json")
    return read


def operation(call: Call) -> Mapping[str, Any]:
    """What the contract says about the method and path; a plain path beats a pattern."""
    matching = [
        path
        for path, methods in document()["paths"].items()
        if call.method.lower() in methods
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), call.path)
    ]
    assert matching, f"the contract knows no {call.method} {call.path}"
    found: Mapping[str, Any] = document()["paths"][min(matching, key=lambda path: "{" in path)]
    method: Mapping[str, Any] = found[call.method.lower()]
    return method


def complaints(schema: Mapping[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": document()["components"]}
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(value)]


def properties(schema: Mapping[str, Any]) -> set[str]:
    """Every name that a schema, or one it is made of, has a word for."""
    if "$ref" in schema:
        return properties(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [properties(part) for part in schema.get("allOf", ())]
    return set(schema.get("properties", ())).union(*parts)


def wrong_with_request(call: Call) -> Iterator[str]:
    """What the contract has against a request."""
    known = operation(call)
    parameters = {(p["in"], p["name"]): p for p in known.get("parameters", ())}
    given = {("query", name) for name in call.query} | {("header", name) for name in call.headers}
    yield from (f"unknown {place} {name}" for place, name in given - parameters.keys())
    needed = {at for at, p in parameters.items() if p.get("required") and at[0] != "path"}
    yield from (f"missing {place} {name}" for place, name in needed - given)
    bodies = known.get("requestBody", {}).get("content", {})
    if call.json is not None:
        yield from _wrong_with(_status_schema(call.json), call.json)
    elif call.files:
        body = {**(call.form or {}), **dict.fromkeys(call.files, "bytes")}
        yield from _wrong_with(bodies["multipart/form-data"]["schema"], body)
    elif bodies:
        yield "missing body"


def _wrong_with(schema: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
    yield from complaints(schema, body)
    yield from (f"unknown field {name}" for name in body.keys() - properties(schema))


def _status_schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The kind of status that is meant.

    The contract says oneOf, but a text with media is both a TextStatus and a MediaStatus.
    """
    return {"$ref": f"#/components/schemas/{'Media' if 'media_ids' in body else 'Text'}Status"}


def wrong_with_answer(call: Call, reply: Reply) -> list[str]:
    """What the contract has against an answer."""
    responses = operation(call)["responses"]
    if str(reply.status) not in responses:
        return [f"{call.method} {call.path} never answers {reply.status}"]
    schemas = responses[str(reply.status)].get("content", {})
    return complaints(schemas["application/json"]["schema"], reply.body) if schemas else []


def assert_all_went_by_the_contract(said: Sequence[tuple[Call, Reply]]) -> None:
    assert said
    for call, reply in said:
        assert list(wrong_with_request(call)) == []
        assert wrong_with_answer(call, reply) == []


# The talks


@pytest.mark.parametrize(
    "wanted",
    [
        draft("Hello"),
        draft(NASTY),
        draft("Hello", PHOTO, PHOTO, PHOTO, PHOTO),
        draft("", PHOTO),
        draft("Eight legs", PHOTO, **EVERY_OPTION),
    ],
)
async def test_a_status_is_published_found_and_deleted_by_the_contract(
    talk: Talk, wanted: Draft
) -> None:
    mastodon = Mastodon()

    published = await talk.have(mastodon.publish(wanted, ACCOUNT))
    call = next(call for call, _ in talk.said if call.effect is Effect.KEYED)
    found = await talk.have(mastodon.find(call, ACCOUNT, LONG_AGO))
    await talk.have(mastodon.delete(published.id, ACCOUNT))
    await talk.have(mastodon.delete(published.id, ACCOUNT))

    [entry] = talk.server.posts("MASTODON")
    assert (entry.id, entry.text, entry.key) == (
        published.id,
        wanted.text.strip(),
        call.headers["Idempotency-Key"],
    )
    assert [facts["alt"] for facts in entry.media] == [media.alt for media in wanted.media]
    assert [post.id for post in found] == [published.id]
    assert await talk.have(mastodon.find(call, ACCOUNT, LONG_AGO)) == []
    assert_all_went_by_the_contract(talk.said)


async def test_what_was_found_says_what_its_creation_would_have_said(talk: Talk) -> None:
    await talk.have(Mastodon().publish(draft("Hello"), ACCOUNT))
    [(call, created)] = talk.said

    [found] = await talk.have(Mastodon().find(call, ACCOUNT, LONG_AGO))

    assert (found.reply.status, found.reply.body) == (200, created.body)


async def test_a_video_that_is_stuck_is_given_up_by_the_contract(talk: Talk) -> None:
    await talk.server.fault(kind="processing_forever")

    with pytest.raises(Refused, match="still processing"):
        await talk.have(Mastodon().publish(draft("Look", VIDEO), ACCOUNT))

    assert [reply.status for _, reply in talk.said][:2] == [202, 206]
    assert talk.server.posts("MASTODON") == []
    assert_all_went_by_the_contract(talk.said)


async def test_the_account_and_the_server_introduce_themselves_by_the_contract(talk: Talk) -> None:
    identity = await talk.have(Mastodon().identify(ACCOUNT))

    def instances() -> Steps[None]:
        yield Call("GET", "/api/v2/instance")
        yield Call("GET", "/api/v1/instance")

    await talk.have(instances())
    assert (identity.native_id, identity.username) == (ACCOUNT.native_id, "maria")
    assert_all_went_by_the_contract(talk.said)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("reject", 403),
        ("rate_limit", 429),
        ("unavailable", 503),
        ("revoked_token", 401),
        ("duplicate", 422),
    ],
)
async def test_every_no_is_worded_by_the_contract(talk: Talk, kind: str, status: int) -> None:
    await talk.server.fault(kind=kind, retryAfter=7)

    with pytest.raises(Refused) as refused:
        await talk.have(Mastodon().publish(draft("Hello"), ACCOUNT))

    [(_, reply)] = talk.said
    assert (reply.status, refused.value.retry_after) == (status, timedelta(seconds=7))
    assert complaints({"$ref": "#/components/schemas/Error"}, reply.body) == []
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
        assert (name.lower() in reply.headers) == (kind == "rate_limit")


# The contract is no pushover


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/api/v1/statuses", json={}),
        Call("POST", "/api/v1/statuses", json={"status": "Hi", "visibility": "secret"}),
        Call("POST", "/api/v1/statuses", json={"status": "Hi", "mediaIds": []}),
        Call("POST", "/api/v1/statuses", json={"status": "Hi"}, headers={"Idempotency": "1"}),
        Call("POST", "/api/v2/media", files={"media": PHOTO}),
        Call("POST", "/api/v2/media"),
        Call("GET", "/api/v1/accounts/1/statuses", query={"since": "2026"}),
    ],
)
async def test_a_wrong_request_is_noticed(call: Call) -> None:
    assert list(wrong_with_request(call)) != []


@pytest.mark.parametrize("reply", [Reply(200, {"id": 1}), Reply(418, {})])
async def test_a_wrong_answer_is_noticed(reply: Reply) -> None:
    assert wrong_with_answer(Call("POST", "/api/v1/statuses", json={"status": "Hi"}), reply) != []
