"""The due-time table: who may run a destination, and who may write to it."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from installation import Installation
from oncue.connectors.base import Published
from oncue.connectors.runner import Fenced
from oncue.lib import ids
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination
from oncue.publishing.ledger import hold
from oncue.publishing.promoter import Job, promote_due
from oncue.publishing.publisher import MAX_RUNS, Run, begin
from oncue.publishing.settle import hand_back, settle

pytestmark = pytest.mark.anyio


async def promoted(installation: Installation, platform: str = "MASTODON") -> Job:
    """A destination with a job for it, and no worker yet."""
    post = await installation.create(platform)
    await installation.api.post(f"/v1/posts/{post['id']}/publish")
    await installation.worker.promote()
    return installation.engine.jobs.pop()


async def begun(installation: Installation, job: Job) -> Run | None:
    return await installation.db.write(lambda session: begin(session, job, installation.clock()))


async def row(installation: Installation, job: Job) -> Destination:
    return await installation.db.read(
        lambda session: session.get_one(Destination, job.destination_id)
    )


async def test_a_ticket_lets_a_worker_in_and_a_stale_one_does_not(
    installation: Installation,
) -> None:
    job = await promoted(installation)

    stale = Job(destination_id=job.destination_id, ticket=job.ticket - 1)

    assert await begun(installation, stale) is None
    assert await begun(installation, job) is not None


async def test_of_two_workers_with_the_same_job_only_the_later_writes(
    installation: Installation,
) -> None:
    job = await promoted(installation)
    first, second = await begun(installation, job), await begun(installation, job)
    assert first is not None
    assert second is not None

    with pytest.raises(Fenced):
        await installation.db.write(lambda session: hold(session, first.claim))
    await installation.db.write(lambda session: hold(session, second.claim))


async def test_a_result_that_comes_too_late_changes_nothing(installation: Installation) -> None:
    job = await promoted(installation)
    late, present = await begun(installation, job), await begun(installation, job)
    assert late is not None
    assert present is not None
    outcome, now = Published(id="1", url=None), installation.clock()

    async def end(run: Run) -> None:
        await installation.db.write(
            lambda session: settle(session, run.claim, outcome, started_at=now, now=now)
        )

    with pytest.raises(Fenced):
        await end(late)
    assert (await row(installation, job)).state == State.PUBLISHING

    await end(present)
    assert (await row(installation, job)).state == State.PUBLISHED


async def test_an_edit_before_the_promoter_wins_and_after_it_loses(
    installation: Installation,
) -> None:
    at = "2026-11-22T13:00:00Z"
    early = await installation.create("MASTODON", scheduledFor=at)
    late = await installation.create("BLUESKY", scheduledFor=at)
    cancelled = await installation.api.post(f"/v1/posts/{early['id']}/cancel")

    installation.clock.advance(hours=1)
    await installation.worker.promote()
    refused = await installation.api.post(f"/v1/posts/{late['id']}/cancel")

    assert (cancelled.status_code, refused.status_code) == (200, 409)
    [job] = installation.engine.jobs
    assert (await row(installation, job)).platform == "BLUESKY"


async def test_what_is_due_longest_goes_first_one_for_each_account(
    installation: Installation,
) -> None:
    for minute, platform in ((3, "MASTODON"), (1, "MASTODON"), (2, "BLUESKY")):
        at = f"2026-11-22T12:0{minute}:00Z"
        await installation.create(platform, content=f"At {minute}", scheduledFor=at)

    installation.clock.advance(minutes=5)
    await installation.worker.promote()
    together = len(installation.engine.jobs)
    await installation.run_due()

    assert together == 2
    assert [entry.text for entry in installation.posts("MASTODON")] == ["At 1", "At 3"]


async def test_a_thousand_due_posts_of_one_account_are_promoted_one_at_a_time(
    installation: Installation,
) -> None:
    for _ in range(20):
        body = {"content": "x", "account_ids": [installation.accounts["MASTODON"].number]}
        answer = await installation.api.post("/api/v1/posts/bulk", json={"posts": [body] * 50})
        assert answer.status_code == 201

    jobs = await installation.db.write(lambda session: promote_due(session, installation.clock()))

    assert len(jobs) == 1


async def test_a_destination_that_brings_down_every_worker_is_given_up(
    installation: Installation,
) -> None:
    job = await promoted(installation)
    await installation.db.write(
        lambda session: session.execute(
            update(Destination).where(Destination.id == job.destination_id).values(runs=MAX_RUNS)
        )
    )

    await installation.publisher.publish(job)

    given_up = await row(installation, job)
    assert given_up.state == State.FAILED
    assert given_up.error is not None
    assert "never ended" in given_up.error
    assert installation.posts("MASTODON") == []


async def test_a_run_that_is_handed_back_goes_on_elsewhere(installation: Installation) -> None:
    job = await promoted(installation)
    run = await begun(installation, job)
    assert run is not None

    await installation.db.write(lambda session: hand_back(session, run.claim, installation.clock()))
    await installation.run_due()

    assert len(installation.posts("MASTODON")) == 1


async def test_the_sweep_makes_due_again_what_a_dead_worker_left(
    installation: Installation,
) -> None:
    job = await promoted(installation)
    await begun(installation, job)

    found = await installation.worker.sweep()
    await installation.run_due()

    assert found == 1
    assert len(installation.posts("MASTODON")) == 1


async def test_the_sweep_leaves_alone_what_has_a_job(installation: Installation) -> None:
    job = await promoted(installation)
    installation.engine.jobs.append(job)

    assert await installation.worker.sweep() == 0


async def test_a_bug_of_ours_puts_a_destination_off_and_ends_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await promoted(installation)

    def broken(_run: Run) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("oncue.publishing.publisher._checked", broken)

    await installation.publisher.publish(job)
    monkeypatch.undo()
    put_off = await row(installation, job)
    installation.clock.advance(seconds=30)
    await installation.run_due()

    assert (put_off.state, put_off.runs) == (State.PARKED, 1)
    assert len(installation.posts("MASTODON")) == 1


async def test_every_destination_has_its_own_ticket(installation: Installation) -> None:
    post = await installation.create("MASTODON", "BLUESKY")
    await installation.api.post(f"/v1/posts/{post['id']}/publish")

    await installation.worker.promote()

    def tickets(session: Session) -> set[tuple[object, int | None]]:
        rows = session.execute(select(Destination.id, Destination.ticket))
        return {(found.id, found.ticket) for found in rows}

    queued = {(job.destination_id, job.ticket) for job in installation.engine.jobs}
    assert await installation.db.read(tickets) == queued
    assert {ids.to_typeid("pp", found) for found, _ in queued} == {
        platform["id"] for platform in post["platforms"]
    }
