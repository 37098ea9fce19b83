"""Copying a post: what it says and where to, and nothing of what has happened to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from oncue.lib import ids
from oncue.posts import attachments, events, quota
from oncue.posts.drafts import media_of
from oncue.posts.lifecycle import Status
from oncue.posts.models import Destination, Post
from oncue.posts.rows import target_rows
from oncue.posts.service import destinations_of, get


def clone(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    now: datetime,
    recurrence_id: UUID | None = None,
) -> UUID:
    """A new draft with the post's content, media, targets and overrides (V302, V303).

    `recurrence_id` is the rule that asks for it, where a rule does (V286).
    """
    source = get(session, workspace_id, post_id)
    values = {
        column.key: getattr(source, column.key) for column in Post.__mapper__.column_attrs
    } | {
        "id": ids.new_id(now),
        "status": Status.DRAFT,
        "scheduled_for": None,
        "published_at": None,
        "platform_removed_at": None,
        "archived_from": None,
        "slot": None,
        "callback_url": None,
        "approval_requested_at": None,
        "approved_at": None,
        "recurrence_id": recurrence_id,
        "is_recurring": None,
        "created_at": now,
        "updated_at": now,
    }
    accounts = [
        (row.account_id, row.platform) for row in destinations_of(session, workspace_id, post_id)
    ]
    platforms = [platform for _account_id, platform in accounts]
    quota.charge(session, workspace_id, platforms, source.units, now)
    session.execute(insert(Post).values(**values))
    copy_id: UUID = values["id"]
    session.execute(insert(Destination), target_rows(workspace_id, copy_id, accounts, None, now))
    attachments.note(session, workspace_id, copy_id, media_of(source))
    origin = {"clonedFrom": ids.to_typeid("post", post_id)}
    if recurrence_id is not None:
        origin["recurringPostId"] = ids.to_typeid("rec", recurrence_id)
    tell_at = now + events.DEBOUNCE
    events.record(
        session, workspace_id, copy_id, "post.created", now, origin, dispatch_after=tell_at
    )
    return copy_id
