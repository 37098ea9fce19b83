"""Taking turns at files: one run has a file until it says how it went, or is not heard of again.

A run holds the row by `due_at`, which it moves on while it lives. Whoever takes the row raises
its fence, so that an earlier run that comes back writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from oncue.media import objects
from oncue.media.intake import Kept
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.service import end_of, get, ready, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One turn at a file, and the file as it was when the turn began."""

    row: MediaFile
    fence: int
    runs: int

    @property
    def workspace_id(self) -> UUID:
        return self.row.workspace_id


def next_due(session: Session, *, by_url: bool) -> datetime | None:
    """When the first file is due, be it in the past; None: none is."""
    first = select(func.min(MediaFile.due_at)).where(
        MediaFile.due_at.is_not(None), _comes(by_url=by_url)
    )
    return session.scalar(first)


def take(session: Session, now: datetime, lease: timedelta, *, by_url: bool) -> Run | None:
    """Take the file that has been due longest; None where there is none that nobody has."""
    first = (
        select(MediaFile.id)
        .where(MediaFile.due_at <= now, _comes(by_url=by_url))
        .order_by(MediaFile.due_at, MediaFile.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = session.scalar(
        update(MediaFile)
        .where(MediaFile.id == first, MediaFile.due_at <= now)
        .values(due_at=now + lease, fence=MediaFile.fence + 1, runs=MediaFile.runs + 1)
        .returning(MediaFile)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return None if row is None else Run(row=row, fence=row.fence, runs=row.runs)


def _comes(*, by_url: bool) -> ColumnElement[bool]:
    """Files by URL and uploads wait in lines of their own: a server may take its time."""
    return MediaFile.source_url.is_not(None) if by_url else MediaFile.source_url.is_(None)


def put_off(session: Session, run: Run, until: datetime, *, uncounted: bool = False) -> bool:
    """Have the file taken again at `until`; False: it is another run's by now.

    `uncounted`: this turn was none of those that lead nowhere.
    """
    values: dict[str, Any] = {"due_at": until}
    if uncounted:
        values["runs"] = run.runs - 1
    return _write(session, run, values)


def succeed(session: Session, run: Run, kept: Kept, now: datetime) -> bool:
    """The file is ready, and what it came in as is done with; False: it is another run's by now."""
    if not put_off(session, run, now):  # before anything is taken into use for it
        return False
    _settle(session, run, ready(session, run.workspace_id, kept, now), now)
    tell(session, get(session, run.workspace_id, run.row.id), now)
    return True


def fail(session: Session, run: Run, failure: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    """The file is none; `failure` says why. False: it is another run's by now."""
    values = {"status": MediaStatus.FAILED, "failure": list(failure), "settled_at": now}
    return _settle(session, run, values, now)


def _settle(session: Session, run: Run, values: Mapping[str, Any], now: datetime) -> bool:
    ended = {"due_at": None, "upload_key": None, "upload_expires_at": None}
    if not _write(session, run, {**values, **ended}):
        return False
    at = end_of(run.row.upload_expires_at, now)
    objects.doom(session, run.workspace_id, [run.row.upload_key], at)
    return True


def _write(session: Session, run: Run, values: Mapping[str, Any]) -> bool:
    """Change the row if it is still the run's."""
    written = session.scalar(
        update(MediaFile)
        .where(
            MediaFile.workspace_id == run.workspace_id,
            MediaFile.id == run.row.id,
            MediaFile.fence == run.fence,
            MediaFile.status.in_((MediaStatus.PENDING, MediaStatus.PROCESSING)),
        )
        .values(**values)
        .returning(MediaFile.id)
        .execution_options(synchronize_session=False)
    )
    return written is not None
