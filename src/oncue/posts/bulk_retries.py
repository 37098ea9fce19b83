"""A retry of many failures: begun once, done part by part, told from its parts.

Its row outlives the request that began it. So a crash in the middle is finished by sending the
request again under its Idempotency-Key, and a retry that is done is told again in full. Memory
holds one part at a time, of however many.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from oncue.lib import ids
from oncue.posts import retry_failed
from oncue.posts.models import BulkRetry, BulkRetryPart
from oncue.posts.retry_failed import FailureFilter, Failures, NoFilter, Requeued
from oncue.workspaces import idempotency

KEPT: Final = idempotency.KEPT + timedelta(hours=1)  # as long as a key, and time to be told


def begin(session: Session, workspace_id: UUID, chosen: FailureFilter, now: datetime) -> UUID:
    """Start a retry of what has failed until now; its id. Raises NoFilter."""
    if chosen.is_empty:
        raise NoFilter
    retry_id = ids.new_id(now)
    session.execute(insert(BulkRetry).values(id=retry_id, workspace_id=workspace_id, asked_at=now))
    return retry_id


def go_on(
    session: Session,
    workspace_id: UUID,
    retry_id: UUID,
    chosen: FailureFilter,
    now: datetime,
    *,
    patient: bool,
    dry_run: bool,
) -> bool:
    """Do the next part; whether there was one.

    Call it until there is none, and then `patient` until there is none again: what others held
    in the meantime is waited for, and the retry is finished. Two requests with the same key
    take turns here, for each holds the retry's row. A dry run keeps its parts too, so that both
    of its tellings agree.
    """
    retry = session.execute(
        select(BulkRetry.asked_at, BulkRetry.finished_at)
        .where(BulkRetry.workspace_id == workspace_id, BulkRetry.id == retry_id)
        .with_for_update()
    ).one()
    if retry.finished_at is not None:
        return False
    failures = Failures(workspace_id=workspace_id, chosen=chosen, asked_at=retry.asked_at)
    number, last = _last_part(session, workspace_id, retry_id)
    if dry_run:
        rows = retry_failed.preview(session, failures, last)
    else:
        after = None if patient else last
        rows = retry_failed.requeue(session, failures, after, now, patient=patient)
    if rows:
        _keep(session, workspace_id, retry_id, number + 1, rows)
    elif patient:
        _finish(session, workspace_id, retry_id, now)
    return bool(rows)


def part(
    session: Session, workspace_id: UUID, retry_id: UUID, number: int
) -> Sequence[Requeued] | None:
    """What the part of this number (from 1) put back into the queue; None behind the last."""
    kept = session.scalar(
        select(BulkRetryPart.requeued).where(
            BulkRetryPart.workspace_id == workspace_id,
            BulkRetryPart.retry_id == retry_id,
            BulkRetryPart.number == number,
        )
    )
    if kept is None:
        return None
    return [Requeued(UUID(row), UUID(post), platform) for row, post, platform in kept]


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` retries that nobody can ask for any more, parts and all; how many."""
    old = (
        select(BulkRetry.id)
        .where(BulkRetry.asked_at <= now - KEPT)
        .order_by(BulkRetry.asked_at)
        .limit(limit)
    )
    gone = session.execute(
        delete(BulkRetry)
        .where(BulkRetry.id.in_(old))
        .returning(BulkRetry.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _last_part(session: Session, workspace_id: UUID, retry_id: UUID) -> tuple[int, UUID | None]:
    """The last part's number, and the last destination in it; 0 where there is none yet."""
    last = session.execute(
        select(BulkRetryPart.number, BulkRetryPart.requeued)
        .where(BulkRetryPart.workspace_id == workspace_id, BulkRetryPart.retry_id == retry_id)
        .order_by(BulkRetryPart.number.desc())
        .limit(1)
    ).one_or_none()
    return (0, None) if last is None else (last.number, UUID(last.requeued[-1][0]))


def _keep(
    session: Session, workspace_id: UUID, retry_id: UUID, number: int, rows: Sequence[Requeued]
) -> None:
    requeued = [[str(row.destination_id), str(row.post_id), row.platform] for row in rows]
    session.execute(
        insert(BulkRetryPart).values(
            retry_id=retry_id, number=number, workspace_id=workspace_id, requeued=requeued
        )
    )


def _finish(session: Session, workspace_id: UUID, retry_id: UUID, now: datetime) -> None:
    session.execute(
        update(BulkRetry)
        .where(BulkRetry.workspace_id == workspace_id, BulkRetry.id == retry_id)
        .values(finished_at=now)
        .execution_options(synchronize_session=False)
    )
