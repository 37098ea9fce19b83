"""start-approval, approve, reject: a post waits for somebody's word before it goes out."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from api.answers import SCENES, invalid, problem, put_in, rows, too_long
from api.deciding import act, approved, refused, told
from installation import Installation
from oncue.lib import ids
from oncue.posts.lifecycle import STARTS_FROM, Status, Transition
from oncue.posts.models import Destination
from statements import statements

pytestmark = pytest.mark.anyio

AT_ONE = "2026-11-22T13:00:00.000Z"
AT_TWO = "2026-11-22T14:00:00.000Z"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30
LONG = "#" * 281  # for X


async def test_a_draft_waits_is_approved_and_is_published_by_hand(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")

    waiting = await act(installation, post, "start-approval")
    installation.clock.advance(minutes=1)
    done = await act(installation, post, "approve")

    assert [
        (it["status"], it["approvalRequestedAt"], it["approvedAt"]) for it in (waiting, done)
    ] == [
        ("pending_approval", "2026-11-22T12:00:00.000Z", None),
        ("approved", "2026-11-22T12:00:00.000Z", "2026-11-22T12:01:00.000Z"),
    ]
    assert await told(installation, post) == [
        ("post.approval_requested", {"scheduledFor": None}),
        ("post.draft.approved", {"status": "approved", "scheduledFor": None}),
    ]
    await installation.run_due()
    assert installation.posts("MASTODON") == []
    await act(installation, post, "publish")
    await installation.run_due()
    assert (await installation.get(post["id"]))["status"] == "published"


@statements("V187", "V213")
async def test_a_post_with_a_time_goes_out_at_it_once_approved(installation: Installation) -> None:
    post = await installation.create("MASTODON", "BLUESKY")

    waiting = await act(installation, post, "start-approval", scheduledFor=AT_ONE)
    done = await act(installation, post, "approve")
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert (waiting["status"], waiting["scheduledFor"]) == ("pending_approval", AT_ONE)
    assert (done["status"], done["scheduledFor"]) == ("scheduled", AT_ONE)
    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("MASTODON")) == len(installation.posts("BLUESKY")) == 1
    assert (await told(installation, post))[:4] == [
        ("post.approval_requested", {"scheduledFor": AT_ONE}),
        ("post.draft.approved", {"status": "scheduled", "scheduledFor": AT_ONE}),
        ("post.scheduled", {"scheduledFor": AT_ONE}),
        ("post.publishing", {}),
    ]


async def test_a_scheduled_post_that_waits_for_approval_lets_its_time_pass(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor=AT_ONE)

    waiting = await act(installation, post, "start-approval")
    installation.clock.advance(hours=1, seconds=61)
    await installation.run_due()
    done = await act(installation, post, "approve")
    await installation.run_due()

    assert (waiting["status"], waiting["scheduledFor"]) == ("pending_approval", AT_ONE)
    assert (done["status"], done["scheduledFor"]) == ("approved", None)
    assert installation.posts("MASTODON") == []


@statements("V213")
async def test_a_time_that_has_just_passed_is_due_at_once(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=AT_ONE)
    await act(installation, post, "start-approval")
    installation.clock.advance(hours=1, seconds=60)

    done = await act(installation, post, "approve")
    await installation.run_due()

    assert done["status"] == "scheduled"
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_starting_can_give_another_time_or_take_it_away(installation: Installation) -> None:
    times = []
    for given in ({}, {"scheduledFor": AT_TWO}, {"scheduledFor": None}):
        post = await installation.create("MASTODON", scheduledFor=AT_ONE)
        times.append((await act(installation, post, "start-approval", **given))["scheduledFor"])

    assert times == [AT_ONE, AT_TWO, None]


async def test_a_rejected_post_is_a_draft_again_and_says_why(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=AT_ONE)
    await act(installation, post, "start-approval")

    draft = await act(installation, post, "reject", reason="Too loud")
    installation.clock.advance(hours=2)
    await installation.run_due()

    assert (draft["status"], draft["scheduledFor"]) == ("draft", None)
    assert (draft["approvalRequestedAt"], draft["approvedAt"]) == (None, None)
    assert (await told(installation, post))[-1] == ("post.rejected", {"reason": "Too loud"})
    assert installation.posts("MASTODON") == []


async def test_a_rejection_needs_no_reason_and_takes_none_that_is_too_long(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval")

    long = await refused(installation, post, "reject", reason="x" * 1_001)
    await act(installation, post, "reject")

    assert long == too_long("reason", 1_000)
    assert (await told(installation, post))[-1] == ("post.rejected", {"reason": None})


async def test_a_networks_limits_are_looked_at_when_approval_is_asked_for_and_when_given(
    installation: Installation,
) -> None:
    too_much = too_long("content", 280, platform="TWITTER", code="CONTENT_TOO_LONG")
    long = await installation.create("TWITTER", content=LONG)
    before = await rows(installation)

    asked = await refused(installation, long, "start-approval")
    await put_in(installation, long, Status.PENDING_APPROVAL)
    given = await refused(installation, long, "approve")

    assert asked == given == too_much
    assert await rows(installation) == before
    assert (await installation.get(long["id"]))["status"] == "pending_approval"


async def test_a_file_that_one_destination_has_to_itself_is_looked_at_too(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", "TWITTER")
    file = {"file": ("a.png", PNG, "image/png")}
    media = (await installation.api.post("/v1/media", files=file)).json()["id"]
    await give(installation, post, ids.from_typeid("media", media))

    waiting = await act(installation, post, "start-approval")
    done = await act(installation, post, "approve")

    assert (waiting["status"], done["status"]) == ("pending_approval", "approved")


async def give(installation: Installation, post: Mapping[str, Any], media_id: UUID) -> None:
    """Have the post's first destination show a file of its own, as /fix can."""
    destination_id = ids.from_typeid("pp", post["platforms"][0]["id"])

    def work(session: Session) -> None:
        session.execute(
            update(Destination)
            .where(Destination.id == destination_id)
            .values(media_ids=[str(media_id)])
        )

    await installation.db.write(work)


async def test_a_time_long_past_is_refused_and_nothing_changes(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    past = await refused(installation, post, "start-approval", scheduledFor="2026-11-22T11:58:59Z")

    facts = {"limit": 60, "value": "2026-11-22T11:58:59.000Z"}
    assert past == invalid("scheduledFor", **facts)
    assert await installation.get(post["id"]) == post


async def test_a_post_of_which_nothing_is_left_has_nothing_to_approve(
    installation: Installation,
) -> None:
    post = await installation.publish("MASTODON")
    await put_in(installation, post, Status.PUBLISHED)
    await put_in(installation, {**post, "platforms": []}, Status.DRAFT)

    assert (await refused(installation, post, "start-approval"))[:2] == (409, "CONFLICT")
    assert (await installation.get(post["id"]))["status"] == "draft"


@pytest.mark.parametrize(
    ("operation", "transition"),
    [
        ("start-approval", Transition.START_APPROVAL),
        ("approve", Transition.APPROVE),
        ("reject", Transition.REJECT),
    ],
)
async def test_each_step_starts_from_its_own_statuses(
    installation: Installation, operation: str, transition: Transition
) -> None:
    post = await installation.create("MASTODON", "TWITTER")
    starts = STARTS_FROM[transition]
    answers = {}
    for status in SCENES:
        await put_in(installation, post, status)
        answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}")
        answers[status] = answer.status_code if answer.is_success else problem(answer)

    facts = {"operation": transition, "permittedIn": sorted(starts)}
    assert answers == {
        status: 200 if status in starts else (409, "CONFLICT", facts | {"status": status})
        for status in SCENES
    }


async def test_of_two_who_approve_one_does(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval", scheduledFor=AT_ONE)
    path = f"/v1/posts/{post['id']}"

    answers = await asyncio.gather(*[installation.api.post(f"{path}/approve") for _ in range(2)])
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    types = [type_ for type_, _ in await told(installation, post)]
    assert types.count("post.draft.approved") == types.count("post.scheduled") == 1
    assert len(installation.posts("MASTODON")) == 1


async def test_an_approval_and_a_rejection_at_once_are_one_of_them(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval")
    path = f"/v1/posts/{post['id']}"

    approval, rejection = await asyncio.gather(
        installation.api.post(f"{path}/approve"), installation.api.post(f"{path}/reject")
    )

    status = (await installation.get(post["id"]))["status"]
    assert (approval.status_code, rejection.status_code, status) in {
        (200, 409, "approved"),
        (409, 200, "draft"),
    }


async def test_a_start_that_meets_the_posts_time_either_stops_it_or_comes_too_late(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor=AT_ONE)
    installation.clock.advance(hours=1)

    answer, _ = await asyncio.gather(
        installation.api.post(f"/v1/posts/{post['id']}/start-approval"),
        installation.run_due(),
    )
    await installation.run_due()

    status = (await installation.get(post["id"]))["status"]
    assert (answer.status_code, status, len(installation.posts("MASTODON"))) in {
        (200, "pending_approval", 0),
        (409, "published", 1),
    }


async def test_a_step_that_is_sent_again_is_taken_once(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    path, headers = f"/v1/posts/{post['id']}/start-approval", {"idempotency-key": "k"}

    first, second = [await installation.api.post(path, headers=headers) for _ in range(2)]

    assert (second.status_code, second.json()) == (200, first.json())
    assert len(await told(installation, post)) == 1


async def test_lists_can_be_narrowed_to_what_waits_and_what_is_approved(
    installation: Installation,
) -> None:
    waiting = await installation.create("MASTODON")
    await act(installation, waiting, "start-approval")
    done = await approved(installation, "MASTODON")

    found = {}
    for status in ("pending_approval", "APPROVED"):
        page = await installation.api.get("/v1/posts", params={"status": status})
        found[status] = [post["id"] for post in page.json()["data"]]

    assert found == {"pending_approval": [waiting["id"]], "APPROVED": [done["id"]]}


async def test_a_post_that_waits_cannot_be_published_but_cancelled(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await act(installation, post, "start-approval")

    assert (await refused(installation, post, "publish"))[:2] == (409, "CONFLICT")
    assert (await act(installation, post, "cancel"))["status"] == "cancelled"


async def test_a_copy_of_an_approved_post_is_not_approved(installation: Installation) -> None:
    post = await approved(installation, "MASTODON")

    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    assert (copy["status"], copy["approvalRequestedAt"], copy["approvedAt"]) == (
        "draft",
        None,
        None,
    )
