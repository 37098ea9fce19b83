"""What becomes of a comment that does not go through at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from comments.conftest import connected
from comments.under_posts import (
    Looking,
    comment_of,
    commenter,
    lease_over,
    published,
    row_of,
    types_of_events,
    until_ended,
)
from installation import START, Installation
from oncue.accounts.models import AccountSecret
from oncue.connectors.registry import CONNECTORS
from oncue.lib.http import Answer, NeverAnswered, NeverSent
from oncue.posts.models import Comment
from oncue.publishing import comments
from oncue.publishing.conducting import MAX_RUNS
from oncue.workspaces.models import Workspace
from scripted_networks import Stand, Trouble, said

pytestmark = pytest.mark.anyio

BUSY = Trouble(said(503))
LOST = Trouble(NeverAnswered("cut off"), accepted=True)


@pytest.mark.parametrize("trouble", [BUSY, Trouble(said(429)), Trouble(NeverSent("no name"))])
async def test_what_may_pass_is_tried_again_after_2_4_and_8_minutes(
    installation: Installation, stand: Stand, trouble: Trouble
) -> None:
    stand.trouble("POST comments", *[trouble] * 3)
    post = await published(installation, "LINKEDIN")
    times = []

    while (row := await row_of(installation, post)) and row.due_at is not None:
        installation.clock.now = row.due_at
        times.append(installation.clock() - START)
        await installation.errands()

    assert times == [timedelta(minutes=minutes) for minutes in (0, 2, 6, 14)]
    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


async def test_the_fourth_refusal_is_the_last(installation: Installation, stand: Stand) -> None:
    stand.trouble("POST comments", *[BUSY] * 4)
    post = await published(installation, "LINKEDIN")

    await installation.errands()
    meanwhile = await comment_of(installation, post)
    await until_ended(installation)

    failed = await comment_of(installation, post)
    assert (meanwhile["status"], failed["status"]) == ("pending", "failed")
    assert meanwhile["error"] == failed["error"] == "LinkedIn answered with status 503"
    assert [name for name in await types_of_events(installation, post) if "comment" in name] == [
        "post.comment.failed"
    ]
    assert stand.comments() == []


async def test_the_network_may_ask_for_more_time(installation: Installation, stand: Stand) -> None:
    slow = Answer(status=429, headers={"retry-after": "3600"}, body={})
    stand.trouble("POST comments", Trouble(slow))
    post = await published(installation, "LINKEDIN")

    await installation.errands()

    row = await row_of(installation, post)
    assert row is not None
    assert row.due_at == START + timedelta(hours=1)


async def test_where_posts_are_not_tried_again_by_themselves_comments_are_not(
    installation: Installation, stand: Stand
) -> None:
    await change(installation, update(Workspace).values(auto_retry=False))
    stand.trouble("POST comments", BUSY)
    post = await published(installation, "LINKEDIN")

    await installation.errands()

    assert (await comment_of(installation, post))["status"] == "failed"


async def test_a_revoked_account_is_marked_and_the_comment_given_up(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST comments", Trouble(said(401)))
    post = await published(installation, "LINKEDIN")

    await until_ended(installation)

    answer = await installation.api.get(f"/v1/accounts/{installation.account('LINKEDIN')}")
    assert (await comment_of(installation, post))["status"] == "failed"
    assert answer.json()["status"] == "expired"


async def test_an_account_that_was_connected_anew_meanwhile_is_commented_with(
    installation: Installation, stand: Stand
) -> None:
    async def connect() -> None:
        stand.after.clear()
        await connected(installation, "LINKEDIN")

    stand.trouble("POST comments", Trouble(said(401)))
    stand.after["POST comments"] = connect
    post = await published(installation, "LINKEDIN")

    await installation.errands()

    answer = await installation.api.get(f"/v1/accounts/{installation.account('LINKEDIN')}")
    row = await row_of(installation, post)
    assert row is not None
    assert ((await comment_of(installation, post))["status"], row.retry_count) == ("published", 0)
    assert answer.json()["status"] == "active"
    assert len(stand.comments()) == 1


async def test_without_credentials_it_is_the_account_that_is_to_blame(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "TIKTOK")
    await change(installation, AccountSecret.__table__.delete())  # type: ignore[attr-defined]

    await until_ended(installation)

    comment = await comment_of(installation, post)
    assert (comment["status"], stand.comments()) == ("failed", [])
    assert "connected again" in comment["error"]


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_outcome_that_nobody_can_find_out_is_said_and_never_sent_again(
    installation: Installation, stand: Stand, *, accepted: bool
) -> None:
    stand.trouble("POST comments", Trouble(NeverAnswered("cut off"), accepted=accepted))
    post = await published(installation, "TIKTOK")

    await until_ended(installation)
    installation.clock.advance(hours=2)
    await until_ended(installation)

    comment = await comment_of(installation, post)
    assert comment["status"] == "failed"
    assert comment["error"].startswith("OUTCOME_UNKNOWN: TikTok did not answer")
    assert len(stand.bodies("TIKTOK", "POST comments")) == 1
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_what_was_not_answered_is_looked_for_and_found(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST comments", LOST)
    post = await published(installation, "INSTAGRAM")

    await installation.errands()
    parked = await row_of(installation, post)
    await until_ended(installation)

    assert parked is not None
    assert (parked.state, parked.due_at) == ("waiting", START + timedelta(seconds=15))
    [made] = stand.comments()
    assert await comment_of(installation, post) == {
        "status": "published",
        "commentId": made.id,
        "error": None,
    }


async def test_what_left_no_trace_is_sent_once_more(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST comments", Trouble(NeverAnswered("cut off")))
    post = await published(installation, "INSTAGRAM")

    await until_ended(installation)

    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1
    assert installation.clock() - START >= timedelta(seconds=255)


async def test_the_same_comment_of_somebody_else_s_post_is_not_taken_for_ours(
    installation: Installation, stand: Stand
) -> None:
    stand.trouble("POST comments", LOST, LOST)
    first = await published(installation, "INSTAGRAM")
    second = await published(installation, "INSTAGRAM")

    await until_ended(installation)

    made = {each.parent: each.id for each in stand.comments()}
    shown = {
        post["platforms"][0]["platformPostId"]: (await comment_of(installation, post))["commentId"]
        for post in (first, second)
    }
    assert len(stand.comments()) == 2
    assert shown == made


async def test_a_refusal_after_the_comment_is_out_does_not_send_it_twice(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "LINKEDIN", Looking())
    stand.trouble("GET me", BUSY, Trouble(said(200, id="7")))
    post = await published(installation, "LINKEDIN")

    await until_ended(installation)

    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


async def test_a_bug_of_ours_puts_a_comment_off_and_ends_nothing(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise KeyError("a bug")

    post = await published(installation, "LINKEDIN")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("oncue.publishing.comments.Commenter.conduct", broken)
        await installation.errands()
    put_off = await comment_of(installation, post)

    await until_ended(installation)

    assert put_off["status"] == "publishing"
    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


@pytest.mark.parametrize("open_step", [True, False])
async def test_a_comment_that_brings_down_every_worker_is_given_up(
    installation: Installation, stand: Stand, *, open_step: bool
) -> None:
    if open_step:
        stand.trouble("POST comments", Trouble(NeverAnswered("cut off")))
    post = await published(installation, "INSTAGRAM")
    if open_step:
        await installation.errands()
    await change(installation, update(Comment).values(runs=MAX_RUNS))

    await until_ended(installation)

    error = (await comment_of(installation, post))["error"]
    assert "never ended" in error
    assert error.startswith("OUTCOME_UNKNOWN") is open_step
    assert stand.comments() == []


async def test_a_comment_that_is_out_is_published_even_when_every_worker_died_before_saying_so(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await published(installation, "INSTAGRAM")

    def broken(*_args: object) -> None:
        raise KeyError("a bug, of all moments after the network accepted")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("oncue.publishing.comments.settle", broken)
        await installation.errands()
    await change(installation, update(Comment).values(runs=MAX_RUNS))

    await until_ended(installation)

    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


async def change(oncue: Installation, statement: Any) -> None:
    def work(session: Session) -> None:
        session.execute(statement)

    await oncue.db.write(work)


async def test_a_slow_network_holds_up_nobody_else(
    installation: Installation, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "LOOK_SECONDS", 0.01)
    arrived, go_on, later = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await go_on.wait()

    stand.before["POST publish"] = wait
    stand.after["POST comments"] = set_(later)
    slow = await published(installation, "THREADS")
    acting = asyncio.create_task(commenter(installation).act())
    await asyncio.wait_for(arrived.wait(), 20)

    quick = await published(installation, "LINKEDIN")
    await asyncio.wait_for(later.wait(), 20)
    meanwhile = await comment_of(installation, slow)
    go_on.set()
    await asyncio.wait_for(acting, 20)

    assert meanwhile["status"] == "publishing"
    for post in (slow, quick):
        assert (await comment_of(installation, post))["status"] == "published"


def set_(event: asyncio.Event) -> Any:
    async def act() -> None:
        event.set()

    return act


@pytest.mark.parametrize("ends_in_time", [True, False])
async def test_a_process_that_stops_lets_a_comment_end_or_hands_it_back(
    installation: Installation,
    stand: Stand,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ends_in_time: bool,
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await go_on.wait()

    stand.after["POST comments"] = wait
    if not ends_in_time:
        monkeypatch.setattr(comments, "GRACE_SECONDS", 0.01)
    post = await published(installation, "INSTAGRAM")
    acting = asyncio.create_task(commenter(installation).act())
    await asyncio.wait_for(arrived.wait(), 20)

    acting.cancel()
    if ends_in_time:
        await asyncio.sleep(0)
        go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(acting, 20)
    left = await row_of(installation, post)
    stand.after.clear()
    await until_ended(installation)

    assert left is not None
    assert (left.state, left.due_at) == (
        ("published", None) if ends_in_time else ("waiting", START)
    )
    assert (await comment_of(installation, post))["status"] == "published"
    assert len(stand.comments()) == 1


async def test_a_lease_that_is_over_lets_another_run_begin(
    installation: Installation, stand: Stand
) -> None:
    post = await published(installation, "LINKEDIN")
    await change(installation, update(Comment).values(state="sending", due_at=START, fence=4))
    await lease_over(installation)

    await installation.errands()

    assert (await comment_of(installation, post))["status"] == "published"
