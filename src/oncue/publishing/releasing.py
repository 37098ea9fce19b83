"""A duty: what waited for its account to be connected again goes on once it is.

It goes on under the late-post policy, counted from when it was due: a post of which nothing is
out is due again as it was, and whoever promotes it looks at its lateness; of a post that is
partly out each remaining destination is decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.db.base import later
from oncue.db.database import Database, Topic, announce_due
from oncue.lib import ids
from oncue.lib.clock import Clock
from oncue.posts import events
from oncue.posts.lateness import fate
from oncue.posts.lifecycle import HeldReason, State, Status, roll_up
from oncue.posts.models import Destination, Post
from oncue.posts.results import result
from oncue.posts.service import destinations_of
from oncue.publishing.duties import Duty
from oncue.workspaces.models import LatePolicy, Workspace

BATCH: Final = 200
ON_ITS_WAY: Final = (Status.PUBLISHING, Status.PARTIAL, Status.FAILED)
TOO_LATE: Final = "The account was connected again too late for this post"

_RELEASED = (
    select(
        Destination,
        Post,
        func.coalesce(Post.late_policy, Workspace.late_policy),
        Workspace.late_window,
    )
    .join(Account, Account.id == Destination.account_id)
    .join(Post, Post.id == Destination.post_id)
    .join(Workspace, Workspace.id == Destination.workspace_id)
    .where(
        Destination.state == State.HELD,
        Destination.held_reason == HeldReason.ACCOUNT,
        Post.status.in_((Status.SCHEDULED, *ON_ITS_WAY)),
        Account.status == "active",
    )
    .order_by(Destination.due_at, Destination.id)
    .limit(BATCH)
    .with_for_update(of=Post, skip_locked=True)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Releasing:
    """Lets posts go on. Every process may: each post is held while it is decided about."""

    db: Database
    now: Clock

    def duty(self) -> Duty:
        return Duty(name="releasing", topic=Topic.ERRAND, act=self.act)

    async def act(self) -> datetime | None:
        """Release what can go on; None: connecting an account says when there is more."""
        while await self.db.write(lambda session: release(session, self.now())) == BATCH:
            pass
        return None


def release(session: Session, now: datetime) -> int:
    """Decide about one batch of destinations whose accounts are connected again; how many."""
    found = session.execute(_RELEASED).all()
    for row, post, policy, window in found:
        if post.status == Status.SCHEDULED:
            _write(session, row, state=State.WAITING, run_at=row.due_at, held_reason=None)
            continue
        late = now - (row.due_at or now)
        match fate(LatePolicy(policy), timedelta(seconds=window), late):
            case LatePolicy.PUBLISH:
                _write(session, row, state=State.WAITING, run_at=now, held_reason=None)
            case LatePolicy.HOLD:
                _write(session, row, held_reason=HeldReason.LATE)
                why = {"reason": HeldReason.LATE, "platformId": ids.to_typeid("pp", row.id)}
                events.record(session, row.workspace_id, post.id, "post.held", now, why)
            case LatePolicy.SKIP:
                _write(session, row, state=State.SKIPPED, held_reason=None, error=TOO_LATE)
                _roll_up(session, post, now)
    if found:
        announce_due(session)
    return len(found)


def _write(session: Session, row: Destination, **values: Any) -> None:
    session.execute(
        update(Destination)
        .where(Destination.workspace_id == row.workspace_id, Destination.id == row.id)
        .values(fence=Destination.fence + 1, **values)
        .execution_options(synchronize_session=False)
    )


def _roll_up(session: Session, post: Post, now: datetime) -> None:
    """Nothing more comes of one destination: that may have ended its post."""
    rows: Sequence[Destination] = destinations_of(session, post.workspace_id, post.id)
    status = roll_up(row.state for row in rows)
    if status in {post.status, Status.PUBLISHING}:
        return
    session.execute(
        update(Post)
        .where(Post.workspace_id == post.workspace_id, Post.id == post.id)
        .values(status=status, updated_at=later(Post.updated_at, now))
        .execution_options(synchronize_session=False)
    )
    said, to = result(status, post.published_at, rows), post.callback_url
    events.record(session, post.workspace_id, post.id, f"post.{status}", now, said, callback_url=to)
