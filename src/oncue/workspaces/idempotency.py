"""Writes that were asked for under an Idempotency-Key, and how each was answered.

A key's row is written in the transaction of the write itself, so that a crash leaves both or
neither. A second request with the same key waits for the first one's commit and then finds its
answer; it never sees a write in progress.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oncue.errors import AppError
from oncue.workspaces.models import IdempotencyKey

KEPT: Final = timedelta(hours=24)
_ROW: Final = (
    IdempotencyKey.workspace_id,
    IdempotencyKey.key_id,
    IdempotencyKey.operation,
    IdempotencyKey.key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request and the key it came with; each API key has keys of its own.

    `operation` is its method and path, `fingerprint` stands for all that it says.
    """

    workspace_id: UUID
    key_id: UUID
    operation: str
    key: str
    fingerprint: str

    @property
    def place(self) -> tuple[ColumnElement[bool], ...]:
        return (
            IdempotencyKey.workspace_id == self.workspace_id,
            IdempotencyKey.key_id == self.key_id,
            IdempotencyKey.operation == self.operation,
            IdempotencyKey.key == self.key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a write is answered: a status, and a JSON text or (204) nothing."""

    status: int
    body: str = ""


@dataclass(eq=False)
class KeyReused(AppError):
    """The key was used for another request."""

    key: str
    code = "IDEMPOTENCY_CONFLICT"
    status = 409

    def __str__(self) -> str:
        return "This Idempotency-Key was used for a different request"

    @property
    def details(self) -> dict[str, str]:
        return {"idempotencyKey": self.key}


def take(session: Session, request: Keyed, now: datetime) -> bool:
    """Whether the key is new. On PostgreSQL this waits for a twin that is still at work."""
    session.execute(
        delete(IdempotencyKey)
        .where(*request.place, IdempotencyKey.created_at < now - KEPT)
        .execution_options(synchronize_session=False)
    )
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    taken = session.execute(
        dialect.insert(IdempotencyKey)
        .values(
            workspace_id=request.workspace_id,
            key_id=request.key_id,
            operation=request.operation,
            key=request.key,
            fingerprint=request.fingerprint,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return taken.one_or_none() is not None


def recall(session: Session, request: Keyed, now: datetime) -> Answer | None:
    """How the request was answered; None where it was not yet.

    Raises KeyReused where the key belongs to a request that says something else.
    """
    row = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.body).where(
            *request.place, IdempotencyKey.created_at >= now - KEPT
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise KeyReused(request.key)
    return None if row.status is None else Answer(status=row.status, body=row.body)


def settle(session: Session, request: Keyed, answer: Answer) -> bool:
    """Keep how the request is answered, unless it is answered already.

    A refusal is not kept: it leaves the key to the request that will be right.
    """
    if answer.status >= 400:
        session.execute(
            delete(IdempotencyKey)
            .where(*request.place)
            .execution_options(synchronize_session=False)
        )
        return True
    kept = session.execute(
        update(IdempotencyKey)
        .where(*request.place, IdempotencyKey.status.is_(None))
        .values(status=answer.status, body=answer.body)
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return kept.one_or_none() is not None


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` rows that are too old to be answered from; how many."""
    old = select(*_ROW).where(IdempotencyKey.created_at < now - KEPT).limit(limit)
    gone = session.execute(
        delete(IdempotencyKey)
        .where(tuple_(*_ROW).in_(old))
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
