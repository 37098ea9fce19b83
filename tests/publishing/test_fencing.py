"""The due-time table: who may run a destination, and who may write to it."""

import pytest
from sqlalchemy import update

from installation import Installation
from oncue.connectors.base import Published
from oncue.connectors.journal import Fenced
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination
from oncue.publishing.conducting import MAX_RUNS
from oncue.publishing.ledger import hold
from oncue.publishing.promoter import Job
from oncue.publishing.publisher import Run, begin
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
            lambda session: settle(
                session, run.claim, outcome, generation=1, started_at=now, now=now
            )
        )

    with pytest.raises(Fenced):
        await end(late)
    assert (await row(installation, job)).state == State.PUBLISHING

    await end(present)
    assert (await row(installation, job)).state == State.PUBLISHED


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
