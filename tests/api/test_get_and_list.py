"""GET /v1/posts and /v1/posts/:id: one post, pages of them, and what narrows a page."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.answers import NOBODY, SCENES, invalid, problem, put_in
from installation import Installation
from oncue.lib import ids
from oncue.posts.lifecycle import Status
from statements import statements

pytestmark = pytest.mark.anyio


async def listed(installation: Installation, **query: str | int) -> Mapping[str, Any]:
    """A page as it is answered."""
    answer = await installation.api.get("/v1/posts", params=query)
    assert answer.status_code == 200, answer.text
    page: Mapping[str, Any] = answer.json()
    return page


async def found(installation: Installation, **query: str | int) -> list[str]:
    """The contents of the posts on the first page."""
    return [post["content"] for post in (await listed(installation, **query))["data"]]


@statements("V111")
async def test_a_post_is_read_as_it_was_answered(installation: Installation) -> None:
    created = await installation.create("TWITTER", "MASTODON", tags=["a"])
    uuid = ids.from_typeid("post", created["id"])

    assert await installation.get(created["id"]) == created
    assert await installation.get(str(uuid)) == created


@statements("V111")
async def test_an_unknown_post_is_not_found_and_another_workspaces_neither(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    stranger = await installation.new_key(workspace_id=await installation.new_workspace())
    unknown = ids.to_typeid("post", NOBODY)

    missed = await installation.api.get(f"/v1/posts/{unknown}")
    foreign = await installation.api.get(
        f"/v1/posts/{post['id']}", headers={"authorization": f"Bearer {stranger}"}
    )

    assert problem(missed) == problem(foreign) == (404, "NOT_FOUND", None)
    assert missed.text.replace(unknown, "…") == foreign.text.replace(post["id"], "…")


async def test_what_is_no_post_id_is_said_to_be_none(installation: Installation) -> None:
    account = installation.account("MASTODON")
    wrong = ["1", "post_", "post_1", account, "post_" + "z" * 26, "%00", "🎉", "post_%00"]

    refused = [problem(await installation.api.get(f"/v1/posts/{text}")) for text in wrong]

    assert refused == [invalid("post_id")] * len(wrong)


@statements("V112", "V116", "V120")
async def test_a_list_is_a_page_of_whole_posts_newest_first(installation: Installation) -> None:
    older = await installation.create("MASTODON", content="older")
    installation.clock.advance(seconds=1)
    newer = await installation.create("TWITTER", content="newer")

    page = await listed(installation)

    assert page == {
        "data": [newer, older],
        "pagination": {
            "next_cursor": None,
            "has_more": False,
            "limit": 20,
            "nextCursor": None,
            "hasMore": False,
        },
    }


@statements("V117", "V118", "V119", "V120")
async def test_pages_follow_each_other_without_overlap_or_gap(installation: Installation) -> None:
    made = [(await installation.create("MASTODON"))["id"] for _ in range(7)]  # all in one instant
    read: list[str] = []
    query: dict[str, str | int] = {"limit": 3}
    more: list[bool] = []

    while not more or more[-1]:
        page = await listed(installation, **query)
        read += [post["id"] for post in page["data"]]
        turn = page["pagination"]
        assert turn["limit"] == 3
        assert (turn["nextCursor"], turn["hasMore"]) == (turn["next_cursor"], turn["has_more"])
        query["cursor"] = turn["next_cursor"]
        more.append(turn["has_more"])

    assert read == made[::-1]
    assert more == [True, True, False]
    assert query["cursor"] is None


@statements("V118")
async def test_posts_that_come_and_go_do_not_shift_the_next_page(
    installation: Installation,
) -> None:
    oldest, middle, newest = [await installation.create("MASTODON") for _ in range(3)]
    page = await listed(installation, limit=2)

    await installation.create("MASTODON")
    await installation.api.delete(f"/v1/posts/{middle['id']}")  # the very place the cursor names
    following = await listed(installation, limit=2, cursor=page["pagination"]["next_cursor"])

    assert [post["id"] for post in page["data"]] == [newest["id"], middle["id"]]
    assert [post["id"] for post in following["data"]] == [oldest["id"]]


@statements("V113", "V121", "V187", "V194", "V195", "V289")
async def test_each_status_can_be_asked_for_and_archived_posts_only_so(
    installation: Installation,
) -> None:
    for status in SCENES:
        await put_in(installation, await installation.create("MASTODON", content=status), status)

    narrowed = {status: await found(installation, status=status) for status in SCENES}
    shouted = {status: await found(installation, status=status.upper()) for status in SCENES}

    everything = list(SCENES)[::-1]
    assert narrowed == shouted == {status: [status] for status in SCENES}
    assert await found(installation, status="all") == everything
    assert await found(installation) == [s for s in everything if s is not Status.ARCHIVED]


@statements("V114")
async def test_a_list_can_be_narrowed_to_a_platform_and_to_an_account(
    installation: Installation,
) -> None:
    second = await installation.new_account("MASTODON", "second")
    account_id = ids.to_typeid("acc", second.id)
    await installation.create("MASTODON", content="first")
    await installation.create("TWITTER", "MASTODON", content="both")
    await installation.create("TWITTER", content="X")
    await installation.create(accountIds=[account_id], content="second")

    assert await found(installation, platform="MASTODON") == ["second", "both", "first"]
    assert await found(installation, platform="twitter") == ["X", "both"]
    assert await found(installation, platform="BLUESKY") == []
    assert await found(installation, accountId=account_id) == ["second"]
    assert await found(installation, platform="twitter", status="scheduled") == []


@statements("V115")
async def test_from_and_to_look_at_the_scheduled_the_published_or_the_created_time(
    installation: Installation,
) -> None:
    await installation.create("MASTODON", content="draft of noon")
    await installation.create(
        "MASTODON", content="for 14:00", scheduledFor="2026-11-22T15:00:00+01:00"
    )
    draft = await installation.create("TWITTER", content="out at 13:00")
    installation.clock.advance(hours=1)
    await installation.api.post(f"/v1/posts/{draft['id']}/publish")
    await installation.run_due()

    async def between(since: str, until: str) -> list[str]:
        return await found(installation, **{"from": since, "to": until})

    assert await between("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z") == ["draft of noon"]
    assert await between("2026-11-22T13:00:00Z", "2026-11-22T13:59:59.999Z") == ["out at 13:00"]
    assert await between("2026-11-22T14:00:00+01:00", "2026-11-22T15:00:00+01:00") == [
        "out at 13:00",
        "for 14:00",
    ]
    assert await between("2026-11-22T14:00:00.001Z", "2027-01-01T00:00:00Z") == []


async def test_a_list_is_of_ones_own_workspace(installation: Installation) -> None:
    await installation.create("MASTODON")
    stranger = await installation.new_key(workspace_id=await installation.new_workspace())

    answer = await installation.api.get(
        "/v1/posts?status=all", headers={"authorization": f"Bearer {stranger}"}
    )

    assert answer.json()["data"] == []


async def test_another_workspaces_cursor_is_refused(installation: Installation) -> None:
    for _ in range(2):
        await installation.create("MASTODON")
    page = await listed(installation, limit=1)
    stranger = await installation.new_key(workspace_id=await installation.new_workspace())

    answer = await installation.api.get(
        "/v1/posts",
        params={"cursor": page["pagination"]["next_cursor"]},
        headers={"authorization": f"Bearer {stranger}"},
    )

    assert problem(answer) == invalid("cursor")


@statements("V113", "V114", "V115", "V117", "V118")
async def test_a_query_that_means_nothing_is_refused(installation: Installation) -> None:
    queries = {
        "limit=101": invalid("limit", limit=100),
        "limit=0": invalid("limit", limit=1),
        "limit=-1": invalid("limit", limit=1),
        "limit=many": invalid("limit"),
        "limit=1e400": invalid("limit"),
        "status=lost": invalid("status"),
        "status=": invalid("status"),
        "platform=MYSPACE": invalid("platform"),
        "accountId=1": invalid("accountId"),
        "from=yesterday": invalid("from"),
        "to=2026-01-01T00:00:00": invalid("to"),
        "cursor=": invalid("cursor"),
        "cursor=%00": invalid("cursor"),
        "cursor=W10": invalid("cursor"),  # []
        "cursor=WzEsMiwzXQ": invalid("cursor"),  # [1, 2, 3]
        "cursor=WyJhIiwxZTQwMCwiYiJd": invalid("cursor"),  # ["a", 1e400, "b"]
        "cursor=" + "x" * 501: invalid("cursor", maxLength=500, actualLength=501),
    }

    answers = {
        query: problem(await installation.api.get(f"/v1/posts?{query}")) for query in queries
    }

    assert answers == queries
