"""Creating many posts: every item stands alone, unless all are to stand or fall together.

A dialect brings items as its callers wrote them, and a `make` that turns one into a post.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.errors import AppError

Item = TypeVar("Item")
Make: TypeAlias = Callable[[Session, Item], UUID]

Outcome: TypeAlias = UUID | AppError
"""The new post's id, or why there is none."""


class NotAll(Exception):
    """Not every item can be created, and all were to be or none."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        super().__init__(f"{len(outcomes)} items")
        self.outcomes = outcomes


def create_each(
    session: Session, items: Sequence[Item | AppError], make: Make[Item]
) -> list[Outcome]:
    """Create the items in order; a bad one, or one that could not be read, stops no other."""
    return [_create(session, item, make) for item in items]


def create_all(
    session: Session, items: Sequence[Item | AppError], make: Make[Item]
) -> list[Outcome]:
    """Create every item, or none: raises NotAll with every item's outcome."""
    outcomes = create_each(session, items, make)
    if any(isinstance(outcome, AppError) for outcome in outcomes):
        raise NotAll(outcomes)
    return outcomes


def try_each(session: Session, items: Sequence[Item | AppError], make: Make[Item]) -> list[Outcome]:
    """What creating the items would give; nothing of it is kept."""
    trial = session.begin_nested()
    outcomes = create_each(session, items, make)
    trial.rollback()
    return outcomes


def _create(session: Session, item: Item | AppError, make: Make[Item]) -> Outcome:
    if isinstance(item, AppError):
        return item
    try:
        with session.begin_nested():
            return make(session, item)
    except AppError as refused:
        return refused
