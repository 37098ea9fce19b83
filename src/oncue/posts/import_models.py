"""CSV imports: the file, how far it has come, and what became of each row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class ImportJob(Base):
    """An uploaded file on its way to posts. `fence` names the run that may write.

    A finished job has no `content` any more; `sha256` still tells which file it was.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        Index(
            "ix_import_job_open",
            "created_at",
            postgresql_where=text("finished_at IS NULL"),
            sqlite_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    status: Mapped[str] = mapped_column(default="queued")
    dry_run: Mapped[bool]
    filename: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str]
    total_rows: Mapped[int] = mapped_column(default=0)
    processed_rows: Mapped[int] = mapped_column(default=0)
    success_count: Mapped[int] = mapped_column(default=0)
    failure_count: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None]  # why the job itself failed
    warning: Mapped[str | None]
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportRow(Base):
    """What became of one row: a post, or messages. `row` counts records, the header is 1."""

    __tablename__ = "import_row"
    __table_args__ = (ForeignKeyConstraint(["job_id"], ["import_job.id"], ondelete="CASCADE"),)

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    post_id: Mapped[UUID | None]
    messages: Mapped[list[str]]
