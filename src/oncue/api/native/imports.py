"""Native dialect, CSV import: hand in a file, and ask how far it has come."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, UploadFile
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsReader, PostsWriter, Shared
from oncue.api.edge import TooLarge
from oncue.api.fields import ImportId, Out, PostId
from oncue.api.idempotency import Idempotent
from oncue.errors import Invalid, Issue, NotFound
from oncue.lib import ids
from oncue.media.service import as_shown
from oncue.posts import csv_import
from oncue.posts.csv_import import JobStatus, Report, Upload
from oncue.posts.csv_reader import FILE_BYTES
from oncue.posts.csv_template import template

router = APIRouter(prefix="/v1/posts/import", tags=["import"], route_class=KeyedRoute)

CSV: Final = "text/csv; charset=utf-8"
ATTACHED: Final = {"content-disposition": 'attachment; filename="oncue-import-template.csv"'}
DryRun = Annotated[bool, Query(description="Look for mistakes and create nothing.")]


class ImportOut(Out):
    """A file that was taken in."""

    job_id: ImportId
    status: JobStatus


class ImportErrorOut(Out):
    """One mistake in one row. A row is counted as a spreadsheet does: the header is row 1."""

    row: int
    message: str


class ImportStatusOut(Out):
    """How far an import has come; at the end every row has succeeded or failed (V314)."""

    job_id: ImportId
    status: JobStatus
    dry_run: bool
    total_rows: int
    processed_rows: int
    success_count: int
    failure_count: int
    errors: list[ImportErrorOut]
    created_post_ids: list[PostId]
    reason: str | None
    warning: str | None


@router.get(
    "/template",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def import_template(_caller: PostsReader, shared: Shared) -> Response:
    """A CSV file to fill in: the header, and example rows to be replaced."""
    return Response(template(shared.now()), media_type=CSV, headers=ATTACHED)


@router.post("", status_code=202)
async def import_posts(
    file: UploadFile,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
    dry_run: DryRun = False,
    dry_run_too: Annotated[DryRun, Query(alias="dryRun")] = False,
) -> ImportOut:
    """Hand in a CSV file (multipart field `file`). Its rows become posts in the background."""
    upload = Upload(
        filename=as_shown(file.filename or "file"),
        content=await _content(file),
        dry_run=dry_run or dry_run_too,
    )

    def work(session: Session) -> ImportOut:
        job_id = csv_import.accept(session, caller.workspace_id, upload, shared.now())
        return ImportOut(job_id=job_id, status=JobStatus.QUEUED)

    return await once.write(work, status=202)


@router.get("/{job_id}/status")
async def import_status(
    job_id: Annotated[str, Path(description="An import's id.")],
    caller: PostsReader,
    shared: Shared,
) -> ImportStatusOut:
    """How far an import has come. Ask again until the status is `done` or `failed`."""
    wanted = _read_id(job_id)
    return await shared.db.read(
        lambda session: _show(csv_import.report(session, caller.workspace_id, wanted))
    )


async def _content(file: UploadFile) -> bytes:
    content = await file.read(FILE_BYTES + 1)
    if not content:
        raise Invalid([Issue(field="file", message="is empty")])
    if len(content) > FILE_BYTES:
        raise TooLarge(FILE_BYTES, "A file to import")
    return content


def _read_id(text: str) -> UUID:
    """What no import can be called is an unknown import like any other (V315)."""
    try:
        return ids.from_typeid("job", text)
    except ids.BadId:
        raise NotFound("import", text) from None


def _show(report: Report) -> ImportStatusOut:
    job = report.job
    return ImportStatusOut(
        job_id=job.id,
        status=JobStatus(job.status),
        dry_run=job.dry_run,
        total_rows=job.total_rows,
        processed_rows=job.processed_rows,
        success_count=job.success_count,
        failure_count=job.failure_count,
        errors=[ImportErrorOut(row=row, message=message) for row, message in report.errors],
        created_post_ids=list(report.post_ids),
        reason=job.reason,
        warning=job.warning,
    )
