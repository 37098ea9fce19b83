"""Text, names and numbers that cannot be kept: refused by name, and nothing half-written."""

from typing import Any

import pytest

from api.answers import invalid, problem, rows
from api.sending import create, send
from installation import Installation

pytestmark = pytest.mark.anyio


async def test_text_no_database_can_hold_is_refused_wherever_it_stands(
    installation: Installation,
) -> None:
    before = await rows(installation)
    answers, expected = {}, {}

    for bad in ("a\x00b", "a\ud800b"):
        places: dict[str, tuple[str, object]] = {
            "content": ("content", bad),
            "a tag": ("tags[0]", [bad]),
            "a persona": ("personaId", bad),
            "a comment": ("firstComment", bad),
            "an override": ("platformOverrides.TWITTER.content", {"TWITTER": {"content": bad}}),
            "metadata": ("metadata.k", {"k": bad}),
            "deep in metadata": ("metadata.k", {"k": [{"l": [bad]}]}),
            "a key deep in metadata": ("metadata.k", {"k": {bad: 1}}),
            "platform metadata": ("platformMetadata.TWITTER.k", {"TWITTER": {"k": bad}}),
            "a thread": ("threadPosts[0].content", [{"sequence": 1, "content": bad}]),
        }
        for name, (field, value) in places.items():
            root = field.split(".", maxsplit=1)[0].split("[")[0]
            answers[name, bad] = problem(await create(installation, **{root: value}))
            expected[name, bad] = invalid(field)

    assert answers == expected
    assert await rows(installation) == before


async def test_a_name_no_database_can_hold_is_refused_too(installation: Installation) -> None:
    before = await rows(installation)
    bodies: list[dict[str, object]] = [
        {place: {bad: 1} if place == "metadata" else {"TWITTER": {bad: 1}}}
        for place in ("metadata", "platformMetadata")
        for bad in ("a\x00b", "a\ud800b")
    ]
    bodies += [{"a\ud800b": 1}, {"a\x00b": 1}, {"platformOverrides": {"\ud800": {}}}]

    answers = [problem(await create(installation, **body)) for body in bodies]

    assert [answer[:2] for answer in answers] == [(400, "VALIDATION_ERROR")] * len(bodies)
    assert await rows(installation) == before


async def test_a_number_that_json_does_not_have_is_refused(installation: Installation) -> None:
    account = installation.account("TWITTER")
    before = await rows(installation)

    async def said(field: str) -> object:
        body = f'{{"content": "x", "accountIds": ["{account}"], {field}}}'
        return problem(await send(installation, body.encode()))

    assert await said('"metadata": {"n": 1e400}') == invalid("metadata.n")
    assert await said('"metadata": {"n": [-1e400]}') == invalid("metadata.n")
    assert await said('"metadata": {"n": NaN}') == invalid("metadata.n")
    assert await said('"firstCommentDelay": 1e400') == invalid("firstCommentDelay")
    assert await said('"firstCommentDelay": 1' + "0" * 400) == invalid(
        "firstCommentDelay", limit=60
    )
    assert await rows(installation) == before


async def test_numbers_that_json_has_come_back_as_they_are(installation: Installation) -> None:
    numbers = {"big": 10**30, "long": 2**64, "small": -1.5e-300, "zero": 0, "true": True}

    post = await installation.create("MASTODON", metadata=numbers)

    assert (await installation.get(post["id"]))["metadata"] == numbers


async def test_json_within_a_field_may_be_fifty_deep(installation: Installation) -> None:
    before = await rows(installation)

    def nested(depth: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(depth):
            value = {"k": value}
        return {"k": value}

    async def kept(**fields: object) -> object:
        answer = await create(installation, **fields)
        if not answer.is_success:
            return problem(answer)
        shown = await installation.get(answer.json()["id"])
        return {name: shown[name] for name in fields} == fields

    assert await kept(metadata=nested(50), platformMetadata={"TWITTER": nested(50)}) is True
    for depth in (51, 300, 900):
        assert await kept(metadata=nested(depth)) == invalid("metadata.k")
        assert await kept(platformMetadata={"TWITTER": nested(depth)}) == invalid(
            "platformMetadata.TWITTER.k"
        )
    assert (await rows(installation))["post"] == before["post"] + 1
