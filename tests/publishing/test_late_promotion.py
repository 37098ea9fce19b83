"""Late posts and the promoter: decided where a post's turn comes, by one process and once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.connectors.base import Published
from oncue.outbox import Event
from oncue.posts import service as posts
from oncue.posts.lateness import put_off
from oncue.posts.models import Post
from oncue.workspaces.models import Workspace
from publishing.due import (
    begun,
    ended,
    next_run,
    promoted,
    row,
    schedule,
    schedule_many,
    scheduled,
    states,
    status_of,
)

pytestmark = pytest.mark.anyio


async def hold_late_posts(installation: Installation) -> None:
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(late_policy="hold"))
    )


async def count(installation: Installation, event: str) -> int:
    def look(session: Session) -> int:
        counted = select(func.count()).select_from(Event).where(Event.type == event)
        return session.scalar(counted) or 0

    return await installation.db.read(look)


async def test_two_promoters_at_once_hold_each_late_post_once_and_publish_none(
    installation: Installation,
) -> None:
    await hold_late_posts(installation)
    late = [await scheduled(installation, "MASTODON", "TWITTER") for _ in range(5)]
    installation.clock.advance(hours=1)
    timely = await scheduled(installation, "BLUESKY")

    found = await asyncio.gather(promoted(installation), promoted(installation))

    jobs = [job.destination_id for jobs in found for job in jobs]
    assert jobs == [timely.destination_id]
    for post in late:
        assert await states(installation, *post.destination_ids) == ["held", "held"]
    assert await count(installation, "post.held") == len(late)


async def test_holding_raises_the_fence_and_leaves_nothing_due(
    installation: Installation,
) -> None:
    await hold_late_posts(installation)
    post = await scheduled(installation, "MASTODON")
    before = await row(installation, post.destination_id)
    installation.clock.advance(hours=1)

    assert await promoted(installation) == []

    after = await row(installation, post.destination_id)
    assert (after.state, after.held_reason, after.run_at) == ("held", "late", None)
    assert after.fence == before.fence + 1


async def test_a_post_that_waited_behind_another_is_looked_at_when_its_turn_comes(
    installation: Installation,
) -> None:
    """The one before it was with a worker when everything stood still."""
    await hold_late_posts(installation)
    run = await begun(installation, "MASTODON")
    late = await scheduled(installation, "MASTODON", at=START + timedelta(minutes=1))
    timely = await scheduled(installation, "MASTODON", at=START + timedelta(minutes=57))
    installation.clock.advance(hours=1)

    settled = await ended(installation, run, Published(id="1", url=None))

    assert [job.destination_id for job in settled.jobs] == [timely.destination_id]
    assert await states(installation, late.destination_id) == ["held"]


async def test_more_late_posts_than_are_looked_at_at_once_are_all_held(
    installation: Installation,
) -> None:
    await hold_late_posts(installation)
    accounts = [installation.accounts[name] for name in ("TWITTER", "MASTODON", "BLUESKY")]
    times = [START - timedelta(milliseconds=number) for number in range(500)]
    await installation.db.write(lambda session: schedule_many(session, accounts, times))
    installation.clock.advance(hours=1)

    assert await promoted(installation) == []

    assert await count(installation, "post.held") == 500


async def test_a_cancellation_between_the_look_and_the_grasp_leaves_the_post_cancelled(
    installation: Installation,
) -> None:
    await hold_late_posts(installation)
    post = await scheduled(installation, "MASTODON")
    seen = [await row(installation, post.destination_id)]
    installation.clock.advance(hours=1)

    await installation.db.write(
        lambda session: posts.cancel(session, installation.workspace_id, post.post_id, START)
    )
    done = await installation.db.write(lambda session: put_off(session, seen, installation.clock()))

    assert done is False
    assert await status_of(installation, post.post_id) == "cancelled"
    assert await states(installation, post.destination_id) == ["idle"]


async def test_each_workspace_is_told_of_its_own_posts(installation: Installation) -> None:
    other = await installation.new_workspace()
    account = await installation.new_account("MASTODON", "other", other)
    await hold_late_posts(installation)
    await scheduled(installation, "MASTODON")
    await installation.db.write(lambda session: schedule(session, [account], START))
    installation.clock.advance(hours=1)

    await promoted(installation)

    def look(session: Session) -> set[tuple[UUID, UUID]]:
        told = select(Event.workspace_id, Post.workspace_id).join(Post, Post.id == Event.post_id)
        return {(ours, its) for ours, its in session.execute(told.where(Event.type == "post.held"))}

    found = await installation.db.read(look)
    assert found == {(owner, owner) for owner in (installation.workspace_id, other)}


async def test_where_nothing_is_late_nothing_is_asked(installation: Installation) -> None:
    post = await scheduled(installation, "MASTODON")
    seen = [await row(installation, post.destination_id)]

    def statements(session: Session) -> list[str]:
        asked: list[str] = []
        listen(session.connection(), "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert not put_off(session, seen, START + timedelta(minutes=5))
        return asked

    assert await installation.db.read(statements) == []


async def test_a_late_post_goes_out_after_a_word_and_is_not_looked_at_again(
    installation: Installation,
) -> None:
    await hold_late_posts(installation)
    post = await scheduled(installation, "MASTODON")
    installation.clock.advance(hours=1)
    await promoted(installation)

    await installation.db.write(
        lambda session: posts.publish(
            session, installation.workspace_id, post.post_id, installation.clock()
        )
    )
    installation.clock.advance(hours=1)
    run = await next_run(installation)

    assert run.claim.destination_id == post.destination_id
    assert (await row(installation, post.destination_id)).held_reason is None
