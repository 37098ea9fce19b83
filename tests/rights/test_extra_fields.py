"""Nobody writes what is not theirs to write: our own fields are refused, at any depth of a body."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx2 as httpx
import pytest

from api.answers import NOBODY
from api.operations import served
from installation import Installation
from oncue.lib import ids
from rights.asks import GOOD
from rights.fields import Document, Schema, parts, resolved, roots
from rights.matrix import NOBODYS_NUMBER, contents
from rights.requests import things_in, with_things
from rights.scene import LATER, file

pytestmark = pytest.mark.anyio

OURS: Final[Mapping[str, Any]] = {
    "id": str(NOBODY),
    "status": "published",
    "plan": "agency",
    "workspaceId": ids.to_typeid("ws", NOBODY),
    "platformPostId": "1",
    "publishedAt": LATER,
    "createdAt": LATER,
    "retryCount": 0,
}


def objects(document: Document, operation: str) -> Iterator[tuple[str, Schema]]:
    """Every object within the JSON body whose fields have names of ours, and where it is."""

    def within(schema: Schema, at: str) -> Iterator[tuple[str, Schema]]:
        if "$ref" in schema:
            yield from within(resolved(document, schema), at)
            return
        if "properties" in schema:
            yield at, schema
        for place, part in parts(schema, at):
            yield from within(part, place)

    for at, schema in roots(document, operation):
        if at == "body:" and GOOD[operation].file is None:
            yield from within(schema, at)


def with_field(body: Any, at: str, name: str, value: Any) -> Any:
    """A body with one more field in the object at this place, the first one there."""
    body = copy.deepcopy(body)
    found = body
    for step in re.findall(r"\w+|\[\]|\{\}", at.removeprefix("body:")):
        match step:
            case "[]":
                found = found[0]
            case "{}":
                found = next(iter(found.values()))
            case _:
                found = found[step]
    found[name] = value
    return body


def as_spelled(name: str, operation: str) -> str:
    """A field's name in the words of the operation's dialect."""
    is_native = "/api/v1" not in operation
    return name if is_native else re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def refuses(answer: httpx.Response, name: str) -> bool:
    """Whether nothing was made, and the reason given is this field."""
    made_none = answer.status_code in (400, 422)
    if answer.status_code == 207:
        made_none = answer.json()["created"] == 0
    return made_none and re.search(rf'[".]{name}(: |")', answer.text) is not None


async def test_a_field_of_ours_is_refused_in_every_object_of_a_body(
    oncue: Installation,
) -> None:
    document, before = await served(oncue), await contents(oncue)
    tried, taken = 0, {}

    for operation, ask in GOOD.items():
        method, template = operation.split()
        things = {place: unknown(name) for place, name in things_in(ask).items()}
        path = template.format(**with_things(ask.path, things, "path:"))
        good = with_things(ask.json, things, "body:")
        for at, schema in objects(document, operation):
            for field, value in OURS.items():
                if (name := as_spelled(field, operation)) in schema["properties"]:
                    continue
                body = with_field(good, at, name, value)
                answer = await oncue.api.request(method, path, json=body)
                tried += 1
                if not refuses(answer, name):
                    taken[operation, at, name] = answer.text

    assert tried > 30 * len(OURS)
    assert taken == {}
    assert await contents(oncue) == before


def unknown(thing: str) -> Any:
    """An id, or an account's number, that nobody has."""
    return NOBODYS_NUMBER if thing == "number" else str(NOBODY)


async def test_a_form_takes_no_field_of_ours(oncue: Installation) -> None:
    for operation in ("POST /v1/media", "POST /v1/posts/import"):
        before = await contents(oncue)
        files = file(*(GOOD[operation].file or ("", b"")))
        answer = await oncue.api.post(operation.split()[1], data=dict(OURS), files=files)
        made = await contents(oncue) - before

        assert answer.is_success
        assert {row.owner for row in made} == {oncue.workspace_id.hex}
        assert not any(
            repr(value) in row.columns
            for row in made
            for value in (str(NOBODY), "published", NOBODY)
        )
