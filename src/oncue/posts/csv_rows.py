"""What becomes of the rows of an import: a post each, or everything that is wrong with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.accounts import queries as accounts
from oncue.errors import AppError, Invalid, Issue, LimitExceeded
from oncue.posts import bulk, quota
from oncue.posts import service as posts
from oncue.posts.csv_reader import Row, RowError
from oncue.posts.validation import queue_issues, time_issues
from oncue.posts.values import NewPost

Create: TypeAlias = Callable[[Session, NewPost], UUID]
"""Makes a post of the workspace's, in the queue where it asks for that; raises AppError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDone:
    """A row's outcome: good unless there are messages. A row that was only tried has no post."""

    number: int
    post_id: UUID | None = None
    messages: Sequence[str] = ()


def create_rows(
    session: Session,
    workspace_id: UUID,
    rows: Sequence[Row | RowError],
    create: Create,
    now: datetime,
) -> list[RowDone]:
    """Make a post of each row that can be one, as POST /v1/posts would; each stands alone."""

    def make(session: Session, row: Row) -> UUID:
        return create(session, _new_post(session, workspace_id, row))

    return _each(session, workspace_id, rows, bulk.create_each(session, _good(rows), make), now)


def try_rows(
    session: Session,
    workspace_id: UUID,
    rows: Sequence[Row | RowError],
    create: Create,
    now: datetime,
    *,
    planned: int,
) -> list[RowDone]:
    """What creating the rows would give (V308); nothing of it is kept.

    `planned` good rows came before these. Their posts are not there to be counted, so the
    plan's posts a month are counted with them in mind; its posts a day are not.
    """

    def make(session: Session, row: Row) -> UUID:
        new = _new_post(session, workspace_id, row)
        _check_plan(session, workspace_id, planned, now)
        return create(session, new)

    outcomes = bulk.try_each(session, _good(rows), make)
    tried = _each(session, workspace_id, rows, outcomes, now)
    return [replace(row, post_id=None) for row in tried]


def _good(rows: Sequence[Row | RowError]) -> list[Row]:
    return [row for row in rows if isinstance(row, Row)]


def _each(
    session: Session,
    workspace_id: UUID,
    rows: Sequence[Row | RowError],
    outcomes: Sequence[bulk.Outcome],
    now: datetime,
) -> list[RowDone]:
    following = iter(outcomes)
    done = []
    for row in rows:
        outcome = next(following) if isinstance(row, Row) else None
        if isinstance(outcome, UUID):
            done.append(RowDone(number=row.number, post_id=outcome))
            continue
        said = list(row.messages) if isinstance(row, RowError) else []
        said += _words(outcome) if outcome is not None else []
        said += _also(session, workspace_id, row, now)
        done.append(RowDone(number=row.number, messages=list(dict.fromkeys(said))))
    return done


def _also(
    session: Session, workspace_id: UUID, row: Row | RowError, now: datetime
) -> Sequence[str]:
    """What can be said of a bad row's accounts and time, though it broke down elsewhere."""
    readable = row.rest if isinstance(row, RowError) else row
    if readable is None:
        return ()
    new = readable.post
    issues = _account_issues(session, workspace_id, readable)
    issues += time_issues(new.scheduled_for, now)
    issues += queue_issues(new.scheduled_for, queue=new.queue)
    return _words(Invalid(issues))


def _words(refused: AppError) -> list[str]:
    if isinstance(refused, Invalid):
        return [f"{issue.field}: {issue.message}" for issue in refused.issues]
    return [str(refused)]


def _new_post(session: Session, workspace_id: UUID, row: Row) -> NewPost:
    """The row's post with all its accounts; raises Invalid for a number that is nobody's."""
    if not row.account_numbers:
        return row.post
    found = accounts.by_number(session, workspace_id, row.account_numbers)
    if any(number not in found for number in row.account_numbers):
        raise Invalid(_account_issues(session, workspace_id, row))
    named = [found[number] for number in row.account_numbers]
    return replace(row.post, account_ids=[*row.post.account_ids, *named])


def _account_issues(session: Session, workspace_id: UUID, row: Row) -> list[Issue]:
    found = accounts.by_number(session, workspace_id, row.account_numbers)
    issues = [
        Issue(field="accountIds", message=f"No account with number {number}")
        for number in row.account_numbers
        if number not in found
    ]
    if row.post.account_ids:
        try:
            posts.require_accounts(session, workspace_id, row.post.account_ids)
        except Invalid as refused:
            issues += refused.issues
    return issues


def _check_plan(session: Session, workspace_id: UUID, planned: int, now: datetime) -> None:
    """Raise LimitExceeded where the plan has no room for `planned` posts and one more."""
    try:
        quota.charge(session, workspace_id, (), planned + 1, now)
    except LimitExceeded as over:
        raise replace(over, used=over.used + planned) from None
