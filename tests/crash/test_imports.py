"""Servers die by kill -9 in the middle of an import; the next one finishes it, each row once."""

from typing import Any, Final

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.importing import table
from crash.site import Site
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.lib.crashpoints import IMPORT_POINTS
from oncue.posts import csv_import
from oncue.posts.csv_import import Upload
from oncue.posts.models import Post
from processes import KILLED, ask, eventually, until_served

TEXTS: Final = [f"Post {number}" for number in range(1_000)]

pytestmark = pytest.mark.timeout(300)


def hand_in(site: Site) -> str:
    """A file of a thousand posts, and two rows that are none; the job's id."""
    account = ids.to_typeid("acc", site.connect("MASTODON")[0])
    rows = [(text, account) for text in TEXTS]
    content = table(("", account), *rows, ("Nobody's", ids.to_typeid("acc", site.workspace_id)))
    upload = Upload(filename="posts.csv", content=content, dry_run=False)
    job_id = site.transact(
        lambda session: csv_import.accept(session, site.workspace_id, upload, utc_now())
    )
    return ids.to_typeid("job", job_id)


def shown(site: Site, job_id: str) -> dict[str, Any]:
    url = f"{site.url}/v1/posts/import/{job_id}/status"
    job: dict[str, Any] = ask("GET", url, authorization=f"Bearer {site.key}")
    return job


def until_done(site: Site, job_id: str) -> dict[str, Any]:
    """What a new server says of the job, once it is done."""
    until_served(site.serve(), f"{site.url}/healthz")
    eventually(lambda: shown(site, job_id)["status"] == "done", "the import is done", within=60)
    return shown(site, job_id)


def test_an_import_that_is_killed_again_and_again_is_whole_in_the_end(site: Site) -> None:
    job_id = hand_in(site)
    for point in IMPORT_POINTS:
        assert site.serve(ONCUE_CRASH_AT=f"{point}:12").ended() == KILLED

    job = until_done(site, job_id)

    check(site, job)


def test_workers_that_die_one_after_the_other_leave_the_rest_to_the_next(on_postgres: Site) -> None:
    job_id = hand_in(on_postgres)
    workers = [on_postgres.start("worker", ONCUE_CRASH_AT="rows_done:12") for _ in range(3)]

    assert [worker.ended() for worker in workers] == [KILLED] * 3
    job = until_done(on_postgres, job_id)

    check(on_postgres, job)


def check(site: Site, job: dict[str, Any]) -> None:
    """Every row has become one post, in the file's order; the bad ones are told."""

    def look(session: Session) -> list[tuple[str, str]]:
        posts = session.execute(select(Post.id, Post.content).order_by(Post.id))
        return [(ids.to_typeid("post", post_id), content) for post_id, content in posts]

    posts = site.transact(look)
    assert [content for _post_id, content in posts] == TEXTS
    assert job["createdPostIds"] == [post_id for post_id, _content in posts]
    assert (job["totalRows"], job["processedRows"]) == (1_002, 1_002)
    assert (job["successCount"], job["failureCount"]) == (1_000, 2)
    assert [error["row"] for error in job["errors"]] == [2, 1_003]
