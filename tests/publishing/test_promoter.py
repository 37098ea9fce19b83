"""The promoter: oldest first, one destination of an account at a time, and the row decides."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.accounts.models import Account
from oncue.connectors.base import Published
from oncue.errors import OperationNotPermitted
from oncue.lib.clock import MILLISECOND
from oncue.posts import editing, events
from oncue.posts import service as posts
from oncue.posts.models import Destination
from oncue.posts.values import Changes
from oncue.publishing import promoter
from oncue.publishing.promoter import Job, next_due, promote_next
from oncue.publishing.publisher import begin
from oncue.publishing.settle import settle
from publishing.due import promoted, row, schedule_many, scheduled, states, status_of

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


async def test_what_is_due_at_this_very_millisecond_is_promoted(
    installation: Installation,
) -> None:
    due = await scheduled(installation, "MASTODON", at=START)
    later = await scheduled(installation, "TWITTER", at=START + MILLISECOND)

    jobs = await promoted(installation)

    assert [job.destination_id for job in jobs] == list(due.destination_ids)
    assert await states(installation, due.destination_id, later.destination_id) == [
        "queued",
        "waiting",
    ]


async def test_promoting_hands_out_a_ticket_raises_the_fence_and_says_so(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "MASTODON")
    before = await row(installation, post.destination_id)
    installation.clock.advance(seconds=3)

    [job] = await promoted(installation)

    after = await row(installation, post.destination_id)
    assert job == Job(destination_id=post.destination_id, ticket=before.fence + 1)
    assert (after.ticket, after.fence) == (job.ticket, job.ticket)
    assert (after.run_at, after.due_at) == (None, START)
    assert await status_of(installation, post.post_id) == "publishing"
    latest = await installation.db.read(
        lambda session: events.latest(session, installation.workspace_id, post.post_id)
    )
    assert latest is not None
    assert (latest.type, latest.created_at) == ("post.publishing", installation.clock())


async def test_an_account_has_one_destination_with_the_workers_and_its_oldest_first(
    installation: Installation,
) -> None:
    newer = await scheduled(installation, "MASTODON", at=START - MILLISECOND)
    oldest = await scheduled(installation, "MASTODON", at=START - 2 * MILLISECOND)
    elsewhere = await scheduled(installation, "TWITTER", at=START)

    jobs = await promoted(installation)

    assert {job.destination_id for job in jobs} == {
        oldest.destination_id,
        elsewhere.destination_id,
    }
    assert await promoted(installation) == []
    assert await states(installation, newer.destination_id) == ["waiting"]


async def test_when_an_accounts_destination_settles_its_next_goes_at_once(
    installation: Installation,
) -> None:
    first = await scheduled(installation, "MASTODON", at=START - HOUR)
    second = await scheduled(installation, "MASTODON", at=START)
    await scheduled(installation, "MASTODON", at=START + HOUR)
    [job] = await promoted(installation)

    def settled(session: Session) -> list[Job]:
        run = begin(session, job, START)
        assert run is not None
        done = Published(id="1", url=None)
        return settle(session, run.claim, done, generation=1, started_at=START, now=START).jobs

    following = await installation.db.write(settled)

    assert [job.destination_id for job in following] == [second.destination_id]
    assert await states(installation, first.destination_id, second.destination_id) == [
        "published",
        "queued",
    ]


async def test_two_promoters_at_once_promote_each_destination_once(
    installation: Installation,
) -> None:
    due = [await scheduled(installation, platform) for platform in installation.accounts]

    found = await asyncio.gather(promoted(installation), promoted(installation))

    jobs = [job.destination_id for jobs in found for job in jobs]
    assert sorted(jobs) == sorted(post.destination_id for post in due)


async def test_whatever_a_promoter_believes_an_account_is_busy_once(
    installation: Installation,
) -> None:
    await scheduled(installation, "MASTODON")
    await scheduled(installation, "MASTODON")

    with pytest.raises(IntegrityError):
        await installation.db.write(
            lambda session: session.execute(update(Destination).values(state="queued"))
        )


async def test_a_cancellation_before_its_time_wins(installation: Installation) -> None:
    post = await scheduled(installation, "MASTODON")

    await installation.db.write(
        lambda session: posts.cancel(session, installation.workspace_id, post.post_id, START)
    )

    assert await promoted(installation) == []
    assert await status_of(installation, post.post_id) == "cancelled"


async def test_a_cancellation_after_it_loses_and_changes_nothing(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "MASTODON")
    [job] = await promoted(installation)

    with pytest.raises(OperationNotPermitted):
        await installation.db.write(
            lambda session: posts.cancel(session, installation.workspace_id, post.post_id, START)
        )

    assert (await row(installation, post.destination_id)).ticket == job.ticket


async def test_a_new_time_is_the_one_that_counts(installation: Installation) -> None:
    post = await scheduled(installation, "MASTODON", at=START)
    later = Changes(scheduled_for=START + HOUR)

    await installation.db.write(
        lambda session: editing.edit(session, installation.workspace_id, post.post_id, later, START)
    )

    assert await promoted(installation) == []
    installation.clock.now += HOUR
    assert [job.destination_id for job in await promoted(installation)] == [post.destination_id]


async def test_an_edit_between_the_promoters_look_and_its_grasp_leaves_the_post_alone(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "MASTODON")
    seen = [await row(installation, post.destination_id)]

    await installation.db.write(
        lambda session: posts.cancel(session, installation.workspace_id, post.post_id, START)
    )
    jobs = await installation.db.write(lambda session: promoter._promote(session, seen, START))

    assert jobs == []
    assert await status_of(installation, post.post_id) == "cancelled"


async def test_the_next_due_time_is_the_earliest_of_an_account_that_is_free(
    installation: Installation,
) -> None:
    assert await installation.db.read(next_due) is None
    await scheduled(installation, "MASTODON", at=START + HOUR)
    await scheduled(installation, "TWITTER", at=START + 2 * HOUR)

    assert await installation.db.read(next_due) == START + HOUR

    await scheduled(installation, "MASTODON", at=START)  # and its account is busy from now on
    await promoted(installation)
    assert await installation.db.read(next_due) == START + 2 * HOUR


async def test_a_thousand_due_on_a_few_accounts_go_one_by_one_in_order(
    installation: Installation,
) -> None:
    accounts = [installation.accounts[name] for name in ("TWITTER", "MASTODON", "BLUESKY")]

    times = [START - number * MILLISECOND for number in range(1_000)]
    await installation.db.write(lambda session: schedule_many(session, accounts, times))

    jobs = await promoted(installation)
    assert len(jobs) == 3
    for account in accounts:
        assert await in_turn(installation, account, 5) == await oldest(installation, account, 5)


async def in_turn(oncue: Installation, account: Account, count: int) -> list[object]:
    """The account's next destinations, each promoted when the one before it is done."""

    def take(session: Session) -> list[object]:
        done: list[object] = []
        busy = select(Destination.id).where(
            Destination.account_id == account.id, Destination.state == "queued"
        )
        for _ in range(count):
            done.append(session.scalars(busy).one())
            session.execute(
                update(Destination).where(Destination.id == done[-1]).values(state="published")
            )
            promote_next(session, account.id, START)
        return done

    return await oncue.db.write(take)


async def oldest(oncue: Installation, account: Account, count: int) -> list[object]:
    def look(session: Session) -> list[object]:
        when = func.coalesce(Destination.run_at, Destination.due_at)
        mine = select(Destination.id).where(Destination.account_id == account.id)
        return list(session.scalars(mine.order_by(when).limit(count)))

    return await oncue.db.read(look)
