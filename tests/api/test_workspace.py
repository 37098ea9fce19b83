"""GET and PATCH /v1/workspace: what a workspace is called, and how it treats trouble."""

from typing import Any, Final

import pytest

from api.answers import Problem, invalid, problem, too_long
from installation import Installation
from oncue.lib import ids

pytestmark = pytest.mark.anyio

YEAR: Final = 365 * 86_400


async def get(installation: Installation) -> dict[str, Any]:
    answer = await installation.api.get("/v1/workspace")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_workspace_is_shown_with_its_settings(installation: Installation) -> None:
    assert await get(installation) == {
        "id": ids.to_typeid("ws", installation.workspace_id),
        "name": "Test",
        "plan": "AGENCY",
        "autoRetry": True,
        "latePolicy": "publish",
        "lateWindowSeconds": 43_200,
        "mendMedia": True,
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "Ours"},
        {"autoRetry": False},
        {"mendMedia": False},
        {"latePolicy": "skip"},
        {"lateWindowSeconds": 300},
        {"lateWindowSeconds": YEAR},
        {"name": "N" * 200, "autoRetry": False, "latePolicy": "hold", "lateWindowSeconds": 3_600},
    ],
)
async def test_only_what_is_mentioned_changes(
    installation: Installation, change: dict[str, Any]
) -> None:
    before = await get(installation)

    answer = await installation.api.patch("/v1/workspace", json=change)

    assert (answer.status_code, answer.json()) == (200, before | change)
    assert await get(installation) == before | change


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"name": ""}, invalid("name", minLength=1, actualLength=0)),
        ({"name": "N" * 201}, too_long("name", 200)),
        ({"name": None}, invalid("name")),
        ({"autoRetry": 1}, invalid("autoRetry")),
        ({"latePolicy": "never"}, invalid("latePolicy")),
        ({"latePolicy": None}, invalid("latePolicy")),
        ({"lateWindowSeconds": 299}, invalid("lateWindowSeconds", limit=300)),
        ({"lateWindowSeconds": YEAR + 1}, invalid("lateWindowSeconds", limit=YEAR)),
        ({"lateWindowSeconds": "3600"}, invalid("lateWindowSeconds")),
        ({"plan": "free"}, invalid("plan")),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    installation: Installation, change: dict[str, Any], refused: Problem
) -> None:
    before = await get(installation)

    answer = await installation.api.patch("/v1/workspace", json={"name": "Ours"} | change)

    assert problem(answer) == refused
    assert await get(installation) == before


async def test_another_workspace_is_not_touched(installation: Installation) -> None:
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    headers = {"authorization": f"Bearer {key}"}

    await installation.api.patch("/v1/workspace", json={"name": "Theirs"}, headers=headers)

    assert (await get(installation))["name"] == "Test"


async def test_without_retries_by_itself_a_failure_stays(installation: Installation) -> None:
    await installation.api.patch("/v1/workspace", json={"autoRetry": False})
    await installation.fault(kind="rate_limit", platform="MASTODON")

    post = await installation.publish("MASTODON")

    assert post["status"] == "failed"
    assert post["platforms"][0]["nextRetryAt"] is None
