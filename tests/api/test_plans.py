"""How many posts a workspace may have: a month, and a day on a network; 402 beyond."""

import asyncio
from collections import Counter
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import update

from api.answers import Problem, problem, rows
from installation import Installation
from oncue.workspaces.models import Workspace
from statements import statements

pytestmark = pytest.mark.anyio

LATER = "2026-11-23T09:00:00Z"
PAST = "2020-01-01T00:00:00Z"


async def allow(installation: Installation, **limits: object) -> None:
    """Set limits of the workspace, by their columns."""
    await installation.db.write(
        lambda session: session.execute(
            update(Workspace).where(Workspace.id == installation.workspace_id).values(**limits)
        )
    )


async def create(installation: Installation, *platforms: str, **fields: Any) -> httpx.Response:
    named = [installation.account(platform) for platform in platforms]
    body = {"content": "Hello", "accountIds": named} | fields
    return await installation.api.post("/v1/posts", json=body)


def thread(length: int) -> dict[str, Any]:
    return {
        "threadPosts": [{"sequence": n, "content": f"{n}/"} for n in range(1, length + 1)],
        "contentType": "THREAD",
    }


def exceeded(resource: str, limit: int, used: int) -> Problem:
    facts = {"resource": resource, "plan": "agency", "limit": limit, "used": used}
    return 402, "LIMIT_EXCEEDED", facts


async def test_a_months_posts_are_so_many(installation: Installation) -> None:
    await allow(installation, posts_per_month=2)
    within = [await create(installation, "MASTODON", "TWITTER") for _ in range(2)]
    before = await rows(installation)

    beyond = await create(installation, "MASTODON")

    assert [answer.status_code for answer in within] == [201, 201]
    assert problem(beyond) == exceeded("posts a month", 2, 2)
    assert await rows(installation) == before
    installation.clock.advance(days=8, hours=11, minutes=59)  # 23:59 on the last day
    assert problem(await create(installation, "MASTODON")) == exceeded("posts a month", 2, 2)
    installation.clock.advance(minutes=1)
    assert (await create(installation, "MASTODON")).status_code == 201


@statements("V110")
async def test_each_item_of_a_thread_counts(installation: Installation) -> None:
    await allow(installation, posts_per_month=5)

    first = await create(installation, "TWITTER", **thread(3))
    beyond = await create(installation, "TWITTER", **thread(3))
    rest = await create(installation, "TWITTER", **thread(2))
    nothing = await create(installation, "TWITTER")

    assert [answer.status_code for answer in (first, rest)] == [201, 201]
    assert problem(beyond) == exceeded("posts a month", 5, 3)
    assert problem(nothing) == exceeded("posts a month", 5, 5)


@statements("V110")
async def test_a_thread_is_many_posts_of_a_day_only_where_there_are_threads(
    installation: Installation,
) -> None:
    await allow(installation, posts_per_day={"TWITTER": 4, "MASTODON": 2})

    first = await create(installation, "TWITTER", "MASTODON", **thread(3))
    beyond = await create(installation, "TWITTER", "MASTODON", **thread(2))
    rest = await create(installation, "TWITTER", "MASTODON")
    mastodon = await create(installation, "MASTODON")
    elsewhere = await create(installation, "BLUESKY")

    assert [answer.status_code for answer in (first, rest, elsewhere)] == [201, 201, 201]
    assert problem(beyond) == exceeded("TWITTER posts a day", 4, 3)
    assert problem(mastodon) == exceeded("MASTODON posts a day", 2, 2)
    installation.clock.advance(hours=12)
    assert (await create(installation, "MASTODON")).status_code == 201


@statements("V110")
async def test_a_change_that_makes_a_post_weigh_more_counts_too(
    installation: Installation,
) -> None:
    await allow(installation, posts_per_month=4, posts_per_day={"MASTODON": 1, "TWITTER": 4})
    post = (await create(installation, "TWITTER", **thread(2))).json()
    await create(installation, "MASTODON")
    path, both = f"/v1/posts/{post['id']}", ["TWITTER", "MASTODON"]

    longer = await installation.api.patch(path, json=thread(4))
    wider = await installation.api.patch(
        path, json={"accountIds": [installation.account(platform) for platform in both]}
    )
    unchanged = await installation.get(post["id"])
    three = await installation.api.patch(path, json=thread(3))
    beyond = await create(installation, "BLUESKY")
    shorter = await installation.api.patch(path, json={"threadPosts": [], "contentType": "TEXT"})
    freed = [await create(installation, "BLUESKY") for _ in range(3)]

    assert problem(longer) == exceeded("posts a month", 4, 3)
    assert problem(wider) == exceeded("MASTODON posts a day", 1, 1)
    assert unchanged == post
    assert [answer.status_code for answer in (three, shorter)] == [200, 200]
    assert problem(beyond) == exceeded("posts a month", 4, 4)
    assert [answer.status_code for answer in freed] == [201, 201, 402]


async def test_a_change_that_weighs_no_more_is_possible_at_the_limit(
    installation: Installation,
) -> None:
    await allow(installation, posts_per_month=1, posts_per_day={"TWITTER": 1})
    post = (await create(installation, "TWITTER")).json()
    await allow(installation, posts_per_month=0, posts_per_day={"TWITTER": 0})

    same = {"accountIds": [installation.account("TWITTER")], "content": "Another"}
    answer = await installation.api.patch(f"/v1/posts/{post['id']}", json=same)

    assert (answer.status_code, answer.json()["content"]) == (200, "Another")


async def test_a_copy_is_a_post_as_heavy_as_the_first(installation: Installation) -> None:
    await allow(installation, posts_per_month=5)
    post = (await create(installation, "TWITTER", **thread(3))).json()

    answer = await installation.api.post(f"/v1/posts/{post['id']}/clone")

    assert problem(answer) == exceeded("posts a month", 5, 3)


@statements("V262", "P4", "P18")
async def test_of_many_posts_those_count_that_are_made(installation: Installation) -> None:
    await allow(installation, posts_per_month=3)
    good = {"content": "Hello", "accountIds": [installation.account("MASTODON")]}
    bad = good | {"scheduledFor": PAST}

    answer = await installation.api.post(
        "/v1/posts/bulk", json={"posts": [good, bad, good, bad, good, good]}
    )

    results = answer.json()["results"]
    assert answer.status_code == 207
    assert [result["status"] for result in results] == [
        *("created", "failed", "created", "failed", "created"),
        "failed",
    ]
    assert results[5]["errors"][0]["code"] == "LIMIT_EXCEEDED"


@statements("V262")
async def test_posts_that_are_only_tried_count_nothing(installation: Installation) -> None:
    await allow(installation, posts_per_month=2)
    good = {"content": "Hello", "accountIds": [installation.account("MASTODON")]}

    tried = await installation.api.post(
        "/v1/posts/bulk", json={"posts": [good] * 3, "dryRun": True}
    )
    none = await installation.api.post("/v1/posts/bulk", json={"posts": [good] * 3, "atomic": True})
    made = await installation.api.post("/v1/posts/bulk", json={"posts": [good] * 2})

    statuses = [result["status"] for result in tried.json()["results"]]
    assert (tried.status_code, statuses) == (200, ["valid", "valid", "failed"])
    assert none.status_code == 422
    assert made.json()["created"] == 2


@statements("P4", "P17", "P18")
async def test_in_the_other_dialect_the_first_posts_of_a_day_are_made(
    installation: Installation,
) -> None:
    await allow(installation, posts_per_day={"MASTODON": 2})
    mastodon, bluesky = (installation.accounts[p].number for p in ("MASTODON", "BLUESKY"))
    posts = [
        {"content": "Hello", "account_ids": [number], "scheduled_for": LATER}
        for number in (mastodon, mastodon, mastodon, bluesky)
    ]

    answer = await installation.api.post("/api/v1/posts/bulk", json={"posts": posts})

    results = answer.json()["data"]["results"]
    assert answer.status_code == 207
    assert [result["ok"] for result in results] == [True, True, False, True]
    assert results[2]["error"] == {
        "code": "limit_exceeded",
        "message": "The plan agency has 2 MASTODON posts a day; 2 are in use",
    }


async def test_requests_at_once_do_not_share_the_last_place(installation: Installation) -> None:
    await allow(installation, posts_per_month=3)

    answers = await asyncio.gather(*(create(installation, "MASTODON") for _ in range(10)))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 402: 7}


async def test_another_workspaces_posts_are_its_own(installation: Installation) -> None:
    await allow(installation, posts_per_month=1)
    elsewhere = await installation.new_workspace()
    account = await installation.new_account("MASTODON", "stranger", elsewhere)
    theirs = {"authorization": f"Bearer {await installation.new_key(workspace_id=elsewhere)}"}
    body = {"content": "Hello", "accountIds": [str(account.id)]}
    for _ in range(2):
        made = await installation.api.post("/v1/posts", json=body, headers=theirs)
        assert made.status_code == 201

    assert (await create(installation, "MASTODON")).status_code == 201
