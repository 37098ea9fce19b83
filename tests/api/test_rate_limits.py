"""So many requests a minute: counted by key, said on every answer, and refused beyond."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import httpx2 as httpx
import pytest
from sqlalchemy import update

from api.answers import problem
from installation import START, Installation
from oncue.api.app import create_app
from oncue.db.open import open_database
from oncue.runtime import open_gate
from oncue.workspaces.models import Workspace
from oncue.workspaces.plans import PLANS
from oncue.workspaces.ratelimit import MemoryWindow
from statements import statements

pytestmark = pytest.mark.anyio

RESET: Final = int(START.timestamp()) + 60  # noon, and the end of its minute


def allowance(answer: httpx.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset as the headers say."""
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    limit, remaining, reset = (int(answer.headers[name]) for name in names)
    return limit, remaining, reset


async def use_up(installation: Installation, headers: Mapping[str, str], times: int) -> None:
    for _ in range(times):
        answer = await installation.api.get("/v1/health", headers=headers)
        assert answer.status_code != 429


async def set_plan(installation: Installation, plan: str) -> None:
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(plan=plan))
    )


async def test_every_answer_says_what_is_left(installation: Installation) -> None:
    path = "/v1/posts/post_01jyjv4z1xfay8vvr14d2pf2db"
    writing = {"authorization": f"Bearer {await installation.new_key('media:write')}"}

    mine = [
        await installation.api.get("/v1/posts"),  # 200
        await installation.api.post("/v1/posts", json={}),  # 400
        await installation.api.get(path),  # 404
    ]
    forbidden = await installation.api.get("/v1/posts", headers=writing)
    unknown = await installation.api.get("/v1/posts", headers={"authorization": ""})

    assert [answer.status_code for answer in mine] == [200, 400, 404]
    assert [allowance(answer) for answer in mine] == [
        (1_000, left, RESET) for left in (999, 998, 997)
    ]
    assert (forbidden.status_code, allowance(forbidden)) == (403, (1_000, 999, RESET))
    assert (unknown.status_code, allowance(unknown)) == (401, (120, 119, RESET))


async def test_a_body_that_cannot_be_read_counts_too(installation: Installation) -> None:
    answer = await installation.api.post(
        "/v1/posts", content=b"{", headers={"content-type": "application/json"}
    )
    unknown = await installation.api.post(
        "/v1/posts",
        content=b"{",
        headers={"content-type": "application/json", "authorization": ""},
    )

    assert (answer.status_code, allowance(answer)) == (400, (1_000, 999, RESET))
    assert problem(unknown) == (401, "UNAUTHORIZED", None)


async def test_beyond_the_limit_a_key_waits_for_the_next_minute(
    installation: Installation,
) -> None:
    await set_plan(installation, "free")
    mine: Mapping[str, str] = {}
    other = {"authorization": f"Bearer {await installation.new_key()}"}
    installation.clock.advance(seconds=42)
    await use_up(installation, mine, 120)

    refused = await installation.api.post("/v1/posts", json={"content": "x"})
    elses = await installation.api.get("/v1/health", headers=other)
    installation.clock.advance(seconds=18)
    later = await installation.api.get("/v1/health")

    assert problem(refused) == (429, "RATE_LIMITED", {"limit": 120, "retryAfter": 19})
    assert refused.headers["retry-after"] == "19"
    assert allowance(refused) == (120, 0, RESET)
    assert (elses.status_code, allowance(elses)) == (200, (120, 119, RESET))
    assert (later.status_code, allowance(later)) == (200, (120, 119, RESET + 60))


async def test_who_has_no_key_is_counted_by_address(installation: Installation) -> None:
    nobody = {"authorization": "Bearer guess"}
    await use_up(installation, nobody, 120)

    refused = await installation.api.get("/v1/health", headers=nobody)
    owner = await installation.api.get("/v1/health")

    assert problem(refused)[:2] == (429, "RATE_LIMITED")
    assert owner.status_code == 200


async def test_what_is_not_served_counts_like_anything_else(installation: Installation) -> None:
    paths = ["/v1/nothing", "/api/v1/nothing"]

    mine = [await installation.api.get(path) for path in paths]
    mine.append(await installation.api.put("/v1/posts"))
    unknown = await installation.api.get("/v1/nothing", headers={"authorization": ""})

    assert [answer.status_code for answer in mine] == [404, 404, 405]
    assert [allowance(answer) for answer in mine] == [
        (1_000, left, RESET) for left in (999, 998, 997)
    ]
    assert (unknown.status_code, allowance(unknown)) == (404, (120, 119, RESET))


async def test_who_has_no_requests_left_is_not_told_what_is_served(
    installation: Installation,
) -> None:
    await set_plan(installation, "free")
    await use_up(installation, {}, 120)

    answer = await installation.api.get("/v1/nothing")

    assert problem(answer)[:2] == (429, "RATE_LIMITED")
    assert answer.headers["retry-after"] == "60"


async def test_what_needs_no_key_is_not_counted(installation: Installation) -> None:
    answers = [await installation.api.get(path) for path in ("/healthz", "/api/openapi.json", "/")]

    assert not any("x-ratelimit-limit" in answer.headers for answer in answers)


@statements("P3")
async def test_a_call_for_many_posts_is_one_request(installation: Installation) -> None:
    native = {"content": "Hello", "accountIds": [installation.account("MASTODON")]}
    number = installation.accounts["MASTODON"].number
    other = {"content": "Hello", "account_ids": [number], "draft": True}
    calls = {
        "/v1/posts/bulk": {"posts": [native] * 50},
        "/api/v1/posts/bulk": {"posts": [other] * 50},
        "/api/v1/posts/retry-failed": {"account_id": number},
    }

    answers = [await installation.api.post(path, json=body) for path, body in calls.items()]

    assert [answer.status_code for answer in answers] == [207, 201, 200]
    assert [allowance(answer)[1] for answer in answers] == [999, 998, 997]


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
async def test_two_processes_let_through_what_one_would(installation: Installation) -> None:
    await set_plan(installation, "free")
    db = open_database(installation.services.settings)
    other = replace(installation.services, db=db, gate=open_gate(db), strangers=MemoryWindow())
    headers = {"authorization": f"Bearer {installation.key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app(other)),
        base_url="http://other.test",
        headers=headers,
    ) as api:
        answers = await asyncio.gather(
            *(each.get("/v1/health") for each in (installation.api, api) for _ in range(80))
        )
    await db.close()

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 120, 429: 40}
    left = sorted(allowance(answer)[1] for answer in answers if answer.status_code == 200)
    assert left == list(range(120))


async def test_the_limit_is_the_plans(installation: Installation) -> None:
    limits = {}

    for plan in PLANS:
        await set_plan(installation, plan)
        limits[plan] = allowance(await installation.api.get("/v1/health"))[0]

    assert limits == {"free": 120, "starter": 200, "pro": 500, "agency": 1_000}
