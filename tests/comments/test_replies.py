"""GET /v1/posts/:id/replies: read from the network where it has them, and empty elsewhere."""

from typing import Any

import pytest

from api.answers import NOBODY, problem
from comments.conftest import connected
from installation import Installation
from oncue.lib import ids
from oncue.lib.http import NeverAnswered, NeverSent
from scripted_networks import Stand, Trouble, reply, said
from statements import statements

pytestmark = pytest.mark.anyio


async def replies(oncue: Installation, post: dict[str, Any]) -> Any:
    answer = await oncue.api.get(f"/v1/posts/{post['id']}/replies")
    assert answer.status_code == 200, answer.text
    return answer.json()


@statements("V297", "V300")
async def test_replies_are_those_of_the_network(installation: Installation, stand: Stand) -> None:
    stand.replies = [reply(1), reply(2)]
    post = await installation.publish("MASTODON", "THREADS")

    told = await replies(installation, post)

    assert told == {
        "data": [
            {
                "id": str(number),
                "text": f"Reply {number}",
                "username": "maria",
                "timestamp": f"2026-11-22T12:0{number}:00.000Z",
                "permalink": f"https://www.threads.net/@maria/post/{number}",
            }
            for number in (1, 2)
        ]
    }


@statements("V299")
async def test_at_most_25_are_told(installation: Installation, stand: Stand) -> None:
    stand.replies = [reply(number) for number in range(1, 41)]
    other = await connected(installation, "THREADS", "another")
    installation.accounts["another"] = other
    post = await installation.publish("THREADS", "another")

    told = (await replies(installation, post))["data"]

    assert [each["id"] for each in told] == [str(number) for number in range(1, 26)]
    assert len(stand.bodies("THREADS", "GET replies")) == 1


@statements("V299")
async def test_the_second_account_fills_what_the_first_leaves(
    installation: Installation, stand: Stand
) -> None:
    stand.replies = [reply(number) for number in range(1, 21)]
    other = await connected(installation, "THREADS", "another")
    installation.accounts["another"] = other
    post = await installation.publish("THREADS", "another")

    told = (await replies(installation, post))["data"]

    assert [each["id"] for each in told] == [str(n) for n in [*range(1, 21), *range(1, 6)]]


@statements("V297")
async def test_a_post_that_is_not_out_there_has_none(
    installation: Installation, stand: Stand
) -> None:
    stand.replies = [reply(1)]
    elsewhere = await installation.publish("MASTODON")
    draft = await installation.create("THREADS")
    taken_back = await installation.publish("THREADS")
    await installation.api.post(f"/v1/posts/{taken_back['id']}/unpublish")

    told = [await replies(installation, post) for post in (elsewhere, draft, taken_back)]

    assert told == [{"data": []}] * 3
    assert stand.bodies("THREADS", "GET replies") == []


@statements("V298")
@pytest.mark.parametrize("status", [400, 401, 403])
async def test_an_account_that_may_not_read_them_has_none(
    installation: Installation, stand: Stand, status: int
) -> None:
    stand.replies = [reply(1)]
    stand.trouble("GET replies", Trouble(said(status, code="threads_read_replies")))
    post = await installation.publish("THREADS")

    assert await replies(installation, post) == {"data": []}


@statements("V298")
async def test_an_account_that_has_to_be_connected_again_has_none(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("GET replies", Trouble(said(401)))
    post = await installation.publish("THREADS")

    assert await replies(installation, post) == {"data": []}


@pytest.mark.parametrize(
    "trouble", [NeverSent("no name"), NeverAnswered("cut off"), said(500), said(503), said(429)]
)
async def test_a_network_that_does_not_answer_is_not_said_to_have_none(
    installation: Installation, stand: Stand, trouble: Any
) -> None:
    stand.trouble("GET replies", Trouble(trouble))
    post = await installation.publish("THREADS")

    answer = await installation.api.get(f"/v1/posts/{post['id']}/replies")

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)


async def test_an_answer_that_cannot_be_read_is_none(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("GET replies", Trouble(said(200, nothing="here")))
    post = await installation.publish("THREADS")

    answer = await installation.api.get(f"/v1/posts/{post['id']}/replies")

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)


@statements("V14")
async def test_whoever_may_read_posts_may_read_their_replies_and_nobody_else(
    installation: Installation,
) -> None:
    post = await installation.publish("MASTODON")
    stranger = await installation.new_key(workspace_id=await installation.new_workspace())
    statuses = {}

    for name, key in {
        "posts:read": await installation.new_key("posts:read"),
        "accounts:read": await installation.new_key("accounts:read"),
        "a stranger's": stranger,
    }.items():
        headers = {"authorization": f"Bearer {key}"}
        answer = await installation.api.get(f"/v1/posts/{post['id']}/replies", headers=headers)
        statuses[name] = answer.status_code

    assert statuses == {"posts:read": 200, "accounts:read": 403, "a stranger's": 404}


async def test_an_unknown_post_has_no_replies_to_ask_for(installation: Installation) -> None:
    nobody = ids.to_typeid("post", NOBODY)

    answer = await installation.api.get(f"/v1/posts/{nobody}/replies")

    assert problem(answer)[:2] == (404, "NOT_FOUND")
