"""The step ledger between two attempts: what is public stays done, the rest is redone."""

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from oncue.connectors.base import Effect
from oncue.posts.models import Destination, Step


def renew(session: Session, row: Destination, *, keep_uploads: bool = True) -> None:
    """Make the destination's journal ready for a new attempt.

    Where a public step is done (an item of a thread), the journal goes on: its open steps are
    dropped, and its uploads too unless they are kept. Otherwise it is begun anew, which gives
    the attempt new keys; the old one stays as the record of what happened.
    """
    if _has_public_step(session, row):
        stale: ColumnElement[bool] = Step.done_at.is_(None)
        if not keep_uploads:
            stale = or_(stale, Step.effect == Effect.REPEAT)
        session.execute(
            delete(Step).where(_present(row), stale).execution_options(synchronize_session=False)
        )
    else:
        session.execute(
            update(Destination)
            .where(Destination.workspace_id == row.workspace_id, Destination.id == row.id)
            .values(journal=Destination.journal + 1, begun_at=None)
            .execution_options(synchronize_session=False)
        )


def _has_public_step(session: Session, row: Destination) -> bool:
    done = session.scalar(
        select(func.count())
        .select_from(Step)
        .where(_present(row), Step.effect != Effect.REPEAT, Step.done_at.is_not(None))
    )
    return bool(done)


def _present(row: Destination) -> ColumnElement[bool]:
    return and_(
        Step.workspace_id == row.workspace_id,
        Step.destination_id == row.id,
        Step.journal == row.journal,
    )
