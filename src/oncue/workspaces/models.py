"""Tenants and their keys."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base
from oncue.db.sealed import sealed


class LatePolicy(StrEnum):
    """What becomes of a scheduled post that was not sent out at its time."""

    PUBLISH = "publish"  # it goes out late, up to a point
    HOLD = "hold"  # it waits for a person
    SKIP = "skip"  # it does not go out at all


class Workspace(Base):
    """A tenant: every other row that belongs to somebody carries its id."""

    __tablename__ = "workspace"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    plan: Mapped[str] = mapped_column(default="agency")
    auto_retry: Mapped[bool] = mapped_column(default=True)
    posts_per_month: Mapped[int | None]  # None: as many as one likes
    posts_per_day: Mapped[dict[str, Any] | None]  # by platform constant, as in {"TWITTER": 50}
    queue_timezone: Mapped[str | None]
    queue_slots: Mapped[list[Any] | None]  # [{"day": "MO", "time": "09:00"}] of a week there
    late_policy: Mapped[str] = mapped_column(default="publish", server_default="publish")
    late_window: Mapped[int] = mapped_column(  # seconds: how late is still good
        default=43_200, server_default="43200"
    )
    mend_media: Mapped[bool] = mapped_column(default=True, server_default="1")
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key, without the key: only its digest and what a person recognises it by."""

    __tablename__ = "api_key"
    __table_args__ = (Index(None, "digest", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    name: Mapped[str]
    dialect: Mapped[str]
    digest: Mapped[str]
    hint: Mapped[str]  # the first eight and the last four characters
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A write that was done under an Idempotency-Key, and how it was answered."""

    __tablename__ = "idempotency_key"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    key_id: Mapped[UUID] = mapped_column(primary_key=True)  # whose: each API key has its own
    operation: Mapped[str] = mapped_column(primary_key=True)  # method and path
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]  # of the whole request, so that a key is not used for another
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(  # sealed where it holds a secret
        info=sealed("idempotency|{workspace_id}|{key_id}|{operation}|{key}")
    )
    created_at: Mapped[datetime] = mapped_column(index=True)


class RateWindow(Base):
    """How many requests a key has made in one minute, over all processes.

    Not logged by PostgreSQL, so that counting waits for no disk; a crash begins at nothing.
    """

    __tablename__ = "rate_window"

    key: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    used: Mapped[int]


class Persona(Base):
    """A voice that posts can be written in."""

    __tablename__ = "persona"
    __table_args__ = (Index(None, "workspace_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
