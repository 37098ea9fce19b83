"""Bodies of the native dialect: what clients send, and what they are shown."""

from typing import Annotated, Any

from pydantic import Field

from oncue.api.fields import (
    AccountId,
    DestinationId,
    EventId,
    MediaId,
    Out,
    PostId,
    RecurrenceId,
    ShownPlatform,
    When,
)
from oncue.api.native.media_answers import MediaOut, show_media
from oncue.lib import ids
from oncue.media.links import Links
from oncue.outbox import Event
from oncue.posts.comments import COMMENT_SHOWN_AS, CommentState
from oncue.posts.lifecycle import SHOWN_AS, State
from oncue.posts.models import Attempt, Comment
from oncue.posts.queries import PlatformView, PostView


class AttemptOut(Out):
    """How one attempt ended."""

    attempted_at: When
    status: str
    error: str | None


class FirstCommentOut(Out):
    """What became of the first comment at one destination."""

    status: str
    comment_id: str | None
    error: str | None


class PlatformOut(Out):
    """One destination of a post."""

    id: DestinationId
    post_platform_id: DestinationId
    platform: ShownPlatform
    account_id: AccountId
    account_name: str
    status: str
    platform_post_id: str | None
    platform_post_url: str | None
    published_at: When | None
    publish_warning: str | None
    error: str | None
    needs_review: bool
    held_reason: str | None
    retry_count: int
    next_retry_at: When | None
    attempts: list[AttemptOut]
    first_comment: FirstCommentOut | None


class ThreadPostOut(Out):
    """One item of a thread."""

    sequence: int
    content: str
    media_ids: list[MediaId]


class PostOut(Out):
    """A post, whole."""

    id: PostId
    content: str
    content_type: str | None
    status: str
    scheduled_for: When | None
    published_at: When | None
    platform_removed_at: When | None
    first_comment: str | None
    first_comment_delay: int | None
    queue_position: int | None
    late_policy: str | None
    tags: list[str]
    metadata: dict[str, Any] | None
    media: list[MediaOut]
    platforms: list[PlatformOut]
    platform_overrides: dict[str, Any]
    platform_metadata: dict[str, Any]
    thread_posts: list[ThreadPostOut]
    recurring_post_id: RecurrenceId | None
    is_recurring: bool | None
    persona_id: str | None
    approval_requested_at: When | None
    approved_at: When | None
    created_at: When
    updated_at: When


class PageOut(Out):
    """Where a list goes on, in both spellings clients read (C16)."""

    next_cursor: Annotated[str | None, Field(alias="next_cursor")]
    has_more: Annotated[bool, Field(alias="has_more")]
    limit: int
    next_cursor_: Annotated[str | None, Field(alias="nextCursor")]
    has_more_: Annotated[bool, Field(alias="hasMore")]


class PostListOut(Out):
    """A page of posts."""

    data: list[PostOut]
    pagination: PageOut


class EventOut(Out):
    """Something that happened to a post."""

    id: EventId
    type: str
    created_at: When
    data: dict[str, Any]


class EventListOut(Out):
    """A post's history, oldest first."""

    events: list[EventOut]


class DeletedOut(Out):
    """It is gone."""

    success: bool = True


class RetriedOut(Out):
    """A destination that goes out again."""

    platform: ShownPlatform
    account_id: AccountId
    retry_count: int
    next_retry_at: When


class SkippedOut(Out):
    """A failed destination that is left alone, and why."""

    platform: ShownPlatform
    account_id: AccountId
    retry_count: int
    reason: str


class RetryOut(Out):
    """What a retry did."""

    id: PostId
    status: str
    retried_platforms: list[RetriedOut]
    skipped_platforms: list[SkippedOut]


class FixOut(Out):
    """The destination is on its way again."""

    success: bool
    platform_id: DestinationId
    status: str


def show_post(view: PostView, links: Links) -> PostOut:
    """A post as it is answered."""
    post = view.post
    named = [ids.from_typeid("media", name) for name in post.media_ids]
    return PostOut(
        id=post.id,
        content=post.content,
        content_type=post.content_type,
        status=post.status,
        scheduled_for=post.scheduled_for,
        published_at=post.published_at,
        platform_removed_at=post.platform_removed_at,
        first_comment=post.first_comment,
        first_comment_delay=post.first_comment_delay,
        queue_position=view.queue_position,
        late_policy=post.late_policy,
        tags=post.tags,
        metadata=post.post_metadata,
        media=[show_media(view.files[name], links) for name in named if name in view.files],
        platforms=[_show_platform(platform) for platform in view.platforms],
        platform_overrides=post.platform_overrides,
        platform_metadata=post.platform_metadata,
        thread_posts=[
            ThreadPostOut(
                sequence=sequence,
                content=item["content"],
                media_ids=[ids.from_typeid("media", name) for name in item["mediaIds"]],
            )
            for sequence, item in enumerate(post.thread, start=1)
        ],
        recurring_post_id=post.recurrence_id,
        is_recurring=post.is_recurring,
        persona_id=post.persona_id,
        approval_requested_at=post.approval_requested_at,
        approved_at=post.approved_at,
        created_at=post.created_at,
        updated_at=post.updated_at,
    )


def _show_platform(view: PlatformView) -> PlatformOut:
    row = view.destination
    return PlatformOut(
        id=row.id,
        post_platform_id=row.id,
        platform=row.platform.lower(),
        account_id=row.account_id,
        account_name=view.account.display_name,
        status=SHOWN_AS[State(row.state)],
        platform_post_id=row.platform_post_id,
        platform_post_url=row.platform_post_url,
        published_at=row.published_at,
        publish_warning=row.publish_warning,
        error=row.error,
        needs_review=row.needs_review,
        held_reason=row.held_reason,
        retry_count=row.retry_count,
        next_retry_at=row.next_retry_at,
        attempts=[show_attempt(attempt) for attempt in view.attempts],
        first_comment=_show_comment(view.comment) if view.comment else None,
    )


def _show_comment(row: Comment) -> FirstCommentOut:
    return FirstCommentOut(
        status=COMMENT_SHOWN_AS[CommentState(row.state)],
        comment_id=row.native_id,
        error=row.error,
    )


def show_attempt(attempt: Attempt) -> AttemptOut:
    return AttemptOut(attempted_at=attempt.attempted_at, status=attempt.status, error=attempt.error)


def show_event(event: Event) -> EventOut:
    return EventOut(id=event.id, type=event.type, created_at=event.created_at, data=event.data)
