"""Runs rules when they come round: each time once, whoever looks and whoever dies meanwhile.

A rule is held, its post copied and sent out, the time recorded and the next one set, all in
one transaction. What a downtime missed is recorded and not made up for: only the latest time
still runs, and that only if it is no more than LATE ago.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.db.base import later
from oncue.db.database import Database
from oncue.errors import AppError, Conflict, Invalid
from oncue.lib.clock import MILLISECOND, Clock
from oncue.lib.crashpoints import reach
from oncue.posts import service as posts
from oncue.posts.cloning import clone
from oncue.posts.lifecycle import Status
from oncue.posts.models import Destination, Post
from oncue.recurrence.models import Recurrence, RecurrenceRun
from oncue.recurrence.series import Series, next_after, upcoming
from oncue.recurrence.timing import is_used_up, left_out, series_of
from oncue.recurrence.values import Outcome

LATE: Final = timedelta(minutes=5)
BATCH: Final = 200  # times of one rule that one transaction records

NOT_TO_GO_OUT: Final = frozenset(
    {
        Status.DRAFT,
        Status.PENDING_APPROVAL,
        Status.CANCELLED,
        Status.UNPUBLISHED,
        Status.ARCHIVED,
    }
)
"""A post like this was taken back, or was never let go; so it is not repeated either."""


async def run_due(db: Database, now: Clock) -> datetime | None:
    """Run every rule that is due; when the next is. None where nothing waits for this process."""
    while True:
        due = await db.read(next_due)
        if due is None or due > now():
            return due
        reach("rule_due")
        if not await db.write(lambda session: run_one(session, now())):
            return None  # other processes have what is due
        reach("time_kept")


def next_due(session: Session) -> datetime | None:
    """When the next rule comes round."""
    return session.scalar(select(func.min(Recurrence.next_run_at)))


def run_one(session: Session, now: datetime) -> bool:
    """Run the rule that has been due longest and nobody holds; whether there was one."""
    row = session.scalar(
        select(Recurrence)
        .where(Recurrence.next_run_at <= now)
        .order_by(Recurrence.next_run_at, Recurrence.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None or row.next_run_at is None:
        return False
    _run(session, row, row.next_run_at, now)
    reach("time_run")
    return True


def _run(session: Session, row: Recurrence, due: datetime, now: datetime) -> None:
    """Record what became of the rule's times from `due` to now, and set the next one."""
    try:
        series = series_of(row)
    except Invalid as wrong:  # kept by a version, or with zones, that knew it
        _record(session, row, [_ended(due, Outcome.FAILED, str(wrong))], now)
        _go_on(session, row, None, 0, now)
        return
    times = list(islice(_until(now, series, due), BATCH))
    found = _outcomes(session, row, series, times, now)
    created = sum(run["outcome"] == Outcome.CREATED for run in found)
    following = next_after(series, times[-1] if times else due - MILLISECOND)
    _record(session, row, found, now)
    _go_on(session, row, following, created, now)


def _outcomes(
    session: Session, row: Recurrence, series: Series, times: Sequence[datetime], now: datetime
) -> list[dict[str, Any]]:
    out = left_out(row)
    wanted = _until(now, replace(series, exdates=out), now - LATE)
    latest = max(wanted, default=None)
    found = []
    for at in times:
        if at in out:
            found.append(_ended(at, Outcome.SKIPPED, "left out"))
        elif at != latest:
            found.append(_ended(at, Outcome.MISSED))
        else:
            found.append(_repeat(session, row, at, now))
    return found


def _until(now: datetime, series: Series, first: datetime) -> Iterator[datetime]:
    return takewhile(lambda moment: moment <= now, upcoming(series, first - MILLISECOND))


def _repeat(session: Session, row: Recurrence, at: datetime, now: datetime) -> dict[str, Any]:
    """Copy the post and send the copy out, if that can be done (V280)."""
    source = posts.get(session, row.workspace_id, row.post_id)
    if source.status in NOT_TO_GO_OUT:
        return _ended(at, Outcome.SKIPPED, f"the post is {source.status}")
    if _goes_out_itself(source, at):
        return _ended(at, Outcome.SKIPPED, "the post goes out at this time itself")
    try:
        with session.begin_nested():
            _require_accounts(session, row.workspace_id, row.post_id)
            copy_id = clone(session, row.workspace_id, row.post_id, now, row.id)
            reach("post_copied")
            posts.publish(session, row.workspace_id, copy_id, now)
    except AppError as refused:
        return _ended(at, Outcome.FAILED, str(refused))
    return _ended(at, Outcome.CREATED, post_id=copy_id)


def _goes_out_itself(source: Post, at: datetime) -> bool:
    """Whether the post's own time is this one: a copy beside it would be a double."""
    was_early = source.published_at is not None and source.published_at < at
    return source.published_at == at or (source.scheduled_for == at and not was_early)


def _require_accounts(session: Session, workspace_id: UUID, post_id: UUID) -> None:
    """Raise Conflict where no account of the post is connected any more.

    Where some are, the copy goes out, and says of the others what is wrong.
    """
    connected = session.scalar(
        select(func.count(Account.id))
        .join(Destination, Destination.account_id == Account.id)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.post_id == post_id,
            Account.status != "disconnected",
        )
    )
    if not connected:
        raise Conflict("No account of the post is connected any more")


def _ended(
    at: datetime, outcome: Outcome, note: str | None = None, post_id: UUID | None = None
) -> dict[str, Any]:
    return {"due_at": at, "outcome": outcome, "note": note, "post_id": post_id}


def _record(
    session: Session, row: Recurrence, found: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Keep what became of these times. The primary key lets each have one outcome."""
    own = {"recurrence_id": row.id, "workspace_id": row.workspace_id, "created_at": now}
    if found:
        session.execute(insert(RecurrenceRun), [run | own for run in found])


def _go_on(
    session: Session, row: Recurrence, following: datetime | None, created: int, now: datetime
) -> None:
    """Set the next time; none once the rule has made all its posts (V277)."""
    session.execute(
        update(Recurrence)
        .where(Recurrence.workspace_id == row.workspace_id, Recurrence.id == row.id)
        .values(
            next_run_at=None if is_used_up(row, created) else following,
            occurrence_count=Recurrence.occurrence_count + created,
            updated_at=later(Recurrence.updated_at, now),
        )
        .execution_options(synchronize_session=False)
    )
