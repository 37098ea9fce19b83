"""What a plan allows to be posted: so many posts a month, so many a day on a network (C59)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from oncue.connectors.registry import CONNECTORS
from oncue.errors import LimitExceeded
from oncue.posts.models import Destination, Post
from oncue.workspaces.models import Workspace

# Every post runs this, so it is built once: building it costs more than running it.
_LIMITS = select(Workspace.plan, Workspace.posts_per_month, Workspace.posts_per_day).where(
    Workspace.id == bindparam("workspace")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a post weighs: `units` against the month's posts, and against the day's by network.

    Every item of a thread is a post, where the network has threads (V110).
    """

    units: int
    by_platform: Counter[str]

    def __sub__(self, other: "Load") -> "Load":
        """What this one weighs more."""
        return Load(
            units=max(self.units - other.units, 0), by_platform=self.by_platform - other.by_platform
        )


def load_of(platforms: Iterable[str], units: int) -> Load:
    """The load of a post of `units` to one account on each of `platforms`."""
    by_platform = Counter[str]()
    for platform in platforms:
        by_platform[platform] += units if _has_threads(platform) else 1
    return Load(units=units, by_platform=by_platform)


def charge(
    session: Session, workspace_id: UUID, platforms: Sequence[str], units: int, now: datetime
) -> None:
    """Raise LimitExceeded unless the plan has room for one more post of `units`.

    Where a plan has limits the workspace's row is held, so that parallel requests cannot
    share the last place.
    """
    _check(session, workspace_id, load_of(platforms, units), now, is_there=False)


def charge_growth(
    session: Session, workspace_id: UUID, before: Load, after: Load, now: datetime
) -> None:
    """Raise LimitExceeded where a change has made a post weigh more than there is room for."""
    _check(session, workspace_id, after - before, now, is_there=True)


def _check(
    session: Session, workspace_id: UUID, load: Load, now: datetime, *, is_there: bool
) -> None:
    """Whether there is room for `load`, which is among the rows already or is yet to come."""
    plan, per_month, per_day = session.execute(_LIMITS, {"workspace": workspace_id}).one()
    limits = {name: limit for name, limit in (per_day or {}).items() if load.by_platform[name]}
    is_limited = per_month is not None and load.units > 0
    if not is_limited and not limits:
        return
    session.execute(
        select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if is_limited:
        counted = _units_since(session, workspace_id, midnight.replace(day=1))
        used = counted - load.units if is_there else counted
        if used + load.units > per_month:
            raise LimitExceeded("posts a month", plan, per_month, used)
    for platform, limit in limits.items():
        more = load.by_platform[platform]
        counted = _posted_since(session, workspace_id, platform, midnight)
        used = counted - more if is_there else counted
        if used + more > limit:
            raise LimitExceeded(f"{platform} posts a day", plan, limit, used)


def _has_threads(platform: str) -> bool:
    return CONNECTORS[platform].spec.thread_items > 0


def _units_since(session: Session, workspace_id: UUID, since: datetime) -> int:
    counted = session.scalar(
        select(func.sum(Post.units)).where(
            Post.workspace_id == workspace_id, Post.created_at >= since
        )
    )
    return int(counted or 0)


def _posted_since(session: Session, workspace_id: UUID, platform: str, since: datetime) -> int:
    weight = func.sum(Post.units) if _has_threads(platform) else func.count(Destination.id)
    counted = session.scalar(
        select(weight)
        .select_from(Destination)
        .join(Post, Post.id == Destination.post_id)
        .where(
            Post.workspace_id == workspace_id,
            Post.created_at >= since,
            Destination.platform == platform,
        )
    )
    return int(counted or 0)
