"""Posts and destinations as rows about to be written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from oncue.accounts.models import Account
from oncue.lib import ids
from oncue.posts.lifecycle import KEEPS_SLOT, State, Status
from oncue.posts.models import Destination, Post
from oncue.posts.values import ContentType, NewPost, ThreadEntry


def destination_rows(
    workspace_id: UUID,
    post_id: UUID,
    accounts: Sequence[Account],
    run_at: datetime | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """New rows of the due-time table, one for each account."""
    targets = [(account.id, account.platform) for account in accounts]
    return target_rows(workspace_id, post_id, targets, run_at, now)


def target_rows(
    workspace_id: UUID,
    post_id: UUID,
    targets: Collection[tuple[UUID, str]],
    run_at: datetime | None,
    now: datetime,
) -> list[dict[str, Any]]:
    return [
        {
            "id": ids.new_id(now),
            "workspace_id": workspace_id,
            "post_id": post_id,
            "account_id": account_id,
            "platform": platform,
            "position": position,
            "state": State.IDLE if run_at is None else State.WAITING,
            "run_at": run_at,
        }
        for position, (account_id, platform) in enumerate(targets)
    ]


def thread_rows(thread: Iterable[ThreadEntry]) -> list[dict[str, Any]]:
    """A thread as it is kept: in order, so that the sequence need not be."""
    return [
        {"content": entry.content, "mediaIds": [str(media_id) for media_id in entry.media_ids]}
        for entry in sorted(thread, key=lambda entry: entry.sequence)
    ]


def post_row(
    workspace_id: UUID, new: NewPost, scheduled_for: datetime | None, now: datetime
) -> dict[str, Any]:
    content_type = ContentType.THREAD if new.thread else new.content_type
    return {
        "id": ids.new_id(now),
        "workspace_id": workspace_id,
        "status": Status.DRAFT if scheduled_for is None else Status.SCHEDULED,
        "content": new.content,
        "content_type": content_type,
        "scheduled_for": scheduled_for,
        "first_comment": new.first_comment,
        "first_comment_delay": new.first_comment_delay,
        "tags": list(new.tags),
        "metadata": new.metadata,
        "platform_overrides": dict(new.platform_overrides),
        "platform_metadata": dict(new.platform_metadata),
        "media_ids": [str(media_id) for media_id in new.media_ids],
        "thread": thread_rows(new.thread),
        "persona_id": new.persona_id,
        "units": units_of(new.thread),
        "slot": scheduled_for if new.queue else None,
        "late_policy": new.late_policy,
        "created_at": now,
        "updated_at": now,
    }


def becoming(status: Status | None) -> dict[str, Any]:
    """What a post's new status changes: one in which it waits for no slot gives its slot back."""
    if status is None:
        return {}
    return {"status": status} if status in KEEPS_SLOT else {"status": status, "slot": None}


def as_post(row: Mapping[str, Any]) -> Post:
    """A row about to be written, for the functions that read a Post."""
    return Post(**{"post_metadata" if key == "metadata" else key: row[key] for key in row})


def as_destination(row: Mapping[str, Any]) -> Destination:
    return Destination(**row)


def units_of(thread: Sequence[ThreadEntry]) -> int:
    """What a post counts: every item of a thread is one (V110)."""
    return max(len(thread), 1)


def files_named(media_ids: Iterable[UUID], thread: Iterable[ThreadEntry]) -> list[UUID]:
    named = [*media_ids, *(media_id for entry in thread for media_id in entry.media_ids)]
    return list(dict.fromkeys(named))
