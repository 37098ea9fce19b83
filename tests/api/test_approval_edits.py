"""What was approved is the content as it was: an edit takes the approval away."""

import asyncio
from typing import Any

import pytest

from api.answers import put_in
from api.changing import patch, refusal
from api.deciding import act, approved, told
from installation import Installation
from oncue.posts.lifecycle import Status
from scenarios.stories import by_platform
from statements import statements

pytestmark = pytest.mark.anyio

AT_ONE = "2026-11-22T13:00:00.000Z"
AT_TWO = "2026-11-22T14:00:00.000Z"
MARKS = ("approvalRequestedAt", "approvedAt")


def seen(post: dict[str, Any]) -> tuple[str, str | None, bool]:
    """Status, time, and whether there is anything left of an approval."""
    return post["status"], post["scheduledFor"], any(post[mark] for mark in MARKS)


async def voided(installation: Installation, post: dict[str, Any]) -> int:
    return [type_ for type_, _ in await told(installation, post)].count("post.approval_voided")


@pytest.mark.parametrize("scheduled_for", [None, AT_ONE])
async def test_an_edit_of_a_post_that_waits_makes_it_a_draft(
    installation: Installation, scheduled_for: str | None
) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval", scheduledFor=scheduled_for)

    draft = await patch(installation, post, content="Other")

    assert seen(draft) == ("draft", None, False)
    assert draft["content"] == "Other"
    assert (await told(installation, post))[1:] == [
        ("post.approval_voided", {"status": "draft"}),
        ("post.updated", {"status": "draft"}),
    ]


@statements("V133")
@pytest.mark.parametrize(
    "fields",
    [
        {"content": "Other"},
        {"personaId": "other"},
        {"tags": ["x"], "scheduledFor": AT_TWO},
        {"clearSchedule": True},
        {"saveAsDraft": True},
        {"scheduledFor": None},
    ],
)
async def test_an_edit_of_a_post_that_approval_scheduled_stops_it(
    installation: Installation, fields: dict[str, object]
) -> None:
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)
    assert post["status"] == "scheduled"

    draft = await patch(installation, post, **fields)
    installation.clock.advance(hours=3)
    await installation.run_due()

    assert seen(draft) == ("draft", None, False)
    assert await voided(installation, post) == 1
    assert installation.posts("MASTODON") == []


async def test_other_accounts_take_the_approval_away_and_none_of_them_is_due(
    installation: Installation,
) -> None:
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)

    accounts = [installation.account(name) for name in ("MASTODON", "BLUESKY")]
    draft = await patch(installation, post, accountIds=accounts)
    installation.clock.advance(hours=3)
    await installation.run_due()

    assert seen(draft) == ("draft", None, False)
    assert installation.ledger.entries(kind="post") == []


@statements("V223")
@pytest.mark.parametrize("scheduled_for", [None, AT_ONE])
async def test_a_new_time_of_an_approved_post_is_no_edit_of_it(
    installation: Installation, scheduled_for: str | None
) -> None:
    post = await approved(installation, "MASTODON", scheduledFor=scheduled_for)

    moved = await patch(installation, post, scheduledFor=AT_TWO, version=post["updatedAt"])
    installation.clock.advance(hours=1)
    await installation.run_due()
    early = len(installation.posts("MASTODON"))
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert seen(moved) == ("scheduled", AT_TWO, True)
    assert await voided(installation, post) == 0
    assert (early, len(installation.posts("MASTODON"))) == (0, 1)


async def test_a_new_time_of_a_post_that_still_waits_does_not_let_it_out(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval", scheduledFor=AT_ONE)

    draft = await patch(installation, post, scheduledFor=AT_TWO)
    installation.clock.advance(hours=3)
    await installation.run_due()

    assert seen(draft) == ("draft", None, False)
    assert installation.posts("MASTODON") == []


async def test_a_change_of_nothing_leaves_the_approval(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    waiting = await act(installation, post, "start-approval")

    assert await patch(installation, post) == waiting
    asked = await patch(installation, post, version=waiting["updatedAt"])

    assert (asked["status"], await voided(installation, post)) == ("pending_approval", 0)


async def test_an_edit_that_is_refused_leaves_the_approval(installation: Installation) -> None:
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)

    await refusal(installation, post, accountIds=[])
    await refusal(installation, post, content="Other", scheduledFor="2020-01-01T00:00:00Z")

    assert await installation.get(post["id"]) == post


async def test_what_has_gone_out_keeps_its_status_and_loses_its_approval(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)
    installation.clock.advance(hours=1)
    await installation.run_due()

    failed = await installation.get(post["id"])
    edited = await patch(installation, post, content="Other")

    assert seen(failed) == ("failed", AT_ONE, True)
    assert seen(edited) == ("failed", AT_ONE, False)
    assert await voided(installation, post) == 1


@pytest.mark.parametrize(("content", "left"), [("Other", False), (None, True)])
async def test_a_destination_that_is_given_other_words_costs_its_post_the_approval(
    installation: Installation, content: str | None, *, left: bool
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)
    installation.clock.advance(hours=1)
    await installation.run_due()

    failed = by_platform(await installation.get(post["id"]))["MASTODON"]
    path = f"/v1/posts/{post['id']}/platforms/{failed['postPlatformId']}/fix"
    await installation.api.post(path, json={"content": content})

    assert seen(await installation.get(post["id"])) == ("publishing", AT_ONE, left)
    assert await voided(installation, post) == (0 if left else 1)


async def test_a_cancelled_post_that_is_edited_has_to_be_approved_anew(
    installation: Installation,
) -> None:
    post = await approved(installation, "MASTODON", scheduledFor=AT_ONE)
    await act(installation, post, "cancel")

    edited = await patch(installation, post, content="Other", scheduledFor=AT_TWO)

    assert seen(edited) == ("scheduled", AT_TWO, False)


@statements("V187", "V197")
async def test_a_post_called_approved_without_having_been_through_it_stays_so(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await put_in(installation, post, Status.APPROVED)

    edited = await patch(installation, post, content="Other")

    assert seen(edited) == ("approved", None, False)
    assert await voided(installation, post) == 0


async def test_an_approval_against_an_edit_never_lets_out_what_was_not_approved(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", content="As approved")
    await act(installation, post, "start-approval", scheduledFor=AT_ONE)
    path = f"/v1/posts/{post['id']}"

    approval, edit = await asyncio.gather(
        installation.api.post(f"{path}/approve"),
        installation.api.patch(path, json={"content": "Slipped in"}),
    )
    installation.clock.advance(hours=2)
    await installation.run_due()

    assert edit.status_code == 200
    assert approval.status_code in {200, 409}
    assert seen(await installation.get(post["id"])) == ("draft", None, False)
    assert installation.posts("MASTODON") == []


async def test_a_post_that_was_edited_can_go_through_approval_again(
    installation: Installation,
) -> None:
    post = await approved(installation, "MASTODON")
    await patch(installation, post, content="Other")

    await act(installation, post, "start-approval", scheduledFor=AT_ONE)
    again = await act(installation, post, "approve")

    assert seen(again) == ("scheduled", AT_ONE, True)
