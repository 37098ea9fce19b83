"""What a plan allows to be posted: so many posts a month, so many a day on a network (C59)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from oncue.errors import LimitExceeded
from oncue.posts.models import Destination, Post
from oncue.workspaces.models import Workspace

# Every post runs this, so it is built once: building it costs more than running it.
_LIMITS = select(Workspace.plan, Workspace.posts_per_month, Workspace.posts_per_day).where(
    Workspace.id == bindparam("workspace")
)


def charge(
    session: Session, workspace_id: UUID, platforms: Sequence[str], units: int, now: datetime
) -> None:
    """Raise LimitExceeded unless the plan has room for one more post of `units`.

    Where a plan has limits the workspace's row is held, so that parallel requests cannot
    share the last place.
    """
    plan, per_month, per_day = session.execute(_LIMITS, {"workspace": workspace_id}).one()
    if per_month is None and not per_day:
        return
    session.execute(
        select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    )
    if per_month is not None:
        first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        used = _units_since(session, workspace_id, first)
        if used + units > per_month:
            raise LimitExceeded("posts a month", plan, per_month, used)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for platform, count in Counter(platforms).items():
        limit = (per_day or {}).get(platform)
        if limit is None:
            continue
        used = _posted_since(session, workspace_id, platform, midnight)
        if used + count > limit:
            raise LimitExceeded(f"{platform} posts a day", plan, limit, used)


def _units_since(session: Session, workspace_id: UUID, since: datetime) -> int:
    counted = session.scalar(
        select(func.sum(Post.units)).where(
            Post.workspace_id == workspace_id, Post.created_at >= since
        )
    )
    return int(counted or 0)


def _posted_since(session: Session, workspace_id: UUID, platform: str, since: datetime) -> int:
    counted = session.scalar(
        select(func.count(Destination.id))
        .join(Post, Post.id == Destination.post_id)
        .where(
            Post.workspace_id == workspace_id,
            Post.created_at >= since,
            Destination.platform == platform,
        )
    )
    return counted or 0
