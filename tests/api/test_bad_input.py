"""What nobody should send: refused in the documented words, never a 500, nothing half-written."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from api.answers import invalid, problem, rows, too_long
from api.operations import served
from api.sending import create, send
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio

UNREADABLE: Final = (400, "BAD_REQUEST", None)
MEBIBYTE: Final = 1024 * 1024
DEEP: Final = 100_000

# What is not JSON, or not JSON that anybody can read.
NO_JSON: Final[Mapping[str, bytes]] = {
    "a torn object": b'{"content": "x"',
    "a bare word": b"hello",
    "single quotes": b"{'content': 'x'}",
    "a comma too many": b'{"content": "x",}',
    "Latin-1": '{"content": "größer"}'.encode("latin-1"),
    "brackets": b"[" * DEEP,
    "brackets that are closed": b"[" * DEEP + b"]" * DEEP,
    "braces": b'{"a":' * DEEP,
    "a number without end": b'{"metadata": {"n": 1' + b"0" * 5_000 + b"}}",
}
NO_OBJECT: Final = (b"", b"null", b"[]", b'"content"', b"1", b"true")

# For each field of a new post, values of a type it does not have, and where the fault is seen.
WRONG_TYPES: Final[Mapping[str, tuple[tuple[object, str], ...]]] = {
    "content": ((None, ""), (1, ""), (True, ""), (["x"], ""), ({"text": "x"}, "")),
    "accountIds": (
        (None, ""),
        ("acc_1", ""),
        ({}, ""),
        ([1], "[0]"),
        ([None], "[0]"),
        (["1"], "[0]"),
    ),
    "scheduledFor": ((1_797_343_200, ""), (True, ""), ([], ""), ({}, "")),
    "contentType": ((1, ""), ("POEM", ""), ([], "")),
    "saveAsDraft": (("true", ""), (1, ""), (None, ""), ([], "")),
    "platformOverrides": (
        ([], ""),
        ("x", ""),
        (None, ""),
        ({"MYSPACE": {}}, ".MYSPACE"),
        ({"TWITTER": "x"}, ".TWITTER"),
        ({"TWITTER": {"content": 1}}, ".TWITTER.content"),
    ),
    "platformMetadata": (
        ([], ""),
        (None, ""),
        ({"MYSPACE": {}}, ".MYSPACE"),
        ({"TWITTER": "x"}, ".TWITTER"),
    ),
    "media": (("media_1", ""), ([1], "[0]"), (["post_1"], "[0]"), (None, "")),
    "tags": (("a,b", ""), ([1], "[0]"), ([["a"]], "[0]"), (None, "")),
    "personaId": ((1, ""), ([], "")),
    "threadPosts": (
        ("x", ""),
        (None, ""),
        (["x"], "[0]"),
        ([{"content": "x"}], "[0].sequence"),
        ([{"sequence": "1", "content": "x"}], "[0].sequence"),
        ([{"sequence": 1.5, "content": "x"}], "[0].sequence"),
        ([{"sequence": 1}], "[0].content"),
        ([{"sequence": 1, "content": None}], "[0].content"),
        ([{"sequence": 1, "content": "x", "mediaIds": "media_1"}], "[0].mediaIds"),
    ),
    "firstComment": ((1, ""), (["x"], "")),
    "firstCommentDelay": (("5", ""), (1.5, ""), (True, ""), (None, ""), ([], "")),
    "isManualSave": (("yes", ""), (None, "")),
    "queue": (("true", ""), (1, ""), (None, "")),
    "latePolicy": (("never", ""), ("HOLD", ""), ("", ""), (1, ""), (True, ""), (["hold"], "")),
    "metadata": (([], ""), ("x", ""), (1, "")),
}


async def test_a_body_that_is_not_json_is_unreadable(installation: Installation) -> None:
    before = await rows(installation)

    answers = {name: problem(await send(installation, body)) for name, body in NO_JSON.items()}

    assert answers == dict.fromkeys(NO_JSON, UNREADABLE)
    assert await rows(installation) == before


@statements("V18")
async def test_a_body_that_is_no_object_is_refused(installation: Installation) -> None:
    answers = [problem(await send(installation, body)) for body in NO_OBJECT]
    form = await installation.api.post("/v1/posts", data={"content": "x"})

    assert [*answers, problem(form)] == [invalid("body")] * (len(NO_OBJECT) + 1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "Expecting property name enclosed in double quotes"),
        (b'{"content":"\xff"}', "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"9" * 5_000, "a number in it has too many digits"),
    ],
)
async def test_who_sends_what_cannot_be_read_is_told_why(
    installation: Installation, body: bytes, why: str
) -> None:
    answer = await send(installation, body)

    assert answer.json()["error"]["message"] == f"The body is not JSON: {why}"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", ["/v1/posts", "/api/v1/posts/bulk"])
async def test_json_that_is_called_something_else_is_told_what_to_call_it(
    installation: Installation, path: str, kind: str
) -> None:
    headers = {"content-type": kind}  # the first is what curl says unless it is told otherwise

    answer = await installation.api.post(path, content=b'{"content": "x"}', headers=headers)

    asked = "has to be JSON, sent with the Content-Type application/json"
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"body: {asked} (it is '{kind}')"


@statements("V18", "V20", "V24", "V34", "V38")
async def test_a_value_of_the_wrong_type_is_refused_where_it_stands(
    installation: Installation,
) -> None:
    before = await rows(installation)

    answers = {
        (name, repr(value)): problem(await create(installation, **{name: value}))
        for name, values in WRONG_TYPES.items()
        for value, _ in values
    }

    assert answers == {
        (name, repr(value)): invalid(name + place)
        for name, values in WRONG_TYPES.items()
        for value, place in values
    }
    assert await rows(installation) == before


async def test_every_field_of_a_new_post_is_in_that_table(installation: Installation) -> None:
    document = await served(installation)

    fields = document["components"]["schemas"]["CreatePost"]["properties"]

    assert fields.keys() == WRONG_TYPES.keys()


@statements("V18", "V20")
async def test_what_is_missing_is_named_all_at_once(installation: Installation) -> None:
    answer = await send(installation, b"{}")

    fields = [{"field": "content"}, {"field": "accountIds"}]
    assert problem(answer) == (400, "VALIDATION_ERROR", fields)


@statements("V42")
async def test_a_field_that_is_not_there_is_named_with_the_one_probably_meant(
    installation: Installation,
) -> None:
    before = await rows(installation)

    answers = {written: await create(installation, **{written: "x"}) for written in MEANT}

    assert {written: problem(answer) for written, answer in answers.items()} == {
        written: invalid(written) for written in MEANT
    }
    hints = {
        written: answer.json()["error"]["message"].rpartition("did you mean ")[2]
        for written, answer in answers.items()
    }
    assert hints == {written: f"{meant}?" for written, meant in MEANT.items()}
    assert await rows(installation) == before


MEANT: Final[Mapping[str, str]] = {
    "platforms": "accountIds",
    "scheduledfor": "scheduledFor",
    "scheduled_for": "scheduledFor",
    "scheduledAt": "scheduledFor",
    "account_ids": "accountIds",
    "contents": "content",
    "save_as_draft": "saveAsDraft",
}


async def test_a_field_like_no_other_is_refused_without_a_guess(
    installation: Installation,
) -> None:
    answer = await create(installation, colour="blue")

    assert problem(answer) == invalid("colour")
    assert "did you mean" not in answer.text


async def test_a_body_of_more_than_a_mebibyte_is_not_read(installation: Installation) -> None:
    before = await rows(installation)
    full = b'{"content": "' + b"x" * (MEBIBYTE - 15) + b'"}'
    paths = {"/v1/posts": "POST", "/v1/accounts": "POST"}

    within = problem(await send(installation, full))
    beyond = [
        problem(await send(installation, full + b" ", path, method))
        for path, method in paths.items()
    ]
    chunked = await installation.api.post(
        "/v1/posts", content=chunks(MEBIBYTE + 1), headers={"content-type": "application/json"}
    )

    assert len(full) == MEBIBYTE
    assert within[:2] == (400, "VALIDATION_ERROR")
    too_large = (413, "BAD_REQUEST", {"maxBytes": MEBIBYTE})
    assert [*beyond, problem(chunked)] == [too_large] * 3
    assert await rows(installation) == before


async def chunks(size: int) -> Any:
    """A body whose length nobody has said."""
    for _ in range(0, size, 64 * 1024):
        yield b" " * (64 * 1024)


async def test_an_answer_does_not_grow_with_what_is_wrong(installation: Installation) -> None:
    many: dict[str, object] = {f"k{number}": {} for number in range(20_000)}

    answers = [
        await create(installation, platformOverrides=many),
        await create(installation, **{"x" * 500_000: 1}),
        await create(installation, tags=list(range(500))),
        await create(installation, personaId=1, content="x" * 500_000),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert max(len(answer.content) for answer in answers) < 64 * 1024


@statements("V19", "V124")
async def test_a_text_that_is_too_long_is_told_its_limit_and_its_length(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")

    created = await create(installation, content="x" * 500_000)
    changed = await installation.api.patch(
        f"/v1/posts/{post['id']}", json={"content": "x" * 500_000}
    )

    assert problem(created) == too_long("content", 10_000, 500_000)
    assert problem(changed) == too_long("content", 63_206, 500_000)
    assert await installation.get(post["id"]) == post


async def test_the_same_field_twice_is_the_last_one(installation: Installation) -> None:
    account = installation.account("MASTODON")
    body = f'{{"content": "one", "accountIds": ["{account}"], "content": "two"}}'

    answer = await send(installation, body.encode())

    assert answer.json()["content"] == "two"
