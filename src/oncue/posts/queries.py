"""Reading posts: one whole, or a page of them, each with everything an answer shows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.media.models import MediaFile
from oncue.posts.drafts import media_of
from oncue.posts.lifecycle import Status
from oncue.posts.models import Attempt, Comment, Destination, Post
from oncue.posts.service import get

# Every answer with a post runs this, so it is built once: building costs more than running it.
_DESTINATIONS = (
    select(Destination, Account)
    .join(Account, Account.id == Destination.account_id)
    .where(
        Destination.workspace_id == bindparam("workspace"),
        Destination.post_id.in_(bindparam("posts", expanding=True)),
    )
    .order_by(Destination.position, Destination.id)
    .execution_options(populate_existing=True)
)


_QUEUE = (
    select(Post.id, func.row_number().over(order_by=Post.slot).label("position"))
    .where(
        Post.workspace_id == bindparam("workspace"),
        Post.slot.is_not(None),
        Post.status == Status.SCHEDULED,
    )
    .subquery()
)
_POSITIONS = select(_QUEUE.c.id, _QUEUE.c.position).where(
    _QUEUE.c.id.in_(bindparam("posts", expanding=True))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformView:
    """A destination with its account and the history of its attempts."""

    destination: Destination
    account: Account
    attempts: Sequence[Attempt]
    comment: Comment | None  # the first comment, where the network takes one


@dataclass(frozen=True, slots=True, kw_only=True)
class PostView:
    """A post with all that belongs to it."""

    post: Post
    platforms: Sequence[PlatformView]
    files: Mapping[UUID, MediaFile]
    queue_position: int | None  # 1: the next of the queue to go out (C60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is narrowed to. `after` is the place of the last post already seen."""

    statuses: Sequence[Status] = ()
    platform: str | None = None
    account_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    hide_archived: bool = field(default=True)


def view(session: Session, workspace_id: UUID, post_id: UUID) -> PostView:
    """One post; raises NotFound."""
    [found] = _views(session, workspace_id, [get(session, workspace_id, post_id)])
    return found


def page(
    session: Session, workspace_id: UUID, chosen: Filter, limit: int
) -> tuple[Sequence[PostView], bool]:
    """Up to `limit` posts, newest first, and whether there are more behind them."""
    rows = session.scalars(_matching(workspace_id, chosen).limit(limit + 1)).all()
    return _views(session, workspace_id, rows[:limit]), len(rows) > limit


def _matching(workspace_id: UUID, chosen: Filter) -> Select[Post]:
    found = select(Post).where(Post.workspace_id == workspace_id)
    if chosen.statuses:
        found = found.where(Post.status.in_(chosen.statuses))
    elif chosen.hide_archived:
        found = found.where(Post.status != Status.ARCHIVED)
    if chosen.platform is not None or chosen.account_id is not None:
        targets = select(Destination.id).where(
            Destination.workspace_id == workspace_id, Destination.post_id == Post.id
        )
        if chosen.platform is not None:
            targets = targets.where(Destination.platform == chosen.platform)
        if chosen.account_id is not None:
            targets = targets.where(Destination.account_id == chosen.account_id)
        found = found.where(targets.exists())
    when = func.coalesce(Post.scheduled_for, Post.published_at, Post.created_at)  # C15
    if chosen.since is not None:
        found = found.where(when >= chosen.since)
    if chosen.until is not None:
        found = found.where(when <= chosen.until)
    if chosen.after is not None:
        at, post_id = chosen.after
        found = found.where(
            (Post.created_at < at) | ((Post.created_at == at) & (Post.id < post_id))
        )
    return found.order_by(Post.created_at.desc(), Post.id.desc())


def _views(session: Session, workspace_id: UUID, posts: Sequence[Post]) -> list[PostView]:
    if not posts:
        return []
    post_ids = [post.id for post in posts]
    rows = session.execute(_DESTINATIONS, {"workspace": workspace_id, "posts": post_ids}).all()
    attempts = _attempts(session, workspace_id, [row for row, _account in rows if row.attempt])
    out = [row for row, _account in rows if row.platform_post_id is not None]
    comments = _comments(session, workspace_id, out)
    platforms: dict[UUID, list[PlatformView]] = defaultdict(list)
    for row, account in rows:
        platforms[row.post_id].append(
            PlatformView(
                destination=row,
                account=account,
                attempts=attempts.get(row.id, ()),
                comment=comments.get(row.id),
            )
        )
    files = _files(session, workspace_id, posts)
    positions = _positions(session, workspace_id, posts)
    return [
        PostView(
            post=post,
            platforms=platforms[post.id],
            files=files,
            queue_position=positions.get(post.id),
        )
        for post in posts
    ]


def _positions(session: Session, workspace_id: UUID, posts: Sequence[Post]) -> Mapping[UUID, int]:
    queued = [
        post.id for post in posts if post.slot is not None and post.status == Status.SCHEDULED
    ]
    if not queued:
        return {}
    rows = session.execute(_POSITIONS, {"workspace": workspace_id, "posts": queued})
    return {row.id: row.position for row in rows}


def _attempts(
    session: Session, workspace_id: UUID, rows: Sequence[Destination]
) -> Mapping[UUID, Sequence[Attempt]]:
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    if rows:
        for attempt in session.scalars(
            select(Attempt)
            .where(
                Attempt.workspace_id == workspace_id,
                Attempt.destination_id.in_([row.id for row in rows]),
            )
            .order_by(Attempt.number)
        ):
            found[attempt.destination_id].append(attempt)
    return found


def _comments(
    session: Session, workspace_id: UUID, rows: Sequence[Destination]
) -> Mapping[UUID, Comment]:
    if not rows:
        return {}
    found = session.scalars(
        select(Comment)
        .where(
            Comment.workspace_id == workspace_id,
            Comment.destination_id.in_([row.id for row in rows]),
        )
        .execution_options(populate_existing=True)
    )
    return {comment.destination_id: comment for comment in found}


def _files(session: Session, workspace_id: UUID, posts: Sequence[Post]) -> Mapping[UUID, MediaFile]:
    wanted = {media_id for post in posts for media_id in media_of(post)}
    if not wanted:
        return {}
    rows = session.scalars(
        select(MediaFile).where(MediaFile.workspace_id == workspace_id, MediaFile.id.in_(wanted))
    )
    return {row.id: row for row in rows}
