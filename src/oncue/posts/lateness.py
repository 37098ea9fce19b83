"""What becomes of a scheduled post whose time has passed: it goes out late, is held, or lapses.

Looked at as its turn comes, by whoever is about to send it out: so what one process holds,
none publishes. However it came to be late (Oncue stood still, or the account's line was long),
the same rule decides.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from oncue.db.base import later
from oncue.posts import events
from oncue.posts.lifecycle import HeldReason, State, Status
from oncue.posts.models import Destination, Post
from oncue.posts.service import OFF_DUTY
from oncue.workspaces.models import LatePolicy, Workspace

TOLERATED: Final = timedelta(minutes=5)
"""Until then a post counts as on time, whatever its policy."""

LATE: Final = HeldReason.LATE

_POLICIES = (
    select(
        Post.id,
        func.coalesce(Post.late_policy, Workspace.late_policy).label("policy"),
        Workspace.late_window,
    )
    .join(Workspace, Workspace.id == Post.workspace_id)
    .where(Post.id.in_(bindparam("posts", expanding=True)), Post.status == Status.SCHEDULED)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a post that does not go out is left."""

    status: Status
    state: State
    held_reason: str | None
    event: str


ENDINGS: Final[Mapping[LatePolicy, Ending]] = {
    LatePolicy.HOLD: Ending(
        status=Status.SCHEDULED, state=State.HELD, held_reason=LATE, event="post.held"
    ),
    LatePolicy.SKIP: Ending(
        status=Status.CANCELLED, state=State.SKIPPED, held_reason=None, event="post.cancelled"
    ),
}


def fate(policy: LatePolicy, window: timedelta, late: timedelta) -> LatePolicy:
    """What is done with a post that is this late; past its window, PUBLISH holds as well."""
    if late <= TOLERATED or (policy is LatePolicy.PUBLISH and late <= window):
        return LatePolicy.PUBLISH
    return LatePolicy.SKIP if policy is LatePolicy.SKIP else LatePolicy.HOLD


def put_off(session: Session, rows: Sequence[Destination], now: datetime) -> bool:
    """Hold or skip the posts of these due rows that are too late; whether there were any.

    The caller holds the posts of the rows. A post that has begun to go out is left alone.
    """
    late_by = {
        row.post_id: now - row.run_at
        for row in rows
        if row.run_at is not None and now - row.run_at > TOLERATED
    }
    if not late_by:
        return False
    fates: dict[LatePolicy, list[UUID]] = defaultdict(list)
    for post_id, policy, seconds in session.execute(_POLICIES, {"posts": list(late_by)}):
        decided = fate(LatePolicy(policy), timedelta(seconds=seconds), late_by[post_id])
        fates[decided].append(post_id)
    ended = [
        _end(session, fates[decided], ending, now)
        for decided, ending in ENDINGS.items()
        if decided in fates
    ]
    return any(ended)


def _end(session: Session, post_ids: Collection[UUID], ending: Ending, now: datetime) -> bool:
    """Leave the posts like that; whether any was still scheduled. It gives their slots back."""
    moved = session.execute(
        update(Post)
        .where(Post.id.in_(post_ids), Post.status == Status.SCHEDULED)
        .values(status=ending.status, slot=None, updated_at=later(Post.updated_at, now))
        .returning(Post.workspace_id, Post.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.execute(
        update(Destination)
        .where(
            Destination.post_id.in_([row.id for row in moved]),
            or_(Destination.run_at.is_not(None), Destination.state == State.HELD),
        )
        .values(
            {
                **OFF_DUTY,
                "state": ending.state,
                "held_reason": ending.held_reason,
                "fence": Destination.fence + 1,
            }
        )
        .execution_options(synchronize_session=False)
    )
    by_workspace: dict[UUID, list[UUID]] = defaultdict(list)
    for workspace_id, post_id in moved:
        by_workspace[workspace_id].append(post_id)
    for workspace_id, its_posts in by_workspace.items():
        events.record_each(session, workspace_id, its_posts, ending.event, now, {"reason": LATE})
    return bool(moved)
