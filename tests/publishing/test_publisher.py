"""A run from its job to its end, whatever happens to it on the way."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from installation import START, DirectEngine, Installation
from oncue.db.base import Base
from oncue.errors import Unavailable
from oncue.media.models import MediaFile, MediaUse
from oncue.posts.models import Destination, Post, Step
from oncue.publishing.conducting import MAX_RUNS
from oncue.publishing.engine import Work
from oncue.publishing.metrics import Metrics
from publishing.around import surrounded
from publishing.due import promoted, row, scheduled

pytestmark = pytest.mark.anyio

T = TypeVar("T")
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x02\x00\x00\x00\x01" + b"\x08"


async def test_a_job_that_is_handed_out_twice_publishes_once(installation: Installation) -> None:
    await scheduled(installation, "TELEGRAM")
    [job] = await promoted(installation)

    await installation.publisher.publish(job)
    await installation.publisher.publish(job)

    assert len(installation.posts("TELEGRAM")) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("platform", ["MASTODON", "TWITTER"])
async def test_a_run_that_is_cancelled_in_the_middle_is_handed_back_and_goes_out_once(
    installation: Installation, platform: str, moment: str
) -> None:
    there, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        there.set()
        await never.wait()

    post = await scheduled(installation, platform)
    [job] = await promoted(installation)
    publisher, _ = surrounded(installation, **{moment: hang})
    running = asyncio.create_task(publisher.publish(job))
    await there.wait()
    running.cancel()
    await asyncio.wait({running})

    handed_back = await row(installation, post.destination_id)
    await pursue(installation)

    assert running.cancelled()
    assert (handed_back.state, handed_back.run_at, handed_back.runs) == ("parked", START, 0)
    assert (await row(installation, post.destination_id)).state == "published"
    assert len(installation.posts(platform)) == 1


async def pursue(oncue: Installation) -> None:
    """Let as much time pass as it takes to find out what became of a request."""
    for _ in range(5):
        await oncue.run_due()
        oncue.clock.advance(minutes=5)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_run_that_is_overtaken_in_the_middle_writes_nothing_and_publishes_nothing_twice(
    installation: Installation, moment: str
) -> None:
    post = await scheduled(installation, "MASTODON")
    [job] = await promoted(installation)

    async def sweep() -> None:
        await installation.worker.sweep()  # it believes the worker to be dead

    publisher, _ = surrounded(installation, **{moment: sweep})
    await publisher.publish(job)
    overtaken = await row(installation, post.destination_id)
    await pursue(installation)

    assert (overtaken.state, overtaken.attempt) == ("parked", 0)
    assert (await row(installation, post.destination_id)).state == "published"
    assert len(installation.posts("MASTODON")) == 1


class Failing(DirectEngine):
    """An engine whose database is away for the first commits."""

    def __init__(self, oncue: Installation, times: int) -> None:
        super().__init__(oncue.db)
        self._times = times

    async def commit(self, work: Work[T]) -> T:
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("The disk is full; nothing was changed.")
        return await super().commit(work)


async def test_a_result_that_cannot_be_kept_just_now_is_kept_later_and_nothing_sent_again(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "TELEGRAM")
    [job] = await promoted(installation)
    failing = replace(installation.publisher, engine=Failing(installation, 1))

    await failing.publish(job)
    put_off = await row(installation, post.destination_id)
    installation.clock.advance(seconds=30)
    await installation.run_due()

    assert (put_off.state, put_off.runs) == ("parked", 1)
    assert put_off.run_at == START + timedelta(seconds=1)
    assert (await row(installation, post.destination_id)).state == "published"
    assert len(installation.posts("TELEGRAM")) == 1


async def test_what_cannot_even_be_put_off_is_found_by_the_sweep(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "TELEGRAM")
    [job] = await promoted(installation)
    failing = replace(installation.publisher, engine=Failing(installation, 2))

    await failing.publish(job)
    left = await row(installation, post.destination_id)
    found = await installation.worker.sweep()
    await installation.run_due()

    assert (left.state, found) == ("publishing", 1)
    assert (await row(installation, post.destination_id)).state == "published"
    assert len(installation.posts("TELEGRAM")) == 1


async def test_a_destination_given_up_with_an_open_question_is_for_a_person(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "TELEGRAM")
    [job] = await promoted(installation)

    async def crash() -> None:
        raise KeyError("a bug of ours, of all moments after the network accepted")

    publisher, around = surrounded(installation, after=crash)
    await publisher.publish(job)
    await installation.db.write(
        lambda session: session.execute(update(Destination).values(runs=MAX_RUNS)).close()
    )
    installation.clock.advance(minutes=1)
    await installation.run_due()

    given_up = await row(installation, post.destination_id)
    assert (given_up.state, given_up.needs_review) == ("failed", True)
    assert around.decisive == 1


@pytest.mark.parametrize("platform", ["MASTODON", "BLUESKY", "TWITTER", "TELEGRAM"])
async def test_what_is_out_is_published_even_when_every_worker_died_before_it_could_say_so(
    installation: Installation, platform: str
) -> None:
    post = await scheduled(installation, platform)
    [job] = await promoted(installation)
    failing = replace(installation.publisher, engine=Failing(installation, 1))
    await failing.publish(job)  # its answer is kept, its result is not
    await installation.db.write(begun_often)

    installation.clock.advance(seconds=30)
    await installation.run_due()

    assert (await row(installation, post.destination_id)).state == "published"
    assert len(installation.posts(platform)) == 1


async def test_what_was_begun_too_often_is_not_taken_further_than_its_answers_lead(
    installation: Installation,
) -> None:
    items = [{"sequence": 1, "content": "One"}, {"sequence": 2, "content": "Two"}]
    post = await installation.create("TWITTER", content="One", threadPosts=items)
    await installation.api.post(f"/v1/posts/{post['id']}/publish")
    [job] = await promoted(installation)

    async def stop() -> None:
        if installation.posts("TWITTER"):
            raise asyncio.CancelledError  # the process stops with the second item on its way

    publisher, _ = surrounded(installation, before=stop)
    with suppress(asyncio.CancelledError):
        await publisher.publish(job)
    await installation.db.write(begun_often)
    await installation.run_due()

    given_up = await row(installation, job.destination_id)
    assert (given_up.state, given_up.needs_review) == ("failed", False)
    assert [posted.text for posted in installation.posts("TWITTER")] == ["One"]


def begun_often(session: Session) -> None:
    """As if one worker after the other had died, each before its next request was intended."""
    session.execute(update(Destination).values(runs=MAX_RUNS))
    session.execute(delete(Step).where(Step.reply.is_(None)))


def _without(table: type[Base], session: Session) -> None:
    session.execute(delete(table))


async def test_a_post_whose_file_is_gone_fails_and_sends_nothing(
    installation: Installation,
) -> None:
    answer = await installation.api.post("/v1/media", files={"file": ("a.png", PNG)})
    post = await installation.create("MASTODON", media=[answer.json()["id"]])
    await installation.api.post(f"/v1/posts/{post['id']}/publish")

    for gone in (MediaUse, MediaFile):  # a backup, say, that was put back in parts
        await installation.db.write(partial(_without, gone))
    await installation.run_due()

    [platform] = (await installation.get(post["id"]))["platforms"]
    assert (platform["status"], platform["error"]) == ("failed", "A file of the post is gone")
    assert installation.ledger.entries(platform="MASTODON") == []


async def test_a_post_that_breaks_a_rule_by_now_fails_with_the_rule_and_sends_nothing(
    installation: Installation,
) -> None:
    post = await scheduled(installation, "MASTODON")
    [job] = await promoted(installation)
    await installation.db.write(
        lambda session: session.execute(update(Post).values(content="a" * 501)).close()
    )

    await installation.publisher.publish(job)

    failed = await row(installation, post.destination_id)
    assert failed.error == "Mastodon takes 500 characters; this has 501"
    assert failed.next_retry_at is None
    assert installation.posts("MASTODON") == []


async def test_every_end_is_counted_by_network_and_every_start_by_how_late_it_was(
    installation: Installation,
) -> None:
    count = Metrics()
    installation.publisher = replace(installation.publisher, count=count)
    await installation.fault(kind="reject", platform="MASTODON")
    await installation.fault(kind="accept_then_drop", platform="TWITTER")
    await scheduled(installation, "MASTODON", "TWITTER", "BLUESKY")
    installation.clock.advance(seconds=3)

    await pursue(installation)

    ends = {
        (platform, status): count.registry.get_sample_value(
            "oncue_destinations_total", {"platform": platform, "status": status}
        )
        for platform, status in (
            ("MASTODON", "failed"),
            ("TWITTER", "published"),
            ("BLUESKY", "published"),
        )
    }
    assert set(ends.values()) == {1.0}
    assert count.registry.get_sample_value("oncue_lateness_seconds_count") == 3.0
    assert count.registry.get_sample_value("oncue_lateness_seconds_sum") == 9.0
