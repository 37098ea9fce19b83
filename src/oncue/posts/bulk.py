"""Creating many posts: every item stands alone, unless all are to stand or fall together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.errors import AppError
from oncue.posts.service import create
from oncue.posts.values import NewPost

Item: TypeAlias = NewPost | AppError
"""A post to create, or why the dialect could not read it."""

Outcome: TypeAlias = UUID | AppError
"""The new post's id, or why there is none."""


@dataclass
class Refused(Exception):
    """Not every item can be created, and all were to be or none."""

    outcomes: Sequence[Outcome]


def create_each(
    session: Session, workspace_id: UUID, items: Sequence[Item], now: datetime
) -> list[Outcome]:
    """Create the items in order; a bad one does not stop the others."""
    outcomes: list[Outcome] = []
    for item in items:
        if isinstance(item, AppError):
            outcomes.append(item)
            continue
        try:
            with session.begin_nested():
                outcomes.append(create(session, workspace_id, item, now))
        except AppError as refused:
            outcomes.append(refused)
    return outcomes


def create_all(
    session: Session, workspace_id: UUID, items: Sequence[Item], now: datetime
) -> list[Outcome]:
    """Create every item, or none: raises Refused with every item's errors."""
    outcomes = create_each(session, workspace_id, items, now)
    if any(isinstance(outcome, AppError) for outcome in outcomes):
        raise Refused(outcomes)
    return outcomes


def try_each(
    session: Session, workspace_id: UUID, items: Sequence[Item], now: datetime
) -> list[Outcome]:
    """What creating the items would give; nothing of it is kept."""
    trial = session.begin_nested()
    outcomes = create_each(session, workspace_id, items, now)
    trial.rollback()
    return outcomes
