"""What is refused repeats no secret, whatever went wrong; and no answer has a field for one."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx2 as httpx
import pytest

from api.operations import SCOPES, ask, served
from installation import Installation
from oncue.sandbox.faults import Kind
from oncue.sandbox.identities import USERS
from oncue.sandbox.network import TOKEN_PREFIX
from oncue.workspaces import keys
from oncue.workspaces.keys import Scope
from rights.fields import Document, Schema, operations, parts, resolved

pytestmark = pytest.mark.anyio

CANARY: Final = "c4n4ry7f3a9e"
SECRET: Final = re.compile(r"secret|token|password|credential|digest|sealed|cipher", re.IGNORECASE)
TROUBLE: Final = frozenset(Kind) - {Kind.SLOW}  # which is waited for, and ends like a drop

# Every field of an answer that is called like a secret, and where it may stand.
SHOWN: Final = {
    "secret": {"POST /v1/webhooks", "POST /v1/webhooks/{webhook_id}/rotate-secret"},
    "previousSecretUntil": {
        "POST /v1/webhooks",
        "POST /v1/webhooks/{webhook_id}/rotate-secret",
        "GET /v1/webhooks",
        "GET /v1/webhooks/{webhook_id}",
        "PATCH /v1/webhooks/{webhook_id}",
    },
}


async def test_no_answer_has_a_field_for_a_secret_but_where_one_is_new(
    oncue: Installation,
) -> None:
    document = await served(oncue)
    found: dict[str, set[str]] = {}

    for operation in operations(document):
        for name in answered(document, operation):
            if SECRET.search(name):
                found.setdefault(name, set()).add(operation)

    assert found == SHOWN


def answered(document: Document, operation: str) -> Iterator[str]:
    """The name of every field that an answer to this operation can have, however deep."""
    method, path = operation.split()
    seen: set[str] = set()

    def within(schema: Schema) -> Iterator[str]:
        if (name := schema.get("$ref")) is not None:
            if name not in seen:
                seen.add(name)
                yield from within(resolved(document, schema))
            return
        yield from schema.get("properties", ())
        for _place, part in parts(schema, "body:"):
            yield from within(part)

    for answer in document["paths"][path][method.lower()]["responses"].values():
        for content in answer.get("content", {}).values():
            yield from within(content["schema"])


async def test_a_key_is_not_repeated_to_whoever_sent_it(oncue: Installation) -> None:
    held = {
        "that may not": await oncue.new_key(Scope.MEDIA_READ),
        "that sends nothing good": oncue.key,
        "of nobody": keys.generate(),
        "misspelled": keys.PREFIX + CANARY,
    }

    told = {
        (operation, name)
        for operation in SCOPES
        for name, key in held.items()
        if repeats(await ask(oncue, operation, key), key)
    }

    assert told == set()


async def test_credentials_are_not_repeated_whatever_their_network_does(
    oncue: Installation,
) -> None:
    told: dict[Any, str] = {}
    statuses = set()

    for platform, user in USERS.items():
        someone = user(CANARY)
        for kind in (None, *TROUBLE):
            if kind is not None:
                for effect in ("poll", "token"):
                    await oncue.fault(kind=kind, platform=platform, effect=effect)
            answer = await oncue.api.post(
                "/v1/accounts",
                json={
                    "platform": platform,
                    "credentials": dict(someone.credentials),
                    "serverUrl": someone.server or None,
                },
            )
            await oncue.forgive()
            statuses.add(answer.status_code)
            if repeats(answer, TOKEN_PREFIX + CANARY):
                told[platform, kind] = answer.text

    assert statuses == {201, 400, 503}
    assert told == {}


def repeats(answer: httpx.Response, secret: str) -> bool:
    return secret in answer.text or secret in str(answer.headers)
