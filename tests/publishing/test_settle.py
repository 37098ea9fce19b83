"""How a run ends: the destination's result, its attempt, its account, its next due time."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from installation import START, Installation
from oncue.accounts.models import Account
from oncue.connectors.answers import Refusal, Refused
from oncue.connectors.base import Published
from oncue.connectors.journal import Fenced
from oncue.lib.clock import MILLISECOND
from oncue.posts.models import Attempt, Destination, Post
from oncue.publishing.conducting import Unknown
from oncue.publishing.publisher import Run
from oncue.publishing.settle import (
    ERROR_CHARACTERS,
    Outcome,
    hand_back,
    park,
)
from oncue.workspaces.models import Workspace
from publishing.due import begun, ended, next_run, row, scheduled, states

pytestmark = pytest.mark.anyio

YES = Published(id="7", url="https://mastodon.test/7", warning="cropped")
NO = Refused("not like this")
LATER = Refused("slow down", Refusal.RATE_LIMITED)
UNKNOWN = Unknown(reason="no answer")
MINUTE = timedelta(minutes=1)


async def result(oncue: Installation, outcome: Outcome) -> Destination:
    """What becomes of a new post's destination on Mastodon."""
    run = await begun(oncue, "MASTODON")
    await ended(oncue, run, outcome)
    return await row(oncue, run.claim.destination_id)


def facts(found: Destination, *names: str) -> dict[str, Any]:
    return {name: getattr(found, name) for name in names}


async def test_a_published_destination_knows_where_it_is(installation: Installation) -> None:
    found = await result(installation, YES)

    assert facts(found, "state", "error", "needs_review", "run_at", "ticket", "runs") == {
        "state": "published",
        "error": None,
        "needs_review": False,
        "run_at": None,
        "ticket": None,
        "runs": 0,
    }
    assert (found.platform_post_id, found.platform_post_url, found.publish_warning) == (
        "7",
        "https://mastodon.test/7",
        "cropped",
    )
    assert found.published_at == START + timedelta(seconds=1)


async def test_a_definite_no_is_final_until_somebody_acts(installation: Installation) -> None:
    found = await result(installation, NO)

    names = ("state", "error", "needs_review", "run_at", "next_retry_at", "retry_count")
    assert facts(found, *names) == {
        "state": "failed",
        "error": "not like this",
        "needs_review": False,
        "run_at": None,
        "next_retry_at": None,
        "retry_count": 0,
    }


async def test_an_unknown_outcome_waits_for_a_person(installation: Installation) -> None:
    found = await result(installation, UNKNOWN)

    assert facts(found, "state", "error", "needs_review", "run_at", "next_retry_at") == {
        "state": "failed",
        "error": "OUTCOME_UNKNOWN: no answer",
        "needs_review": True,
        "run_at": None,
        "next_retry_at": None,
    }


async def test_every_attempt_is_kept_as_it_ended(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    await ended(installation, run, LATER)
    installation.clock.advance(minutes=2)
    await ended(installation, await next_run(installation), YES)

    attempts = await installation.db.read(
        lambda session: [
            (kept.number, kept.attempted_at, kept.finished_at, kept.status, kept.error)
            for kept in session.scalars(select(Attempt).order_by(Attempt.number))
        ]
    )
    first, second = timedelta(seconds=1), timedelta(seconds=1, minutes=2)
    assert attempts == [
        (1, START, START + first, "failed", "slow down"),
        (2, START + second, START + second + first, "published", None),
    ]


async def test_a_passing_no_is_tried_again_after_two_four_and_eight_minutes_and_no_more(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    planned: list[tuple[int, timedelta | None]] = []
    found = await again(installation, run)
    while found.next_retry_at is not None:
        planned.append((found.retry_count, found.next_retry_at - installation.clock()))
        assert found.run_at == found.next_retry_at
        installation.clock.now = found.next_retry_at
        found = await again(installation, await next_run(installation))
    planned.append((found.retry_count, None))

    assert planned == [(1, 2 * MINUTE), (2, 4 * MINUTE), (3, 8 * MINUTE), (3, None)]


async def again(oncue: Installation, run: Run) -> Destination:
    await ended(oncue, run, LATER)
    return await row(oncue, run.claim.destination_id)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (timedelta(0), 2 * MINUTE),
        (2 * MINUTE - MILLISECOND, 2 * MINUTE),
        (15 * MINUTE, 15 * MINUTE),
    ],
)
async def test_a_network_may_ask_for_more_time_but_not_for_less(
    installation: Installation, asked: timedelta, waits: timedelta
) -> None:
    busy = Refused("slow down", Refusal.TRY_LATER, retry_after=asked)

    found = await result(installation, busy)

    assert found.next_retry_at == installation.clock() + waits


async def test_nothing_is_tried_again_by_itself_where_the_workspace_does_not_want_it(
    installation: Installation,
) -> None:
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(auto_retry=False)).close()
    )

    found = await result(installation, LATER)

    assert facts(found, "state", "run_at", "next_retry_at", "retry_count") == {
        "state": "failed",
        "run_at": None,
        "next_retry_at": None,
        "retry_count": 0,
    }


@pytest.mark.parametrize(
    ("meaning", "status"),
    [
        (Refusal.RECONNECT, "expired"),
        (Refusal.EXPIRED, "expired"),
        (Refusal.REJECTED, "active"),
        (Refusal.DUPLICATE, "active"),
        (Refusal.RATE_LIMITED, "active"),
        (Refusal.TRY_LATER, "active"),
    ],
)
async def test_an_authorisation_that_is_gone_shows_on_the_account(
    installation: Installation, meaning: Refusal, status: str
) -> None:
    found = await result(installation, Refused("no", meaning))

    mine = Account.id == found.account_id
    shown = await installation.db.read(
        lambda session: session.scalar(select(Account.status).where(mine))
    )
    assert shown == status


@pytest.mark.parametrize("words", ["", "a" * 5_000, "two\nlines", "Grüße 👋 \u2028"])
async def test_whatever_words_a_network_finds_they_can_be_kept(
    installation: Installation, words: str
) -> None:
    for outcome in (Refused(words), Unknown(reason=words)):
        found = await result(installation, outcome)

        assert found.state == "failed"
        assert len(found.error or "") <= ERROR_CHARACTERS


async def test_settling_takes_the_accounts_next_destination_along(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    following = await scheduled(installation, "MASTODON")

    settled = await ended(installation, run, NO)

    assert [job.destination_id for job in settled.jobs] == [following.destination_id]
    assert (settled.platform, settled.status) == ("MASTODON", "failed")


async def test_a_run_that_was_overtaken_settles_nothing(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    await ended(installation, run, YES)

    for outcome in (YES, NO, UNKNOWN):
        with pytest.raises(Fenced):
            await ended(installation, run, outcome)
    with pytest.raises(Fenced):
        await installation.db.write(
            lambda session: park(session, run.claim, START, installation.clock())
        )
    with pytest.raises(Fenced):
        await installation.db.write(
            lambda session: hand_back(session, run.claim, installation.clock())
        )

    assert await states(installation, run.claim.destination_id) == ["published"]


async def test_a_deleted_posts_run_settles_nothing(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    await installation.db.write(lambda session: session.delete(session.scalars(select(Post)).one()))

    with pytest.raises(Fenced):
        await ended(installation, run, YES)


async def test_a_parked_run_gives_its_account_and_its_worker_back(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    following = await scheduled(installation, "MASTODON")
    until = START + timedelta(hours=1)

    jobs = await installation.db.write(
        lambda session: park(session, run.claim, until, installation.clock(), runs=3)
    )

    found = await row(installation, run.claim.destination_id)
    assert [job.destination_id for job in jobs] == [following.destination_id]
    assert facts(found, "state", "run_at", "ticket", "runs", "attempt") == {
        "state": "parked",
        "run_at": until,
        "ticket": None,
        "runs": 3,
        "attempt": 0,
    }
