"""What a destination that is deleted leaves on its network, known by the network's ids.

A look-up for an unanswered post of the same words would take it for that one otherwise.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oncue.connectors.base import Effect
from oncue.db.base import Base
from oncue.posts.models import Destination, Step

KEPT: Final = timedelta(days=30)  # a look-up that an outage put off may come late


class Trace(Base):
    """A deleted destination, and every string in its public answers that may be an id."""

    __tablename__ = "trace"

    destination_id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    account_id: Mapped[UUID]
    told: Mapped[list[str]]
    left_at: Mapped[datetime] = mapped_column(index=True)


def leave(
    session: Session, workspace_id: UUID, destination_ids: Collection[UUID], now: datetime
) -> None:
    """Keep what these destinations have made public; they are about to be deleted.

    The caller holds their post, so that no run answers in between.
    """
    answered = session.execute(
        select(Step.destination_id, Destination.account_id, Step.reply)
        .join(Destination, Destination.id == Step.destination_id)
        .where(
            Step.workspace_id == workspace_id,
            Destination.workspace_id == workspace_id,
            Step.destination_id.in_(destination_ids),
            Step.effect != Effect.REPEAT,
            Step.done_at > now - KEPT,
        )
    )
    told: dict[tuple[UUID, UUID], set[str]] = {}
    for destination_id, account_id, reply in answered:
        found = {text for text in texts(reply) if not any(map(str.isspace, text))}
        told.setdefault((destination_id, account_id), set()).update(found)
    rows = [
        {
            "destination_id": destination_id,
            "workspace_id": workspace_id,
            "account_id": account_id,
            "told": sorted(found),
            "left_at": now,
        }
        for (destination_id, account_id), found in told.items()
    ]
    if rows:
        session.execute(insert(Trace), rows)


def left_since(
    session: Session, workspace_id: UUID, account_id: UUID, since: datetime
) -> Iterator[str]:
    """What destinations of the account that were deleted since `since` have left."""
    left = session.scalars(
        select(Trace.told).where(
            Trace.workspace_id == workspace_id,
            Trace.account_id == account_id,
            Trace.left_at >= since,
        )
    )
    return (text for told in left for text in told)


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` that are too old to be mistaken for anything; how many."""
    old = select(Trace.destination_id).where(Trace.left_at < now - KEPT).limit(limit)
    gone = session.execute(
        delete(Trace)
        .where(Trace.destination_id.in_(old))
        .returning(Trace.destination_id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def texts(value: Any) -> set[str]:
    """Every string within a reply; among them the id of what it made."""
    match value:
        case str():
            return {value}
        case dict():
            return {text for part in value.values() for text in texts(part)}
        case list():
            return {text for part in value for text in texts(part)}
        case _:
            return set()
