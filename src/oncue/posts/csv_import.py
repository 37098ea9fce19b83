"""CSV imports: a file is accepted at once, and becomes posts in the background (V307-V315).

A run takes a job for as long as a lease lasts and does its rows in order, a few in each
transaction. The transaction that makes a row's post also records the row, and first makes sure
that the job still has the run's fence. So a run that died or stood still loses and doubles
nothing: the next one raises the fence, and goes on after the last row that is recorded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, insert, or_, select, update
from sqlalchemy.orm import Session

from oncue.db.database import Topic, announce
from oncue.errors import Conflict, NotFound
from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.posts.csv_reader import Row, RowError
from oncue.posts.csv_rows import Create, create_rows, try_rows
from oncue.posts.import_models import ImportJob, ImportRow
from oncue.workspaces.models import Workspace

OPEN_JOBS: Final = 20  # of one workspace
SAME_FILE: Final = timedelta(days=1)

_rows: Table = ImportRow.__table__  # type: ignore[assignment]
_INSERT_ROWS = insert(_rows)

Values: TypeAlias = dict[str, Any]


class JobStatus(StrEnum):
    """How far a job has come (V311). A job with bad rows is done; a bad file has failed."""

    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came in. `filename` is for people."""

    filename: str
    content: bytes
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process's turn at a job. `after` is the last row an earlier turn has done."""

    job_id: UUID
    workspace_id: UUID
    fence: int
    dry_run: bool
    content: bytes
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A job, and what became of its rows so far."""

    job: ImportJob
    errors: Sequence[tuple[int, str]]
    post_ids: Sequence[UUID]


def accept(session: Session, workspace_id: UUID, upload: Upload, now: datetime) -> UUID:
    """Keep a file to be imported; raises Conflict where too many are waiting already."""
    # Held, so that parallel uploads cannot share the last place.
    place = select(Workspace.id).where(Workspace.id == workspace_id)
    session.execute(place.with_for_update(key_share=True))
    waiting = session.scalar(
        select(func.count()).where(
            ImportJob.workspace_id == workspace_id, ImportJob.finished_at.is_(None)
        )
    )
    if (waiting or 0) >= OPEN_JOBS:
        facts = {"limit": OPEN_JOBS}
        raise Conflict(f"{waiting} imports are waiting; wait for one of them to finish", facts)
    job_id = ids.new_id(now)
    sha256 = hashlib.sha256(upload.content).hexdigest()
    session.add(
        ImportJob(
            id=job_id,
            workspace_id=workspace_id,
            status=JobStatus.QUEUED,
            dry_run=upload.dry_run,
            filename=upload.filename,
            content=upload.content,
            sha256=sha256,
            warning=_seen_before(session, workspace_id, sha256, now),
            created_at=now,
        )
    )
    session.flush()
    announce(session, Topic.ERRAND)
    return job_id


def _seen_before(session: Session, workspace_id: UUID, sha256: str, now: datetime) -> str | None:
    """The warning about a file that was imported, not merely tried, within a day."""
    earlier = session.execute(
        select(ImportJob.id, ImportJob.created_at)
        .where(
            ImportJob.workspace_id == workspace_id,
            ImportJob.sha256 == sha256,
            ImportJob.dry_run.is_(False),
            ImportJob.status != JobStatus.FAILED,
            ImportJob.created_at > now - SAME_FILE,
        )
        .order_by(ImportJob.created_at.desc(), ImportJob.id.desc())
        .limit(1)
    ).one_or_none()
    if earlier is None:
        return None
    name = ids.to_typeid("job", earlier.id)
    return f"The same file was imported at {iso(earlier.created_at)} as {name}"


def report(session: Session, workspace_id: UUID, job_id: UUID) -> Report:
    """How far a job has come; raises NotFound (V315)."""
    job = session.scalar(
        select(ImportJob).where(ImportJob.workspace_id == workspace_id, ImportJob.id == job_id)
    )
    if job is None:
        raise NotFound("import", ids.to_typeid("job", job_id))
    rows = session.scalars(
        select(ImportRow)
        .where(ImportRow.workspace_id == workspace_id, ImportRow.job_id == job_id)
        .order_by(ImportRow.row)
    ).all()
    return Report(
        job=job,
        errors=[(row.row, message) for row in rows for message in row.messages],
        post_ids=[row.post_id for row in rows if row.post_id is not None],
    )


def next_free(session: Session) -> datetime | None:
    """When the first job is free to be taken, be it in the past; None: there is no job."""
    return session.scalar(
        select(func.min(func.coalesce(ImportJob.lease_until, ImportJob.created_at))).where(
            ImportJob.finished_at.is_(None)
        )
    )


def take(session: Session, now: datetime, lease: timedelta) -> Run | None:
    """Take the oldest job that is nobody's; None where there is none, or somebody was quicker."""
    is_free = or_(ImportJob.lease_until.is_(None), ImportJob.lease_until <= now)
    oldest = (
        select(ImportJob.id)
        .where(ImportJob.finished_at.is_(None), is_free)
        .order_by(ImportJob.created_at, ImportJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = session.execute(
        update(ImportJob)
        .where(ImportJob.id == oldest, ImportJob.finished_at.is_(None), is_free)
        .values(
            status=JobStatus.PROCESSING,
            fence=ImportJob.fence + 1,
            lease_until=now + lease,
        )
        .returning(
            ImportJob.id,
            ImportJob.workspace_id,
            ImportJob.fence,
            ImportJob.dry_run,
            ImportJob.content,
        )
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        return None
    # Only now that the fence is ours: an earlier run may have recorded rows until this moment.
    after = session.scalar(
        select(func.max(ImportRow.row)).where(
            ImportRow.workspace_id == taken.workspace_id, ImportRow.job_id == taken.id
        )
    )
    return Run(
        job_id=taken.id,
        workspace_id=taken.workspace_id,
        fence=taken.fence,
        dry_run=taken.dry_run,
        content=taken.content,
        after=after or 0,
    )


def begin(session: Session, run: Run, total_rows: int) -> bool:
    """Say how many rows the file has; False: the job is another run's by now."""
    return _write(session, run, {"total_rows": total_rows}) is not None


def import_rows(
    session: Session,
    run: Run,
    rows: Sequence[Row | RowError],
    create: Create,
    now: datetime,
    lease: timedelta,
) -> bool:
    """Do the next rows and record them; False: the job is another run's by now."""
    planned = _write(session, run, {"lease_until": now + lease})
    if planned is None:
        return False
    if run.dry_run:
        done = try_rows(session, run.workspace_id, rows, create, now, planned=planned)
    else:
        done = create_rows(session, run.workspace_id, rows, create, now)
    records = [
        {
            "job_id": run.job_id,
            "workspace_id": run.workspace_id,
            "row": row.number,
            "post_id": row.post_id,
            "messages": row.messages,
        }
        for row in done
    ]
    session.execute(_INSERT_ROWS, records)
    failed = sum(bool(row.messages) for row in done)
    counted = {
        "processed_rows": ImportJob.processed_rows + len(done),
        "success_count": ImportJob.success_count + len(done) - failed,
        "failure_count": ImportJob.failure_count + failed,
    }
    return _write(session, run, counted) is not None


def finish(session: Session, run: Run, now: datetime, reason: str | None = None) -> None:
    """End a job whose rows are all done; or, with a reason, one that cannot be done (V312)."""
    status = JobStatus.DONE if reason is None else JobStatus.FAILED
    ended = {"status": status, "reason": reason, "finished_at": now, "lease_until": None}
    _write(session, run, ended | {"content": b""})


def _write(session: Session, run: Run, values: Values) -> int | None:
    """Change the job if it is still the run's, and hold it; how many rows have succeeded."""
    return session.scalar(
        update(ImportJob)
        .where(*_is(run))
        .values(values)
        .returning(ImportJob.success_count)
        .execution_options(synchronize_session=False)
    )


def _is(run: Run) -> tuple[ColumnElement[bool], ...]:
    return (
        ImportJob.workspace_id == run.workspace_id,
        ImportJob.id == run.job_id,
        ImportJob.fence == run.fence,
        ImportJob.finished_at.is_(None),
    )
