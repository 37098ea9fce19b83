"""What becomes of a post and of its journal when its destinations settle."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import select

from installation import Installation
from oncue.connectors.answers import Refusal, Refused, Reply
from oncue.connectors.base import Effect, Published
from oncue.lib import ids
from oncue.outbox import Event
from oncue.posts import events
from oncue.posts.models import Post
from oncue.publishing.conducting import Unknown
from oncue.publishing.ledger import StepLedger, hold
from oncue.publishing.publisher import Run
from oncue.publishing.settle import Outcome
from publishing.due import begun, claimed, ended, promoted, scheduled, status_of

pytestmark = pytest.mark.anyio

YES = Published(id="7", url="https://mastodon.test/7")
LATER = Refused("slow down", Refusal.RATE_LIMITED)
OUTCOMES: dict[str, Outcome] = {
    "published": YES,
    "failed": Refused("not like this"),
    "unknown": Unknown(reason="no answer"),
}


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("published", "published", "published"),
        ("published", "failed", "partial"),
        ("failed", "published", "partial"),
        ("unknown", "published", "partial"),
        ("failed", "unknown", "failed"),
        ("failed", "failed", "failed"),
    ],
)
async def test_the_last_to_settle_decides_what_the_post_is_and_says_so_once(
    installation: Installation, first: str, second: str, status: str
) -> None:
    post = await scheduled(installation, "MASTODON", "TWITTER")
    runs = [await claimed(installation, job) for job in await promoted(installation)]
    runs.sort(key=lambda run: post.destination_ids.index(run.claim.destination_id))

    await ended(installation, runs[0], OUTCOMES[first])
    assert await status_of(installation, post.post_id) == "publishing"
    await ended(installation, runs[1], OUTCOMES[second])

    assert await status_of(installation, post.post_id) == status
    said = await history(installation)
    assert [event.type for event in said][-2:] == ["post.publishing", f"post.{status}"]
    assert said[-1].data["status"] == status
    assert [each["postPlatformId"] for each in said[-1].data["platforms"]] == [
        ids.to_typeid("pp", each) for each in post.destination_ids
    ]


async def history(oncue: Installation) -> list[Event]:
    """The only post's events."""
    return await oncue.db.read(
        lambda session: list(
            events.of_post(session, oncue.workspace_id, session.scalars(select(Post.id)).one())
        )
    )


async def test_two_that_settle_at_once_make_one_event_of_it(installation: Installation) -> None:
    post = await scheduled(installation, "MASTODON", "TWITTER", "BLUESKY")
    runs = [await claimed(installation, job) for job in await promoted(installation)]

    await asyncio.gather(*(ended(installation, run, YES) for run in runs))

    assert await status_of(installation, post.post_id) == "published"
    assert [event.type for event in await history(installation)].count("post.published") == 1


async def test_a_failed_attempt_begins_anew_unless_something_of_it_is_public(
    installation: Installation,
) -> None:
    fresh = await begun(installation, "MASTODON")
    await steps(installation, fresh)
    await ended(installation, fresh, LATER)
    going_on = await begun(installation, "TWITTER")
    await steps(installation, going_on, "item 1")
    await ended(installation, going_on, LATER)
    installation.clock.advance(minutes=5)

    runs = [await claimed(installation, job) for job in await promoted(installation)]

    found = {run.claim.destination_id: run for run in runs}
    anew, again = found[fresh.claim.destination_id], found[going_on.claim.destination_id]
    assert (anew.claim.journal, [step.name for step in anew.steps]) == (1, [])
    assert (again.claim.journal, sorted(step.name for step in again.steps)) == (
        0,
        ["item 1", "step 1"],
    )
    assert key_time(anew) == installation.clock()
    assert key_time(again) == key_time(going_on)


def key_time(run: Run) -> datetime:
    """What keys are derived from, and so the same as long as a journal is."""
    assert run.draft is not None
    return run.draft.begun_at


async def steps(oncue: Installation, run: Run, *done: str) -> None:
    """Keep an upload, these public steps, and the intent of one that was refused."""
    ledger = StepLedger(oncue.db, run.claim, run.steps, oncue.clock, hold)
    ledger.note("step 1", Effect.REPEAT, "u", Reply(200, {}))
    for name in done:
        await ledger.intend(name, Effect.FIND, "f")
        await ledger.record(name, Reply(201, {}))
    await ledger.intend("refused", Effect.FIND, "f")
