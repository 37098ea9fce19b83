"""Every write of both dialects takes an Idempotency-Key: sent again, it changes nothing more."""

from collections.abc import Mapping
from typing import Any, Final

import httpx2 as httpx
import pytest

from api.answers import rows
from api.operations import served
from api.test_openapi import ASKED, Ask, send, staged
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio

WRITING: Final = frozenset({"post", "patch", "put", "delete"})
KEY: Final = {"Idempotency-Key": "once"}

# What is sent like a write and changes nothing; and what is signed for one file, which it can
# bring once.
LOOKING: Final = frozenset({"POST /v1/posts/validate", "PUT /v1/media/uploads/{media_id}"})


async def writes(installation: Installation) -> Mapping[str, Any]:
    """Every write in the served document, as it is described there."""
    document = await served(installation)
    return {
        f"{method.upper()} {path}": described
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in WRITING and f"{method.upper()} {path}" not in LOOKING
    }


async def test_every_write_says_that_it_takes_a_key(installation: Installation) -> None:
    found = await writes(installation)

    def takes(described: Mapping[str, Any]) -> bool:
        headers = [p["name"] for p in described.get("parameters", ()) if p["in"] == "header"]
        return "idempotency-key" in headers

    assert [operation for operation, described in found.items() if not takes(described)] == []


@pytest.mark.usefixtures("paged")
@statements("V157", "V261")
async def test_every_write_sent_again_is_answered_again_and_done_once(
    installation: Installation,
) -> None:
    written = await writes(installation)
    asks = {operation: good for operation, (good, _) in ASKED.items() if operation in written}

    async with staged(installation) as things:
        # In the table's order: what is deleted is asked for before.
        for operation, ask in asks.items():
            first = await send(installation, operation, with_key(ask), things)
            after = await rows(installation)
            again = await send(installation, operation, with_key(ask), things)

            assert first.is_success, f"{operation}: {first.text}"
            assert said(again) == said(first), operation
            assert (replayed(first), replayed(again)) == (False, True), operation
            assert await rows(installation) == after, operation


def with_key(ask: Ask) -> Ask:
    return Ask(
        named=ask.named,
        query=ask.query,
        json=ask.json,
        file=ask.file,
        headers={**ask.headers, **KEY},
    )


def said(answer: httpx.Response) -> tuple[int, bytes, str | None]:
    return answer.status_code, answer.content, answer.headers.get("content-type")


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"
