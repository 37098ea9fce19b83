"""Rules that publish a post again and again, and what became of each time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class Recurrence(Base):
    """A post's rule. `next_run_at` is when it comes round next, a time left out or not.

    It is None where nothing more is to come, and while the rule is paused.
    """

    __tablename__ = "recurrence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "post_id"], ["post.workspace_id", "post.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("workspace_id", "id"),
        # A post has one rule at most; rules that were deleted stay for the record.
        Index(
            "ux_recurrence_post",
            "post_id",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
            sqlite_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_recurrence_due",
            "next_run_at",
            postgresql_where=text("next_run_at IS NOT NULL"),
            sqlite_where=text("next_run_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    post_id: Mapped[UUID]
    rule: Mapped[str]
    timezone: Mapped[str]
    anchor: Mapped[datetime]  # a rule without a time of day has this moment's (C63)
    max_occurrences: Mapped[int | None]
    occurrence_count: Mapped[int] = mapped_column(default=0)
    start_at: Mapped[datetime]
    next_run_at: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    exdates: Mapped[list[str]]  # ISO 8601, UTC: times that are left out
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class RecurrenceRun(Base):
    """One time of a rule, and what became of it: created, missed, skipped or failed."""

    __tablename__ = "recurrence_run"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "recurrence_id"],
            ["recurrence.workspace_id", "recurrence.id"],
            ondelete="CASCADE",
        ),
    )

    recurrence_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    outcome: Mapped[str]
    post_id: Mapped[UUID | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
