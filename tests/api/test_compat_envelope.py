"""Under /api/v1 every answer is the envelope, whoever refuses and why."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

import httpx2 as httpx
import pytest
from sqlalchemy.orm import Session

from api.sending import send
from installation import Installation
from oncue.api.app import create_app
from oncue.api.edge import JSON_BYTES
from oncue.lib.clock import iso
from oncue.workspaces.plans import PLANS
from statements import statements

pytestmark = pytest.mark.anyio

T = TypeVar("T")

BULK: Final = "/api/v1/posts/bulk"


def refusal(answer: httpx.Response, installation: Installation) -> tuple[int, str, bool]:
    """Status, code and whether to try again, of an answer that is a whole envelope."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"data", "error", "meta"}
    assert body["data"] is None
    assert body["meta"] == {
        "request_id": answer.headers["x-request-id"],
        "timestamp": iso(installation.clock()),
    }
    error = body["error"]
    assert error.keys() == {"message", "code", "retryable", "details"}
    assert error["message"]
    return answer.status_code, error["code"], error["retryable"]


@statements("P2")
async def test_without_a_key_and_with_a_wrong_one_the_codes_differ(
    installation: Installation,
) -> None:
    async def ask(authorization: str) -> tuple[int, str, bool]:
        headers = {"authorization": authorization}
        answer = await installation.api.post(BULK, json={}, headers=headers)
        return refusal(answer, installation)

    assert await ask("") == (401, "unauthorized", False)
    assert await ask("Bearer ") == (401, "unauthorized", False)
    assert await ask("Bearer nobody") == (401, "invalid_api_key", False)
    assert await ask("Bearer pe_live_" + "0" * 32) == (401, "invalid_api_key", False)


async def test_a_key_that_may_not_is_told_which_scope_it_lacks(installation: Installation) -> None:
    reader = await installation.new_key("posts:read")

    answer = await installation.api.post(
        BULK, json={}, headers={"authorization": f"Bearer {reader}"}
    )

    assert refusal(answer, installation) == (403, "insufficient_scope", False)
    assert answer.json()["error"]["details"]["requiredScope"] == "posts:write"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1", (404, "not_found", False)),
        ("GET", "/api/v1/", (404, "not_found", False)),
        ("POST", "/api/v1/posts/nowhere", (404, "not_found", False)),
        ("GET", BULK, (405, "method_not_allowed", False)),
        ("DELETE", "/api/v1/posts/retry-failed", (405, "method_not_allowed", False)),
    ],
)
async def test_what_is_not_there_is_refused_in_the_envelope(
    installation: Installation, method: str, path: str, expected: tuple[int, str, bool]
) -> None:
    answer = await installation.api.request(method, path)

    assert refusal(answer, installation) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{'posts': 1}", (400, "bad_request", False)),
        (b"[" * 100_000, (400, "bad_request", False)),
        (b"[]", (400, "validation_error", False)),
        (b"{}", (400, "validation_error", False)),
        (b'{"posts": []}', (400, "validation_error", False)),
        (b'{"posts": 5}', (400, "validation_error", False)),
        (b'{"posts": [{}], "surprise": 1}', (400, "validation_error", False)),
        (b" " * (JSON_BYTES + 1), (413, "bad_request", False)),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_in_the_envelope(
    installation: Installation, content: bytes, expected: tuple[int, str, bool]
) -> None:
    answer = await send(installation, content, BULK)

    assert refusal(answer, installation) == expected


@pytest.mark.parametrize("path", ["/v1/posts/bulk", BULK])
@pytest.mark.parametrize("place", ["body", "item"])
async def test_an_unknown_field_is_named_and_its_value_is_not_repeated(
    installation: Installation, path: str, place: str
) -> None:
    unknown = {"pasword": "open sesame"}
    body = {"posts": [unknown]} if place == "item" else {"posts": [{}], **unknown}

    answer = await installation.api.post(path, json=body)

    assert answer.json()["error" if place == "body" else "results"]
    assert "is not a field here" in answer.text
    assert "pasword" in answer.text
    assert "sesame" not in answer.text


async def test_every_unknown_field_is_told_what_was_probably_meant(
    installation: Installation,
) -> None:
    body = {"account": 1, "failedAfter": "2026-11-22T09:00:00Z", "surprise": 1}

    answer = await installation.api.post("/api/v1/posts/retry-failed", json=body)

    assert refusal(answer, installation) == (400, "validation_error", False)
    told = answer.json()["error"]["details"]["errors"]
    assert {issue["field"]: issue["message"] for issue in told} == {
        "account": "is not a field here; did you mean account_id?",
        "failedAfter": "is not a field here; did you mean failed_after?",
        "surprise": "is not a field here",
    }


async def test_too_many_requests_say_when_to_come_back(installation: Installation) -> None:
    headers = {"authorization": ""}
    for _ in range(PLANS["free"].requests_per_minute):
        await installation.api.get("/v1/health", headers=headers)

    answer = await installation.api.post(BULK, json={}, headers=headers)

    assert refusal(answer, installation) == (429, "rate_limit_exceeded", True)
    assert answer.headers["retry-after"] == "60"


class Broken:
    """A database that nobody foresaw."""

    async def read(self, _work: Callable[[Session], T]) -> T:
        raise RuntimeError("a secret")


async def test_a_fault_of_ours_is_told_in_the_envelope_without_its_insides(
    installation: Installation,
) -> None:
    broken: Any = Broken()
    app = create_app(replace(installation.services, db=broken))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {installation.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://oncue.test") as api:
        answer = await api.get("/api/v1/accounts", headers=headers)

    assert refusal(answer, installation) == (500, "internal_error", True)
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
