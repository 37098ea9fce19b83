"""A retry of very many failures: in bounded transactions, whatever happens in between."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Connection, Engine, event, func, select, text
from sqlalchemy.orm import Session

from installation import Installation
from oncue.posts import bulk_retries
from oncue.posts.lifecycle import State, Status
from oncue.posts.models import BulkRetry, BulkRetryPart, Destination, Post
from oncue.posts.retry_failed import BATCH, FailureFilter, Requeued
from posts.failures import change, events, fail_many, fences, states
from statements import statements

pytestmark = pytest.mark.anyio

MANY = 3_000
MASTODON = FailureFilter(platform="MASTODON")


class Retry:
    """A retry of Mastodon's failures, done part by part."""

    def __init__(self, oncue: Installation, *, dry_run: bool = False) -> None:
        self.oncue, self.dry_run = oncue, dry_run
        self.id: UUID

    async def begin(self) -> "Retry":
        now, owner = self.oncue.clock(), self.oncue.workspace_id
        self.id = await self.oncue.db.write(
            lambda session: bulk_retries.begin(session, owner, MASTODON, now)
        )
        return self

    async def go_on(self, *, patient: bool = False) -> bool:
        return await self.oncue.db.write(
            lambda session: bulk_retries.go_on(
                session,
                self.oncue.workspace_id,
                self.id,
                MASTODON,
                self.oncue.clock(),
                patient=patient,
                dry_run=self.dry_run,
            )
        )

    async def finish(self) -> None:
        for patient in (False, True):
            while await self.go_on(patient=patient):
                pass

    async def told(self) -> list[Requeued]:
        """What its parts say, none of them of more than a batch."""
        found: list[Requeued] = []
        for number in itertools.count(1):
            rows = await self._part(number)
            if rows is None:
                break
            assert 0 < len(rows) <= BATCH
            found += rows
        return found

    async def _part(self, number: int) -> Sequence[Requeued] | None:
        owner = self.oncue.workspace_id
        return await self.oncue.db.read(
            lambda session: bulk_retries.part(session, owner, self.id, number)
        )


@contextmanager
def waiting_at_each_commit() -> Iterator[list[int]]:
    """How many destinations are waiting as each transaction ends, in order."""
    counted: list[int] = []

    def count(connection: Connection) -> None:
        waiting = text("SELECT count(*) FROM destination WHERE state = 'waiting'")
        counted.append(connection.scalar(waiting) or 0)

    event.listen(Engine, "commit", count)
    try:
        yield counted
    finally:
        event.remove(Engine, "commit", count)


async def test_no_transaction_takes_more_than_a_batch(installation: Installation) -> None:
    failed = await fail_many(installation, MANY)
    retry = await Retry(installation).begin()

    with waiting_at_each_commit() as waiting:
        await retry.finish()

    taken = [after - before for before, after in zip([0, *waiting], waiting, strict=False)]
    assert max(taken) == BATCH
    assert sum(taken) == MANY
    assert [row.destination_id for row in await retry.told()] == failed
    assert await states(installation) == {State.WAITING: MANY}
    assert await fences(installation) == {1: MANY}
    assert await events(installation) == {"post.publishing": MANY}


@statements("P32", "P33", "P34", "P35")
async def test_what_is_retried_starts_from_nothing_and_is_due_now(
    installation: Installation,
) -> None:
    [failed] = await fail_many(installation, 1)
    await fail_many(installation, 1, "BLUESKY")
    installation.clock.advance(seconds=5)

    await (await Retry(installation).begin()).finish()

    def look(session: Session) -> Destination:
        row = session.get_one(Destination, failed)
        session.expunge(row)
        return row

    row = await installation.db.read(look)
    assert (row.state, row.run_at) == (State.WAITING, installation.clock())
    assert (row.attempt_count, row.retry_count, row.error) == (0, 0, None)
    assert await states(installation) == {State.WAITING: 1, State.FAILED: 1}


async def test_what_fails_again_meanwhile_is_not_retried_again(installation: Installation) -> None:
    first, *_ = await fail_many(installation, BATCH + 1)
    retry = await Retry(installation).begin()
    await retry.go_on()
    installation.clock.advance(seconds=1)
    await change(installation, first, state=State.FAILED, settled_at=installation.clock())

    await retry.finish()

    assert await states(installation) == {State.WAITING: BATCH, State.FAILED: 1}
    assert len(await retry.told()) == BATCH + 1


@pytest.mark.parametrize("values", [{"needs_review": True}, {"state": State.PUBLISHED}])
async def test_what_is_unknown_or_has_not_failed_is_left_alone(
    installation: Installation, values: dict[str, object]
) -> None:
    first, second = await fail_many(installation, 2)
    await change(installation, first, **values)
    retry = await Retry(installation).begin()

    await retry.finish()

    assert [row.destination_id for row in await retry.told()] == [second]


@pytest.mark.parametrize(
    ("status", "count"),
    [
        (Status.FAILED, 1),
        (Status.PARTIAL, 1),
        (Status.PUBLISHING, 1),
        (Status.ARCHIVED, 0),
        (Status.CANCELLED, 0),
        (Status.UNPUBLISHED, 0),
        (Status.DRAFT, 0),
    ],
)
async def test_a_post_that_was_put_away_is_not_sent_out_again(
    installation: Installation, status: Status, count: int
) -> None:
    await fail_many(installation, 1)
    await installation.db.write(lambda session: session.query(Post).update({"status": status}))
    retry = await Retry(installation).begin()

    await retry.finish()

    assert len(await retry.told()) == count


async def test_a_dry_run_tells_all_and_changes_nothing(installation: Installation) -> None:
    failed = await fail_many(installation, BATCH + 1)
    retry = await Retry(installation, dry_run=True).begin()

    await retry.finish()

    assert [row.destination_id for row in await retry.told()] == failed
    assert await fences(installation) == {0: BATCH + 1}
    assert await events(installation) == {}


async def test_a_retry_that_is_done_is_not_done_again(installation: Installation) -> None:
    await fail_many(installation, 1)
    retry = await Retry(installation).begin()
    await retry.finish()
    await fail_many(installation, 1)

    await retry.finish()

    assert len(await retry.told()) == 1
    assert await states(installation) == {State.WAITING: 1, State.FAILED: 1}


@asynccontextmanager
async def held_by_another(oncue: Installation, post_id: UUID) -> AsyncIterator[None]:
    """Another transaction that has a post for as long as the block lasts."""
    other = await asyncpg.connect(oncue.services.settings.database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT id FROM post WHERE id = $1 FOR UPDATE", post_id)
            yield
    finally:
        await other.close()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_what_another_transaction_holds_comes_last(installation: Installation) -> None:
    failed = await fail_many(installation, 3)
    retry = await Retry(installation).begin()

    async with held_by_another(installation, await post_of(installation, failed[0])):
        await retry.go_on()
        passed_over = await retry.told()
    await retry.finish()

    assert [row.destination_id for row in passed_over] == failed[1:]
    assert [row.destination_id for row in await retry.told()] == [*failed[1:], failed[0]]


async def test_a_retry_is_forgotten_with_its_parts_after_a_day(installation: Installation) -> None:
    await fail_many(installation, 1)
    await (await Retry(installation).begin()).finish()
    installation.clock.advance(hours=24)
    await installation.errands()
    kept = await count_rows(installation)

    installation.clock.advance(hours=1)
    await installation.errands()

    assert kept == (1, 1)
    assert await count_rows(installation) == (0, 0)


async def test_old_retries_are_forgotten_a_few_at_a_time_and_newer_ones_stay(
    installation: Installation,
) -> None:
    for _ in range(3):
        await Retry(installation).begin()
    installation.clock.advance(hours=25)
    await Retry(installation).begin()

    gone = [
        await installation.db.write(
            lambda session: bulk_retries.forget(session, installation.clock(), 2)
        )
        for _ in range(3)
    ]

    assert gone == [2, 1, 0]
    assert await count_rows(installation) == (1, 0)


async def count_rows(installation: Installation) -> tuple[int, ...]:
    """How many retries there are, and how many parts."""

    def count(session: Session) -> tuple[int, ...]:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (BulkRetry, BulkRetryPart)
        )

    return await installation.db.read(count)


async def post_of(installation: Installation, destination_id: UUID) -> UUID:
    return await installation.db.read(
        lambda session: session.get_one(Destination, destination_id).post_id
    )
