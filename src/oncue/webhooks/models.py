"""Who is to be told of what, and every telling."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base
from oncue.db.sealed import sealed


class WebhookEndpoint(Base):
    """An address of the workspace's own that is told of events. Secrets are sealed."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(None, "workspace_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    events: Mapped[list[str]]  # types, or ["*"]
    signature_header: Mapped[str]
    secret: Mapped[str] = mapped_column(
        info=sealed("webhook|{workspace_id}|{id}|secret", kind="wh")
    )
    old_secret: Mapped[str | None] = mapped_column(  # retired; they sign too until old_secret_until
        info=sealed("webhook|{workspace_id}|{id}|old_secret", kind="wh")
    )
    old_secret_until: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    failure_count: Mapped[int] = mapped_column(default=0)  # since the last success
    recent_failures: Mapped[int] = mapped_column(default=0)  # of these, those of one day
    recent_failures_since: Mapped[datetime | None]
    last_delivery_at: Mapped[datetime | None]  # the last success
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Delivery(Base):
    """One message to one address. `event_id` is the message's id at the receiver.

    Without an endpoint it goes to `url`: a callback that a request asked for.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("endpoint_id", "event_id"),
        Index(None, "workspace_id", "created_at", "id"),
        Index(
            "ix_delivery_due",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    endpoint_id: Mapped[UUID | None]
    url: Mapped[str | None]
    event_id: Mapped[UUID]
    type: Mapped[str]
    payload: Mapped[str]  # the body, as it is sent and signed
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)  # since it was last asked for
    next_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    status_code: Mapped[int | None]  # of the last attempt, as are the next two
    latency_ms: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """One try, as the delivery log shows it."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="CASCADE"),)

    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    attempted_at: Mapped[datetime]
    status_code: Mapped[int | None]
    latency_ms: Mapped[int | None]
    response_body: Mapped[str | None]
    error: Mapped[str | None]
