"""Posts, their destinations, and the record of what was done about them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class Post(Base):
    """What somebody wants to say, and how far it has come."""

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "created_at", "id"),
        # A slot of the queue holds one post, whoever takes it at the same instant.
        Index(
            "ux_post_slot",
            "workspace_id",
            "slot",
            unique=True,
            postgresql_where=text("slot IS NOT NULL"),
            sqlite_where=text("slot IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    status: Mapped[str]
    archived_from: Mapped[str | None]  # the status an archived post returns to
    content: Mapped[str]
    content_type: Mapped[str | None]
    scheduled_for: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    platform_removed_at: Mapped[datetime | None]
    first_comment: Mapped[str | None]
    first_comment_delay: Mapped[int] = mapped_column(default=0)
    tags: Mapped[list[str]]
    post_metadata: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    platform_overrides: Mapped[dict[str, Any]]
    platform_metadata: Mapped[dict[str, Any]]
    media_ids: Mapped[list[str]]
    thread: Mapped[list[Any]]  # [{"content", "mediaIds"}], in order
    persona_id: Mapped[str | None]
    units: Mapped[int] = mapped_column(default=1)  # what it counts against the plan (V110)
    slot: Mapped[datetime | None]  # of the queue: what waits for it or went out in it
    recurrence_id: Mapped[UUID | None]  # the rule that made it
    is_recurring: Mapped[bool | None]  # True: it has a rule of its own
    late_policy: Mapped[str | None]  # its own; None: its workspace's
    callback_url: Mapped[str | None]  # to be told once publishing has ended
    approval_requested_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]  # an edit takes both away
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]  # grows with every write: the version


class Destination(Base):
    """One account a post goes to: a row of the due-time table.

    `run_at` is when something has to happen next; None means nothing has to. `ticket` names
    the job that may run the row, and `fence` the run that may write to it: whoever takes the
    row away from a run (an edit, a later run) raises the fence, and the old run's writes miss.
    """

    __tablename__ = "destination"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "post_id"], ["post.workspace_id", "post.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "account_id"], ["account.workspace_id", "account.id"]
        ),
        UniqueConstraint("post_id", "account_id"),
        Index(
            "ix_destination_due",
            "run_at",
            postgresql_where=text("run_at IS NOT NULL"),
            sqlite_where=text("run_at IS NOT NULL"),
        ),
        Index(
            "ix_destination_line",
            "account_id",
            "run_at",
            postgresql_where=text("run_at IS NOT NULL"),
            sqlite_where=text("run_at IS NOT NULL"),
        ),
        Index(
            "ix_destination_failed",
            "workspace_id",
            "id",
            postgresql_where=text("state = 'failed'"),
            sqlite_where=text("state = 'failed'"),
        ),
        Index(
            "ix_destination_held",
            "account_id",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
        # One account publishes one destination at a time, whatever the promoters believe.
        Index(
            "ux_destination_busy",
            "account_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'publishing')"),
            sqlite_where=text("state IN ('queued', 'publishing')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    post_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(index=True)
    platform: Mapped[str]
    position: Mapped[int]
    state: Mapped[str] = mapped_column(default="idle")
    run_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # the run_at that led to the present run
    ticket: Mapped[int | None]
    fence: Mapped[int] = mapped_column(default=0)
    runs: Mapped[int] = mapped_column(default=0)  # starts of the present attempt
    journal: Mapped[int] = mapped_column(default=0)  # which journal of steps is in use
    begun_at: Mapped[datetime | None]  # when that journal was begun
    attempt: Mapped[int] = mapped_column(default=0)  # finished attempts, for ever
    attempt_count: Mapped[int] = mapped_column(default=0)  # since the last bulk retry
    settled_at: Mapped[datetime | None]  # when the last attempt ended
    retry_count: Mapped[int] = mapped_column(default=0)
    next_retry_at: Mapped[datetime | None]
    error: Mapped[str | None]
    needs_review: Mapped[bool] = mapped_column(default=False)
    held_reason: Mapped[str | None]  # why it waits for a person, a HeldReason
    content: Mapped[str | None]  # this destination's own text, where /fix gave one
    media_ids: Mapped[list[str] | None]  # likewise its own files
    platform_post_id: Mapped[str | None]
    platform_post_url: Mapped[str | None]
    published_at: Mapped[datetime | None]
    publish_warning: Mapped[str | None]


class Step(Base):
    """The step ledger: what a publication asked a network, and what it was told.

    A row with `intent_at` and without `done_at` is a request whose outcome is not known.
    """

    __tablename__ = "step"
    __table_args__ = (
        ForeignKeyConstraint(["destination_id"], ["destination.id"], ondelete="CASCADE"),
    )

    destination_id: Mapped[UUID] = mapped_column(primary_key=True)
    journal: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    effect: Mapped[str]
    fence: Mapped[int]
    fingerprint: Mapped[str]
    intent_at: Mapped[datetime]  # of the first time it was sent
    sent_at: Mapped[datetime]  # of the last
    sends: Mapped[int] = mapped_column(default=1)  # how often it was asked
    looks: Mapped[int] = mapped_column(default=0)  # how often its post was looked for
    reply: Mapped[dict[str, Any] | None]
    done_at: Mapped[datetime | None]


class Attempt(Base):
    """How one attempt to publish a destination ended."""

    __tablename__ = "attempt"
    __table_args__ = (
        ForeignKeyConstraint(["destination_id"], ["destination.id"], ondelete="CASCADE"),
    )

    destination_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    attempted_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    status: Mapped[str]
    error: Mapped[str | None]


class Comment(Base):
    """The first comment under one destination's publication, due after it (V37, V61-V71).

    `fence` names the run that may write. While one has the row, `due_at` is when it is taken
    from it if it is not heard of again.
    """

    __tablename__ = "comment"
    __table_args__ = (
        ForeignKeyConstraint(["destination_id"], ["destination.id"], ondelete="CASCADE"),
        Index(
            "ix_comment_due",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
            sqlite_where=text("due_at IS NOT NULL"),
        ),
    )

    destination_id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    due_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    runs: Mapped[int] = mapped_column(default=0)  # starts that led nowhere
    retry_count: Mapped[int] = mapped_column(default=0)
    native_id: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class BulkRetry(Base):
    """A retry of many failures at once: it goes on where it stopped, and is answered again."""

    __tablename__ = "bulk_retry"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    asked_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]


class BulkRetryPart(Base):
    """What one of its transactions put back into the queue: [[destination, post, platform]]."""

    __tablename__ = "bulk_retry_part"
    __table_args__ = (ForeignKeyConstraint(["retry_id"], ["bulk_retry.id"], ondelete="CASCADE"),)

    retry_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    requeued: Mapped[list[Any]]
