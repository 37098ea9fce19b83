"""What the Bluesky connector sends and the sandbox answers, held against the official lexicons."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from contract import contract
from conversation import converse, ok
from hosted import hosted
from oncue.connectors.base import Account, Call, Exchange
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.spec import Draft, Media
from oncue.sandbox.bluesky import Bluesky as Sandbox
from oncue.sandbox.bluesky_lexicons import LEXICONS
from oncue.sandbox.lexicon import Invalid, check

POST: Final = "app.bsky.feed.post"
OTHERS: Final = ("com.atproto.repo.uploadBlob", "com.atproto.server.refreshSession")
DESCRIBED: Final = (
    *OTHERS,
    "com.atproto.server.describeServer",
    "com.atproto.repo.defs",
    "com.atproto.label.defs",
)

DID: Final = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
ACCOUNT: Final = Account(native_id=DID)
BEGUN: Final = datetime(2026, 11, 22, 10, tzinfo=UTC)
BLOB: Final = {
    "$type": "blob",
    "ref": {"$link": "bafkreifkceg5zrfdwoc2b3ev62pfbezxejweaqvy5qgn765jvrv3oxl4c4"},
    "mimeType": "image/png",
    "size": 17,
}
PHOTO: Final = Media(id="m", type="image/png", bytes=17, sha256="0" * 64, width=4, height=3)
RICH: Final = Draft(
    text="👋 @maria.test #hi https://oncue.test/é", key="dst_1", begun_at=BEGUN, media=[PHOTO] * 4
)


@pytest.fixture
def official() -> Mapping[str, Mapping[str, Any]]:
    return {name: definitions(name) for name in (*LEXICONS, *DESCRIBED)}


def definitions(name: str) -> Mapping[str, Any]:
    *folders, file = name.split(".")
    found: Mapping[str, Any] = contract("bluesky", "lexicons", *folders, f"{file}.json")["defs"]
    return found


def asked_of(method: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of an official definition that a request must follow."""
    match method:
        case {"type": "procedure", "input": {"schema": schema}}:
            return dict(schema)
        case {"type": "query", "parameters": schema}:
            return dict(schema)
        case _:
            return method


def assert_within(ours: Any, theirs: Any, at: str) -> None:
    """Ours may leave properties and choices out; what it says, the original says too."""
    if not isinstance(ours, Mapping):
        assert ours == theirs, at
        return
    assert isinstance(theirs, Mapping), at
    for name, value in ours.items():
        if name == "refs":
            assert set(value) <= set(theirs[name]), at
        else:
            assert_within(value, theirs[name], f"{at}.{name}")
    if ours.get("type") in {"string", "integer", "array", "blob"}:
        assert theirs.keys() - ours.keys() <= {"description"}, at
    if "required" in theirs:
        assert ours["required"] == theirs["required"], at


@pytest.mark.parametrize("name", LEXICONS)
def test_the_sandbox_goes_by_the_official_lexicons(
    name: str, official: Mapping[str, Mapping[str, Any]]
) -> None:
    for part, ours in LEXICONS[name].items():
        assert_within(ours, asked_of(official[name][part]), f"{name}#{part}")


def assert_lawful(asked: Sequence[object], official: Mapping[str, Mapping[str, Any]]) -> None:
    """Every request has the verb and the content that its method's lexicon wants."""
    for request in asked:
        assert isinstance(request, Call | Exchange)
        name = request.path.removeprefix("/xrpc/")
        if name not in official:
            continue
        method = official[name]["main"]
        assert request.method == {"query": "GET", "procedure": "POST"}[method["type"]]
        content = request.query if isinstance(request, Call) and request.query else request.json
        if content is not None:
            check(dict(content), asked_of(method), official, name)
            if "record" in content:
                check(content["record"], official[POST]["main"], official, POST)


def test_every_request_of_a_publication_is_lawful(
    official: Mapping[str, Mapping[str, Any]],
) -> None:
    replies = [ok({"did": DID}), *[ok({"blob": BLOB})] * 4, ok({"uri": "at://"})]

    asked, _ = converse(Bluesky().publish(RICH, ACCOUNT), replies)

    assert len(asked) == 6
    assert_lawful(asked, official)


def test_a_draft_that_passes_the_check_makes_a_lawful_record(
    official: Mapping[str, Mapping[str, Any]],
) -> None:
    for text in ("", "é" * 300, "#" + "x" * 64, "👨‍👩‍👧‍👦" * 120):
        draft = Draft(text=text, key="dst_1", begun_at=BEGUN)
        assert Bluesky().check(draft) == []

        asked, _ = converse(Bluesky().publish(draft, ACCOUNT), [ok({"uri": "at://"})])

        assert_lawful(asked, official)


def test_the_requests_around_a_publication_are_lawful(
    official: Mapping[str, Mapping[str, Any]],
) -> None:
    earned = ok({"accessJwt": "a", "refreshJwt": "b"})
    password = {"identifier": "maria.test", "appPassword": "secret"}
    signing_in, _ = converse(Bluesky().sign_in(password), [earned])
    renewing, _ = converse(Bluesky().sign_in({**password, "refreshJwt": "b"}), [earned])
    deleting, _ = converse(Bluesky().delete(f"at://{DID}/{POST}/3l3qo2vuowo2b", ACCOUNT), [ok({})])

    assert_lawful([*signing_in, *renewing, *deleting], official)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"text": "x" * 301}, "text"),
        ({"createdAt": "2026-11-22 10:00"}, "createdAt"),
        ({"embed": {"$type": "app.bsky.embed.images", "images": [{"image": BLOB}]}}, "images"),
    ],
)
def test_what_is_unlawful_is_noticed(
    wrong: dict[str, Any], where: str, official: Mapping[str, Mapping[str, Any]]
) -> None:
    record = {"$type": POST, "text": "", "createdAt": "2026-11-22T10:00:00Z", **wrong}

    with pytest.raises(Invalid, match=where):
        check(record, official[POST]["main"], official, POST)


@pytest.mark.anyio
async def test_the_sandbox_answers_what_the_lexicons_promise(
    official: Mapping[str, Mapping[str, Any]],
) -> None:
    async with hosted(Sandbox) as sandbox:
        bearer: dict[str, str] = {}

        async def ask(verb: str, name: str, **request: Any) -> Any:
            headers = {**bearer, **request.pop("headers", {})}
            url = f"{sandbox.url}/bluesky/xrpc/{name}"
            async with sandbox.http.request(verb, url, headers=headers, **request) as answer:
                assert answer.status == 200, await answer.text()
                body = await answer.json()
            check(body, official[name]["main"]["output"]["schema"], official, name)
            return body

        session = await ask(
            "POST",
            "com.atproto.server.createSession",
            json={"identifier": "maria", "password": "secret"},
        )
        bearer["Authorization"] = f"Bearer {session['refreshJwt']}"
        session = await ask("POST", "com.atproto.server.refreshSession")
        bearer["Authorization"] = f"Bearer {session['accessJwt']}"
        uploaded = await ask(
            "POST",
            "com.atproto.repo.uploadBlob",
            data=b"pixels",
            headers={"Content-Type": "image/png"},
        )
        key = {"repo": session["did"], "collection": POST, "rkey": "3l3qo2vuowo2b"}
        images = [{"image": uploaded["blob"], "alt": ""}]
        record = {
            "$type": POST,
            "text": "Hello",
            "createdAt": "2026-11-22T10:00:00Z",
            "embed": {"$type": "app.bsky.embed.images", "images": images},
        }
        await ask("POST", "com.atproto.repo.putRecord", json={**key, "record": record})
        found = await ask("GET", "com.atproto.repo.getRecord", params=key)
        check(found["value"], official[POST]["main"], official, POST)
        listing = {"repo": key["repo"], "collection": POST}
        await ask("GET", "com.atproto.repo.listRecords", params=listing)
        await ask("POST", "com.atproto.repo.deleteRecord", json=key)
        await ask("GET", "com.atproto.server.describeServer")
        await ask("GET", "com.atproto.identity.resolveHandle", params={"handle": "maria.test"})
