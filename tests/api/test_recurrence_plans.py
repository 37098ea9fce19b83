"""How many rules a plan has room for, and which of them count."""

import asyncio

import pytest

from api.answers import problem
from installation import Installation
from recurrence.repeating import ask, change, path, put_on, repeated
from statements import statements

pytestmark = pytest.mark.anyio


@statements("V271", "V272", "V273")
@pytest.mark.parametrize(("plan", "limit"), [("free", 0), ("starter", 3)])
async def test_a_plan_has_so_many_active_rules_however_many_ask_at_once(
    installation: Installation, plan: str, limit: int
) -> None:
    posts = [await installation.publish("MASTODON") for _ in range(5)]
    await put_on(installation, plan)

    answers = await asyncio.gather(*(ask(installation, post) for post in posts))

    refused = [problem(answer) for answer in answers if answer.status_code != 201]
    facts = {"resource": "active recurring rules", "plan": plan, "limit": limit, "used": limit}
    assert refused == [(402, "LIMIT_EXCEEDED", facts)] * (5 - limit)


@statements("V272")
async def test_a_rule_that_rests_gives_its_place_away_and_has_to_find_one_to_go_on(
    installation: Installation,
) -> None:
    first, *others = [await installation.publish("MASTODON") for _ in range(4)]
    await put_on(installation, "starter")
    await ask(installation, first)
    await change(installation, first, enabled=False)

    made = [(await ask(installation, post)).status_code for post in others]
    resumed = await installation.api.patch(path(first), json={"enabled": True})
    await installation.api.delete(path(others[0]))
    again = await installation.api.patch(path(first), json={"enabled": True})

    assert made == [201] * 3
    assert problem(resumed)[:2] == (402, "LIMIT_EXCEEDED")
    assert again.json()["nextRunAt"] == "2026-11-22T12:30:00.000Z"


@statements("V273")
@pytest.mark.parametrize("plan", ["pro", "agency"])
async def test_other_plans_have_as_many_as_one_likes(installation: Installation, plan: str) -> None:
    await put_on(installation, plan)

    for _ in range(4):
        await repeated(installation)
