"""A comment that failed is sent again when somebody asks for it; one that may be out never is."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from api.answers import problem
from comments.under_posts import (
    Looking,
    comment_of,
    published,
    row_of,
    types_of_events,
    until_ended,
)
from installation import Installation
from oncue.connectors.registry import CONNECTORS
from oncue.lib.http import NeverAnswered
from scripted_networks import Stand, Trouble, said

pytestmark = pytest.mark.anyio

NO = Trouble(said(403))
BUSY = Trouble(said(503))


async def ask(oncue: Installation, post: Mapping[str, Any], platform: int = 0) -> httpx.Response:
    named = post["platforms"][platform]["id"]
    return await oncue.api.post(f"/v1/posts/{post['id']}/platforms/{named}/retry-comment")


async def failed(oncue: Installation, stand: Stand, platform: str = "LINKEDIN") -> dict[str, Any]:
    """A published post whose comment was refused for good."""
    stand.trouble("POST comments", NO)
    post = await published(oncue, platform)
    await oncue.errands()
    assert (await comment_of(oncue, post))["status"] == "failed"
    return await oncue.get(post["id"])


async def test_a_failed_comment_goes_out_at_once_and_its_post_stays_as_it_is(
    installation: Installation, stand: Stand
) -> None:
    post = await failed(installation, stand)
    installation.clock.advance(hours=1)

    answer = await ask(installation, post)
    await installation.errands()

    [platform] = post["platforms"]
    waiting = {"status": "pending", "commentId": None, "error": None}
    assert answer.status_code == 200
    assert answer.json() == post | {"platforms": [platform | {"firstComment": waiting}]}
    [made] = stand.comments()
    out = {"status": "published", "commentId": made.id, "error": None}
    assert await installation.get(post["id"]) == post | {
        "platforms": [platform | {"firstComment": out}]
    }
    assert [name for name in await types_of_events(installation, post) if "comment" in name] == [
        "post.comment.failed",
        "post.comment.retried",
        "post.comment.published",
    ]


async def test_what_it_says_of_a_retry_names_the_destination(
    installation: Installation, stand: Stand
) -> None:
    post = await failed(installation, stand)

    await ask(installation, post)

    latest = (await installation.api.get(f"/v1/posts/{post['id']}/events/latest")).json()
    assert (latest["type"], latest["data"]) == (
        "post.comment.retried",
        {
            "postPlatformId": post["platforms"][0]["id"],
            "accountId": installation.account("LINKEDIN"),
            "platform": "linkedin",
        },
    )


async def test_it_is_tried_as_often_as_a_new_one(installation: Installation, stand: Stand) -> None:
    stand.trouble("POST comments", *[BUSY] * 7)
    post = await published(installation, "LINKEDIN")
    await until_ended(installation)
    asked_at = installation.clock()

    await ask(installation, post)
    await until_ended(installation)

    assert (await comment_of(installation, post))["status"] == "published"
    assert installation.clock() - asked_at == timedelta(minutes=14)
    assert len(stand.comments()) == 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_one_that_may_be_out_is_never_sent_again(
    installation: Installation, stand: Stand, *, accepted: bool
) -> None:
    stand.trouble("POST comments", Trouble(NeverAnswered("cut off"), accepted=accepted))
    post = await published(installation, "TIKTOK")
    await until_ended(installation)
    before = await comment_of(installation, post)

    answer = await ask(installation, post)
    await until_ended(installation)

    assert problem(answer) == (409, "CONFLICT", None)
    assert "look on the network" in answer.json()["error"]["message"]
    assert await comment_of(installation, post) == before
    assert len(stand.bodies("TIKTOK", "POST comments")) == 1


async def test_what_was_out_before_the_refusal_is_not_sent_twice(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "LINKEDIN", Looking())
    stand.trouble("GET me", NO, Trouble(said(200, id="7")))
    post = await published(installation, "LINKEDIN")
    await until_ended(installation)
    before = await comment_of(installation, post)

    await ask(installation, post)
    await until_ended(installation)

    assert before["status"] == "failed"
    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


@pytest.mark.parametrize("sent", [False, True])
async def test_one_that_has_not_failed_is_left_alone(
    installation: Installation, stand: Stand, *, sent: bool
) -> None:
    post = await published(installation, "LINKEDIN")
    if sent:
        await installation.errands()
    before = await row_of(installation, post)

    answer = await ask(installation, post)

    state = "published" if sent else "pending"
    assert problem(answer) == (409, "CONFLICT", {"status": state})
    after = await row_of(installation, post)
    assert before is not None
    assert after is not None
    assert after.fence == before.fence


async def test_where_there_is_no_comment_there_is_none_to_retry(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "MASTODON")
    others = await failed(installation, stand)

    answers = [
        await ask(installation, post),
        await ask(installation, {"id": others["id"], "platforms": post["platforms"]}),
    ]

    assert [problem(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 2


@pytest.mark.parametrize("taken_back", ["unpublish", "archive"])
async def test_under_a_post_that_was_taken_back_nothing_is_written(
    installation: Installation, stand: Stand, taken_back: str
) -> None:
    post = await failed(installation, stand)
    await installation.api.post(f"/v1/posts/{post['id']}/{taken_back}")

    answer = await ask(installation, post)
    await installation.errands()

    assert problem(answer)[:2] == (409, "CONFLICT")
    assert stand.comments() == []


async def test_a_post_that_is_taken_back_takes_a_retried_comment_along(
    installation: Installation, stand: Stand
) -> None:
    post = await failed(installation, stand)
    await ask(installation, post)

    await installation.api.post(f"/v1/posts/{post['id']}/archive")
    await installation.errands()

    assert (await comment_of(installation, post))["status"] == "cancelled"
    assert stand.comments() == []


async def test_where_the_post_itself_failed_it_is_not_commented_on(
    installation: Installation, stand: Stand
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    stand.trouble("POST comments", NO)
    post = await installation.publish("LINKEDIN", "MASTODON", firstComment="First!")
    await installation.errands()

    answers = [await ask(installation, post, number) for number in (0, 1)]

    assert post["status"] == "partial"
    assert [answer.status_code for answer in answers] == [200, 409]
    assert "failed" in answers[1].json()["error"]["message"]


async def test_asked_twice_with_one_key_it_is_sent_once(
    installation: Installation, stand: Stand
) -> None:
    post = await failed(installation, stand)
    path = f"/v1/posts/{post['id']}/platforms/{post['platforms'][0]['id']}/retry-comment"

    first, second = [
        await installation.api.post(path, headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]
    await until_ended(installation)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert len(stand.comments()) == 1
