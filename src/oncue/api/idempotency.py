"""Idempotency-Key: a write that is sent again is answered again, and done once.

The key's row is written in the transaction of the write itself, so that a crash leaves both
or neither. A second request with the same key waits for the first one's commit and then finds
its answer; it never sees a write in progress.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oncue.api.deps import AnyCaller, Shared
from oncue.api.services import Services
from oncue.errors import AppError
from oncue.workspaces.keys import Caller
from oncue.workspaces.models import IdempotencyKey

T = TypeVar("T", bound=BaseModel)

KEPT: Final = timedelta(hours=24)
KEY_CHARACTERS: Final = 255
REPLAYED: Final = "Idempotent-Replayed"


@dataclass(eq=False)
class InvalidKey(AppError):
    """The header cannot be a key."""

    code = "IDEMPOTENCY_INVALID_KEY"
    status = 400

    def __str__(self) -> str:
        return f"Idempotency-Key takes 1 to {KEY_CHARACTERS} printable ASCII characters"


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


class Replayed(Exception):
    """The request was answered before, with this; nothing is done again."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__("replayed")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Runs a request's write, once for each Idempotency-Key."""

    shared: Services
    caller: Caller
    operation: str
    fingerprint: str
    key: str | None

    async def write(self, work: Callable[[Session], T], *, status: int = 200) -> T:
        """Run `work` as one transaction; raises Replayed where it was done before."""
        key = self.key
        if key is None:
            return await self.shared.db.write(work)
        return await self.shared.db.write(lambda session: self._once(session, key, work, status))

    def _once(self, session: Session, key: str, work: Callable[[Session], T], status: int) -> T:
        now = self.shared.now()
        if not self._take(session, key, now):
            self._replay(session, key)
        result = work(session)
        session.execute(
            update(IdempotencyKey)
            .where(*self._place(key))
            .values(status=status, body=result.model_dump_json(by_alias=True))
            .execution_options(synchronize_session=False)
        )
        return result

    def _take(self, session: Session, key: str, now: datetime) -> bool:
        """Whether the key is new. On PostgreSQL this waits for a twin that is still at work."""
        session.execute(
            delete(IdempotencyKey)
            .where(*self._place(key), IdempotencyKey.created_at < now - KEPT)
            .execution_options(synchronize_session=False)
        )
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        taken = session.execute(
            dialect.insert(IdempotencyKey)
            .values(
                workspace_id=self.caller.workspace_id,
                key_id=self.caller.key_id,
                operation=self.operation,
                key=key,
                fingerprint=self.fingerprint,
                created_at=now,
            )
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        return taken.one_or_none() is not None

    def _replay(self, session: Session, key: str) -> None:
        row = session.execute(
            select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.body).where(
                *self._place(key)
            )
        ).one()
        if row.fingerprint != self.fingerprint:
            raise KeyReused(key)
        raise Replayed(row.status, row.body)

    def _place(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return (
            IdempotencyKey.workspace_id == self.caller.workspace_id,
            IdempotencyKey.key_id == self.caller.key_id,
            IdempotencyKey.operation == self.operation,
            IdempotencyKey.key == key,
        )


async def once(
    request: Request,
    shared: Shared,
    caller: AnyCaller,
    idempotency_key: Annotated[
        str | None, Header(description="Send it again with a retry: it is done once.")
    ] = None,
) -> Once:
    """The request's Once; raises InvalidKey."""
    if idempotency_key is not None and not _is_key(idempotency_key):
        raise InvalidKey
    body = await request.body()
    parts = (request.method, request.url.path, request.url.query)
    digest = hashlib.sha256("\n".join(parts).encode() + b"\n" + body)
    return Once(
        shared=shared,
        caller=caller,
        operation=f"{request.method} {request.url.path}",
        fingerprint=digest.hexdigest(),
        key=idempotency_key,
    )


Idempotent = Annotated[Once, Depends(once)]


def _is_key(key: str) -> bool:
    return 1 <= len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()
