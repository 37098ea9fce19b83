"""One run of a first comment in the database: how it begins, how it is held, how it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from oncue.accounts import credentials
from oncue.accounts.credentials import Nothing
from oncue.accounts.models import Account as AccountRow
from oncue.accounts.standing import Standing, expire
from oncue.accounts.vault import Vault, VaultError
from oncue.connectors.answers import Refused
from oncue.connectors.base import Account, Comments, Connector, Effect, Published, Steps
from oncue.connectors.journal import Fenced, Recorded
from oncue.connectors.registry import CONNECTORS
from oncue.lib import ids
from oncue.posts import events
from oncue.posts.comments import CommentState
from oncue.posts.models import Comment, Destination, Step
from oncue.posts.remedies import MAX_RETRIES, OUTCOME_UNKNOWN, delay_before
from oncue.publishing.conducting import Unknown
from oncue.publishing.ledger import COMMENT_JOURNAL, Claim, load_steps
from oncue.publishing.settle import shortened
from oncue.workspaces.models import Workspace

# Longer than any one request with its renewal of a session; every write of a run begins it anew.
LEASE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentRun:
    """Everything one run works with. `ask` begins the connector's steps."""

    claim: Claim
    post_id: UUID
    connector: Connector
    account: Account
    ask: Callable[[], Steps[str]]
    steps: Sequence[Recorded]
    runs: int
    retry_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """The comment is public, by the network's id."""

    id: str


Outcome: TypeAlias = Commented | Refused | Unknown


def next_due(session: Session) -> datetime | None:
    """When the next comment is due, or a silent run loses its own; None where nothing waits."""
    return session.scalar(select(func.min(Comment.due_at)))


def begin(session: Session, vault: Vault, now: datetime) -> CommentRun | None:
    """Claim the comment that has been due longest; None where none is.

    A comment whose account cannot comment after all is dropped without a word, as on every
    network without comments (V37, C58).
    """
    while (comment := _claim(session, now)) is not None:
        row, account = session.execute(
            select(Destination, AccountRow)
            .join(AccountRow, AccountRow.id == Destination.account_id)
            .where(
                Destination.workspace_id == comment.workspace_id,
                Destination.id == comment.destination_id,
            )
            .execution_options(populate_existing=True)
        ).one()
        connector = CONNECTORS[row.platform]
        if isinstance(connector, Comments) and _can_comment(session, vault, connector, account):
            speaker = Account(
                native_id=account.native_id, username=account.username, server=account.server
            )
            post = Published(id=row.platform_post_id or "", url=row.platform_post_url)
            ask = partial(connector.comment, post, comment.text, speaker)
            return _run(session, comment, row, connector, speaker, ask)
        session.execute(
            delete(Comment).where(
                Comment.workspace_id == comment.workspace_id,
                Comment.destination_id == comment.destination_id,
            )
        )
    return None


def _claim(session: Session, now: datetime) -> Comment | None:
    """Of two that claim a comment at once only one has it; the later fence alone may write."""
    found = session.scalar(
        select(Comment.destination_id)
        .where(Comment.due_at <= now)
        .order_by(Comment.due_at, Comment.destination_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if found is None:
        return None
    return session.scalar(
        update(Comment)
        .where(Comment.destination_id == found, Comment.due_at <= now)
        .values(
            state=CommentState.SENDING,
            due_at=now + LEASE,
            fence=Comment.fence + 1,
            runs=Comment.runs + 1,
        )
        .returning(Comment)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def _can_comment(session: Session, vault: Vault, connector: Comments, account: AccountRow) -> bool:
    """Without any credentials it is not the network but the account, or a key, to blame."""
    try:
        held = credentials.load(session, vault, account.workspace_id, account.id)
    except VaultError:
        return True
    return isinstance(held, Nothing) or connector.takes_comments(held.secrets.keys())


def _run(
    session: Session,
    comment: Comment,
    row: Destination,
    connector: Connector,
    account: Account,
    ask: Callable[[], Steps[str]],
) -> CommentRun:
    claim = Claim(
        destination_id=row.id,
        workspace_id=row.workspace_id,
        account_id=row.account_id,
        journal=COMMENT_JOURNAL,
        fence=comment.fence,
    )
    return CommentRun(
        claim=claim,
        post_id=row.post_id,
        connector=connector,
        account=account,
        ask=ask,
        steps=load_steps(session, claim),
        runs=comment.runs,
        retry_count=comment.retry_count,
    )


def hold(session: Session, claim: Claim, now: datetime) -> None:
    """Raise Fenced unless the comment is still this run's; then it is for another LEASE."""
    _write(session, claim, due_at=now + LEASE)


def park(session: Session, claim: Claim, until: datetime) -> None:
    """Leave the comment until `until`; its journal goes on from here then."""
    _write(session, claim, state=CommentState.WAITING, due_at=until, runs=0)


def settle(
    session: Session, run: CommentRun, outcome: Outcome, generation: int, now: datetime
) -> CommentState:
    """Write how a run ended, and say so once the comment has. Its post stays as it is.

    `generation` is of the account's credentials that it was made with. If they were refused, and
    the account has others by now, it is made again with those.
    """
    result = _result(session, run, outcome, now)
    if isinstance(outcome, Refused) and outcome.is_of_credentials:
        claim = run.claim
        standing = expire(session, claim.workspace_id, claim.account_id, generation, now)
        if standing is Standing.REPLACED:
            result |= {"state": CommentState.WAITING, "due_at": now, "runs": 0}
    _write(session, run.claim, **result)
    if isinstance(outcome, Refused):
        _renew(session, run.claim)
    state: CommentState = result["state"]
    if state is not CommentState.WAITING:
        data = {
            "postPlatformId": ids.to_typeid("pp", run.claim.destination_id),
            "accountId": ids.to_typeid("acc", run.claim.account_id),
            "platform": run.connector.spec.platform.lower(),
            "commentId": result.get("native_id"),
            "error": result["error"],
        }
        type_ = f"post.comment.{state}"
        events.record(session, run.claim.workspace_id, run.post_id, type_, now, data)
    return state


def _result(session: Session, run: CommentRun, outcome: Outcome, now: datetime) -> dict[str, Any]:
    ended = {"due_at": None, "settled_at": now}
    match outcome:
        case Commented():
            done = {"state": CommentState.PUBLISHED, "native_id": outcome.id, "error": None}
            return ended | done
        case Unknown():
            words = shortened(f"{OUTCOME_UNKNOWN}: {outcome.reason}")
            return ended | {"state": CommentState.FAILED, "error": words}
        case Refused():
            words = shortened(str(outcome))
            if not outcome.is_transient or not _may_retry(session, run):
                return ended | {"state": CommentState.FAILED, "error": words}
            count = run.retry_count + 1
            at = now + max(delay_before(count), outcome.retry_after or timedelta(0))
            again = {"state": CommentState.WAITING, "due_at": at, "runs": 0, "retry_count": count}
            return again | {"error": words}


def _may_retry(session: Session, run: CommentRun) -> bool:
    """As often as a post, and where posts are tried again by themselves at all (C23)."""
    auto = session.scalar(
        select(Workspace.auto_retry).where(Workspace.id == run.claim.workspace_id)
    )
    return bool(auto) and run.retry_count < MAX_RETRIES


def _renew(session: Session, claim: Claim) -> None:
    """Forget what led to a no; what is public stays done."""
    session.execute(
        delete(Step).where(
            Step.workspace_id == claim.workspace_id,
            Step.destination_id == claim.destination_id,
            Step.journal == claim.journal,
            or_(Step.done_at.is_(None), Step.effect == Effect.REPEAT),
        )
    )


def _write(session: Session, claim: Claim, **values: Any) -> None:
    """Change the comment while it is this run's; raises Fenced where it is not."""
    written = session.scalar(
        update(Comment)
        .where(_held(claim))
        .values(**values)
        .returning(Comment.destination_id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        raise Fenced


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(
        Comment.workspace_id == claim.workspace_id,
        Comment.destination_id == claim.destination_id,
        Comment.fence == claim.fence,
        Comment.state == CommentState.SENDING,
    )
