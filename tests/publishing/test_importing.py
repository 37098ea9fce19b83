"""The work of an import: several at it, one that stood still, and one that never ends."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, undefer

from api.importing import accepted, imported, listed, status, table
from installation import Installation
from oncue.errors import NotFound
from oncue.posts import csv_import
from oncue.posts import service as posts
from oncue.posts.csv_import import Run
from oncue.posts.csv_reader import ImportFile
from oncue.posts.import_models import ImportJob
from oncue.posts.values import NewPost
from oncue.publishing.importing import MAX_RUNS, ROWS, Importer
from oncue.workspaces.models import Workspace

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)
TEXTS = [f"Post {number}" for number in range(2 * ROWS + 10)]


def importer(installation: Installation) -> Importer:
    return Importer(db=installation.db, now=installation.clock, lease=LEASE)


def file_of(installation: Installation, texts: list[str] = TEXTS) -> bytes:
    return table(*[(text, installation.account("MASTODON")) for text in texts])


async def take(installation: Installation) -> Run:
    """Take the job as a worker does that then stands still."""
    run = await installation.db.write(
        lambda session: csv_import.take(session, installation.clock(), LEASE)
    )
    assert run is not None
    return run


async def do_rows(installation: Installation, run: Run, first: int, last: int) -> bool:
    return await installation.db.write(
        lambda session: import_rows(session, installation, run, first, last)
    )


def import_rows(
    session: Session, installation: Installation, run: Run, first: int, last: int
) -> bool:
    rows, now = list(ImportFile(run.content))[first:last], installation.clock()

    def create(session: Session, new: NewPost) -> UUID:
        return posts.create(session, run.workspace_id, new, now)

    return csv_import.import_rows(session, run, rows, create, now, LEASE)


async def contents(installation: Installation) -> list[str]:
    return [post["content"] for post in await listed(installation)]


async def limit(installation: Installation, posts_per_month: int) -> None:
    def work(session: Session) -> None:
        session.execute(update(Workspace).values(posts_per_month=posts_per_month))

    await installation.db.write(work)


async def test_workers_that_start_at_the_same_instant_do_every_row_once(
    installation: Installation,
) -> None:
    files = [[f"{text} of {number}" for text in "ab"] for number in range(5)]
    jobs = [await accepted(installation, file_of(installation, texts)) for texts in files]
    workers = [importer(installation) for _ in range(4)]

    for _ in range(5):
        await asyncio.gather(*(worker.act() for worker in workers))

    assert sorted(await contents(installation)) == sorted(text for file in files for text in file)
    assert {(await status(installation, job))["status"] for job in jobs} == {"done"}


async def test_a_job_is_another_workers_only_once_its_lease_has_ended(
    installation: Installation,
) -> None:
    job_id = await accepted(installation, file_of(installation))
    silent = await take(installation)
    await do_rows(installation, silent, 0, ROWS)
    worker = importer(installation)

    early = await worker.act()
    halfway = await status(installation, job_id)
    installation.clock.advance(seconds=LEASE.total_seconds())
    await worker.act()
    after = await status(installation, job_id)

    assert early is not None
    assert early - installation.clock() == timedelta(0)
    assert (halfway["status"], halfway["processedRows"]) == ("processing", ROWS)
    assert (after["status"], after["processedRows"]) == ("done", len(TEXTS))
    assert await contents(installation) == TEXTS


async def test_a_worker_that_wakes_up_after_its_lease_can_write_nothing(
    installation: Installation,
) -> None:
    job_id = await accepted(installation, file_of(installation))
    silent = await take(installation)
    installation.clock.advance(seconds=LEASE.total_seconds())
    other = await take(installation)
    await do_rows(installation, other, 0, ROWS)
    await installation.db.write(lambda session: csv_import.begin(session, other, len(TEXTS)))
    before = await status(installation, job_id)

    done = await do_rows(installation, silent, 0, ROWS)
    begun = await installation.db.write(lambda session: csv_import.begin(session, silent, 1))
    await installation.db.write(
        lambda session: csv_import.finish(session, silent, installation.clock(), "no")
    )

    assert (done, begun) == (False, False)
    assert await status(installation, job_id) == before
    assert await contents(installation) == TEXTS[:ROWS]


async def test_rows_and_their_record_are_kept_together_or_not_at_all(
    installation: Installation,
) -> None:
    job_id = await accepted(installation, file_of(installation))
    run = await take(installation)

    def work(session: Session) -> None:
        import_rows(session, installation, run, 0, ROWS)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await installation.db.write(work)

    assert await contents(installation) == []
    assert (await status(installation, job_id))["processedRows"] == 0


async def test_a_job_that_no_worker_survives_is_given_up_with_what_it_has_done(
    installation: Installation,
) -> None:
    job_id = await accepted(installation, file_of(installation))
    for begun in range(MAX_RUNS):
        run = await take(installation)
        if begun == 0:
            await do_rows(installation, run, 0, ROWS)
        installation.clock.advance(seconds=LEASE.total_seconds())

    await importer(installation).act()
    job = await status(installation, job_id)

    assert job["status"] == "failed"
    assert job["reason"] == f"the import was begun {MAX_RUNS} times and never ended"
    assert job["successCount"] == len(job["createdPostIds"]) == ROWS


async def test_the_oldest_job_is_done_first_and_its_file_is_not_kept(
    installation: Installation,
) -> None:
    first = await accepted(installation, file_of(installation, ["One"]))
    installation.clock.advance(seconds=1)
    await accepted(installation, file_of(installation, ["Two"]))

    due = await importer(installation).act()

    def contents_of_jobs(session: Session) -> list[bytes]:
        kept = select(ImportJob).order_by(ImportJob.created_at).options(undefer(ImportJob.content))
        return [job.content for job in session.scalars(kept)]

    assert due == installation.clock()
    assert (await status(installation, first))["status"] == "done"
    assert await contents(installation) == ["One"]
    done, waiting = await installation.db.read(contents_of_jobs)
    assert (done, waiting) == (b"", file_of(installation, ["Two"]))


async def test_nothing_to_import_is_nothing_to_wait_for(installation: Installation) -> None:
    assert await importer(installation).act() is None


async def test_rows_beyond_the_plan_are_told_so_by_a_dry_run_too(
    installation: Installation,
) -> None:
    await limit(installation, ROWS + 3)
    file = file_of(installation)

    tried = await imported(installation, file, "?dry_run=true")
    real = await imported(installation, file)

    assert real["successCount"] == ROWS + 3
    assert real["errors"][0] == {
        "row": ROWS + 5,
        "message": f"The plan agency has {ROWS + 3} posts a month; {ROWS + 3} are in use",
    }
    assert (tried["successCount"], tried["errors"]) == (real["successCount"], real["errors"])
    assert await contents(installation) == TEXTS[: ROWS + 3]


async def test_a_workspaces_posts_are_not_another_ones(installation: Installation) -> None:
    other = await installation.new_workspace()
    job_id = await accepted(installation, file_of(installation, ["Mine"]))
    run = await take(installation)

    assert (run.workspace_id, run.after) == (installation.workspace_id, 0)
    with pytest.raises(NotFound):
        await installation.db.read(lambda session: csv_import.report(session, other, run.job_id))
    assert (await status(installation, job_id))["status"] == "processing"
