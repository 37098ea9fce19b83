"""Which methods a path has, and what whoever uses another one is told."""

import pytest

from api.answers import problem
from api.operations import served
from installation import Installation

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "BREW"])
async def test_whoever_uses_another_method_is_told_every_one_of_the_path(
    installation: Installation, method: str
) -> None:
    paths = (await served(installation))["paths"]

    for path, operations in paths.items():
        answer = await installation.api.request(method, path)

        assert answer.status_code == 405, path
        told = {name.strip() for name in answer.headers["allow"].split(",")}
        assert told - {"HEAD"} == {name.upper() for name in operations}, path


async def test_head_is_served_where_allow_names_it(installation: Installation) -> None:
    for path in (await served(installation))["paths"]:
        told = (await installation.api.options(path)).headers["allow"]
        answer = await installation.api.head(path)

        assert (answer.status_code != 405) == ("HEAD" in told), path


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/v1/posts/validate", "POST"),
        ("DELETE", "/v1/posts/preflight", "GET"),
        ("PATCH", "/v1/posts/import", "POST"),
        ("GET", "/v1/webhooks/test", "POST"),
        ("DELETE", "/v1/webhooks/callbacks", "GET"),
    ],
)
async def test_what_a_path_is_called_is_nobodys_id(
    installation: Installation, method: str, path: str, told: str
) -> None:
    answer = await installation.api.request(method, path)

    assert problem(answer) == (405, "METHOD_NOT_ALLOWED", None)
    assert answer.headers["allow"] == told


async def test_what_is_served_for_head_is_said_too(installation: Installation) -> None:
    answer = await installation.api.post("/api/openapi.json")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_monitor_may_ask_with_head(installation: Installation, path: str) -> None:
    answer = await installation.api.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/v1/posts/", "/v1/posts//", "/api/v1/posts/bulk/"])
async def test_a_slash_too_many_is_told_and_sends_nobody_elsewhere(
    installation: Installation, path: str
) -> None:
    answer = await installation.api.post(path, json={}, headers={"host": "evil.test"})

    meant = path.rstrip("/")
    assert (answer.status_code, answer.headers.get("location")) == (404, None)
    assert f"There is no POST {path} here; did you mean {meant}?" in answer.text
    assert answer.headers["x-ratelimit-remaining"] == "999"
