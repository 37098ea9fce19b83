"""What happened, in order: history for people, and the outbox of the webhooks.

It lies below everything that has something to tell: posts, accounts, files.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Table, insert, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from oncue.db.base import Base
from oncue.db.database import Topic, announce
from oncue.lib import ids

SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGERs


class Event(Base):
    """Something that happened. The row is also the outbox entry for webhooks.

    It outlives its post: a webhook may still have to tell of it.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "post_id", "seq"),
        Index(
            "ix_event_outbox",
            "dispatch_after",
            "seq",
            postgresql_where=text("dispatched_at IS NULL"),
            sqlite_where=text("dispatched_at IS NULL"),
        ),
    )

    seq: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    post_id: Mapped[UUID | None]  # None: it is not about a post
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    callback_url: Mapped[str | None]  # to be told of it, beside the workspace's endpoints
    created_at: Mapped[datetime]
    # Later than created_at where more may follow at once.
    dispatch_after: Mapped[datetime] = mapped_column(server_default="0")
    dispatched_at: Mapped[datetime | None]


_table: Table = Event.__table__  # type: ignore[assignment]
_INSERT = insert(_table)  # built once: building a statement costs more than running it


def record(
    session: Session,
    workspace_id: UUID,
    post_id: UUID | None,
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    dispatch_after: datetime | None = None,
    callback_url: str | None = None,
) -> None:
    """Add an event in the transaction that makes it true; webhooks tell of it at once or later."""
    record_each(
        session,
        workspace_id,
        [post_id],
        type_,
        now,
        data,
        dispatch_after=dispatch_after,
        callback_url=callback_url,
    )


def record_each(
    session: Session,
    workspace_id: UUID,
    post_ids: Sequence[UUID | None],
    type_: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    dispatch_after: datetime | None = None,
    callback_url: str | None = None,
) -> None:
    """Add the same event to each of several posts."""
    rows = [
        {
            "id": ids.new_id(now),
            "workspace_id": workspace_id,
            "post_id": post_id,
            "type": type_,
            "data": dict(data or {}),
            "callback_url": callback_url,
            "created_at": now,
            "dispatch_after": dispatch_after or now,
        }
        for post_id in post_ids
    ]
    if rows:
        session.execute(_INSERT, rows)
        announce(session, Topic.EVENT)
