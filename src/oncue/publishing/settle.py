"""How a run of a destination ends: result, post roll-up and event in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts.standing import Standing, expire
from oncue.connectors.answers import Refused
from oncue.connectors.base import Published
from oncue.connectors.journal import Fenced
from oncue.db.base import NOW, later
from oncue.db.database import announce_due
from oncue.lib import ids
from oncue.posts import comments, events, journal
from oncue.posts.lifecycle import HeldReason, State, Status, roll_up
from oncue.posts.models import Attempt, Destination, Post
from oncue.posts.remedies import MAX_RETRIES, OUTCOME_UNKNOWN, delay_before
from oncue.posts.results import result
from oncue.publishing.conducting import Unknown
from oncue.publishing.ledger import Claim, hold, hold_row
from oncue.publishing.promoter import Job, promote_next
from oncue.workspaces.models import Workspace

ERROR_CHARACTERS: Final = 1_000

_attempts: Table = Attempt.__table__  # type: ignore[assignment]
_destinations: Table = Destination.__table__  # type: ignore[assignment]
_posts: Table = Post.__table__  # type: ignore[assignment]

# Every publication runs these, so they are built once: building one costs more than running it.
_HOLD_POST = (
    select(Post)
    .join(Destination, Destination.post_id == Post.id)
    .where(
        Destination.workspace_id == bindparam("workspace"),
        Destination.id == bindparam("destination"),
    )
    .with_for_update(of=Post)
    .execution_options(populate_existing=True)
)
_END_RUN = (
    update(_destinations)
    .where(
        _destinations.c.workspace_id == bindparam("workspace"),
        _destinations.c.id == bindparam("destination"),
    )
    .values(ticket=None, fence=_destinations.c.fence + 1)
)
_SETTLE = _END_RUN.values(
    attempt=_destinations.c.attempt + 1, attempt_count=_destinations.c.attempt_count + 1
)
_INSERT_ATTEMPT = insert(_attempts)
_OF_POST = (
    select(Destination)
    .where(
        Destination.workspace_id == bindparam("workspace"),
        Destination.post_id == bindparam("post"),
    )
    .order_by(Destination.position)
    .execution_options(populate_existing=True)
)
_UPDATE_POST = (
    update(_posts)
    .where(_posts.c.workspace_id == bindparam("workspace"), _posts.c.id == bindparam("post"))
    .values(updated_at=later(Post.updated_at, NOW))
)


Outcome: TypeAlias = Published | Refused | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a settled run leaves to do and to count."""

    jobs: list[Job]
    platform: str
    status: str  # published, failed, held, parked or unknown


def settle(
    session: Session,
    claim: Claim,
    outcome: Outcome,
    *,
    generation: int,
    started_at: datetime,
    now: datetime,
) -> Settled:
    """Write how the attempt ended; raises Fenced where it is no longer this run's to write.

    `generation` is of the account's credentials that the attempt was made with.
    """
    post = _hold_post(session, claim)
    row = hold_row(session, claim)
    retries = _retries(session, row) if isinstance(outcome, Refused) else {}
    result = _result(outcome, retries, now)
    ended = result["state"]
    if isinstance(outcome, Refused) and outcome.is_of_credentials:
        standing = expire(session, claim.workspace_id, claim.account_id, generation, now)
        result |= _without_access(standing, now)
    session.execute(_SETTLE, _named(claim) | {"runs": 0, "settled_at": now} | result)
    session.execute(
        _INSERT_ATTEMPT,
        {
            "destination_id": row.id,
            "number": row.attempt + 1,
            "workspace_id": claim.workspace_id,
            "attempted_at": started_at,
            "finished_at": now,
            "status": ended,
            "error": result["error"],
        },
    )
    if isinstance(outcome, Refused):
        journal.renew(session, row)
    if result["state"] is State.HELD:
        why = {"reason": HeldReason.ACCOUNT, "platformId": ids.to_typeid("pp", row.id)}
        events.record(session, claim.workspace_id, post.id, "post.held", now, why)
    if isinstance(outcome, Published):
        comments.plan(session, post, row, now)
    _roll_up(session, post, now)
    status = "unknown" if isinstance(outcome, Unknown) else result["state"]
    jobs = promote_next(session, claim.account_id, now)
    return Settled(jobs=jobs, platform=row.platform, status=status)


def _without_access(standing: Standing, now: datetime) -> dict[str, Any]:
    """What becomes of a destination whose account's credentials were refused.

    It waits for new ones; where these are there by now, it goes on with them at once.
    """
    match standing:
        case Standing.ENDED:
            return {"state": State.HELD, "held_reason": HeldReason.ACCOUNT}
        case Standing.REPLACED:
            return {"state": State.PARKED, "run_at": now}
        case Standing.DISCONNECTED:
            return {}


def park(
    session: Session, claim: Claim, until: datetime, now: datetime, *, runs: int = 0
) -> list[Job]:
    """Give the worker back until `until`; the journal goes on from here then.

    `runs` counts starts that led nowhere; a run that parks by itself has led somewhere.
    """
    _hold_post(session, claim)
    hold(session, claim)
    _give_up(session, claim, run_at=until, runs=runs)
    return promote_next(session, claim.account_id, now)


def hand_back(session: Session, claim: Claim, now: datetime) -> None:
    """Leave an unfinished run to whoever promotes it next: this process is stopping."""
    hold(session, claim)
    _give_up(session, claim, run_at=now, runs=0)
    announce_due(session)


def _give_up(session: Session, claim: Claim, *, run_at: datetime, runs: int) -> None:
    parked = {"state": State.PARKED, "run_at": run_at, "runs": runs}
    session.execute(_END_RUN, _named(claim) | parked)


def _named(claim: Claim) -> dict[str, Any]:
    return {"workspace": claim.workspace_id, "destination": claim.destination_id}


def _hold_post(session: Session, claim: Claim) -> Post:
    """The destination's post, before the destination: everyone locks in this order."""
    post = session.scalar(_HOLD_POST, _named(claim))
    if post is None:
        raise Fenced
    return post


def _retries(session: Session, row: Destination) -> Mapping[str, int]:
    """How often the destination may be tried again by itself, as a count still to go (C23)."""
    auto = session.scalar(select(Workspace.auto_retry).where(Workspace.id == row.workspace_id))
    return {"count": row.retry_count, "left": MAX_RETRIES - row.retry_count if auto else 0}


def _result(outcome: Outcome, retries: Mapping[str, int], now: datetime) -> dict[str, Any]:
    match outcome:
        case Published():
            return {
                "state": State.PUBLISHED,
                "error": None,
                "next_retry_at": None,
                "platform_post_id": outcome.id,
                "platform_post_url": outcome.url,
                "publish_warning": outcome.warning,
                "published_at": now,
            }
        case Unknown():
            words = f"{OUTCOME_UNKNOWN}: {outcome.reason}"
            return {"state": State.FAILED, "error": shortened(words), "needs_review": True}
        case Refused():
            failed = {
                "state": State.FAILED,
                "error": shortened(str(outcome)),
                "next_retry_at": None,
            }
            if not outcome.is_transient or retries["left"] <= 0:
                return failed
            count = retries["count"] + 1
            at = now + max(delay_before(count), outcome.retry_after or timedelta(0))
            return failed | {"retry_count": count, "next_retry_at": at, "run_at": at}


def shortened(words: str) -> str:
    """`words` as an `error` keeps them: a network may say any amount."""
    return words if len(words) <= ERROR_CHARACTERS else words[: ERROR_CHARACTERS - 1] + "…"


def _roll_up(session: Session, post: Post, now: datetime) -> None:
    """Bring the post's status up to date and say so, once it has changed."""
    named = {"workspace": post.workspace_id, "post": post.id}
    rows = session.scalars(_OF_POST, named).all()
    status = roll_up(row.state for row in rows)
    if status is Status.PUBLISHING:
        return
    if status is Status.SCHEDULED:  # held, and told of already
        session.execute(_UPDATE_POST, {**named, "status": status, "now": now})
        return
    went_out = {"published_at": now} if status in {Status.PUBLISHED, Status.PARTIAL} else {}
    session.execute(_UPDATE_POST, {**named, "status": status, "now": now, **went_out})
    events.record(
        session,
        post.workspace_id,
        post.id,
        f"post.{status}",
        now,
        result(status, went_out.get("published_at"), rows),
        callback_url=post.callback_url,
    )
