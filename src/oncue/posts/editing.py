"""Changing a post: every field that was mentioned, and what follows for its destinations."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.db.database import announce_due
from oncue.errors import Conflict, Invalid
from oncue.lib import ids
from oncue.posts import approval, attachments, events, quota, traces
from oncue.posts.drafts import load_files, media_of
from oncue.posts.lifecycle import Operation, State, Status
from oncue.posts.models import Destination, Post
from oncue.posts.personas import persona_issues
from oncue.posts.quota import Load
from oncue.posts.rows import destination_rows, thread_rows, units_of
from oncue.posts.scheduling import make_draft, schedule
from oncue.posts.service import destinations_of, get, move, require_accounts
from oncue.posts.validation import (
    check_metadata,
    check_networks,
    media_issues,
    option_issues,
    thread_issues,
    time_issues,
)
from oncue.posts.values import KEEP, Changes, ContentType, ThreadEntry

# Fields of Changes that are columns of the same meaning.
PLAIN: Final[Mapping[str, str]] = {
    "content": "content",
    "content_type": "content_type",
    "platform_overrides": "platform_overrides",
    "platform_metadata": "platform_metadata",
    "tags": "tags",
    "persona_id": "persona_id",
    "first_comment": "first_comment",
    "first_comment_delay": "first_comment_delay",
    "late_policy": "late_policy",
    "platform_removed_at": "platform_removed_at",
    "metadata": "post_metadata",
}
GOING_OUT: Final = frozenset({Status.SCHEDULED, Status.APPROVED})


def edit(
    session: Session, workspace_id: UUID, post_id: UUID, changes: Changes, now: datetime
) -> None:
    """Change what `changes` mentions; nothing at all where it mentions nothing (V123).

    A new time makes the post scheduled and its unpublished destinations pending again (C33).
    A post under approval becomes a draft, unless it is approved and only its time is new (C61).
    Raises NotFound, OperationNotPermitted, Conflict (version), Invalid, InvalidMetadata,
    LimitExceeded.
    """
    if _mentions_nothing(changes):
        get(session, workspace_id, post_id)
        return
    post = move(session, workspace_id, post_id, Operation.EDIT, now, version=changes.version)
    voided = approval.is_voided_by(post, changes)
    if voided:
        post = approval.void(session, post, now)
    before = _load(session, post) if _may_weigh_more(changes) else None
    if changes.account_ids is not KEEP:
        _retarget(session, post, changes.account_ids, now)
    _check(session, post, changes, now)
    _write(session, post, changes)
    _overrule(session, post, changes)
    if _may_name_others(changes):
        named_by = get(session, workspace_id, post_id)
        attachments.note_anew(session, named_by, destinations_of(session, workspace_id, post_id))
    if not (voided and post.status == Status.DRAFT):  # it has to be approved anew before that
        _reschedule(session, post, changes, now)
    post = get(session, workspace_id, post_id)
    if before is not None:
        quota.charge_growth(session, workspace_id, before, _load(session, post), now)
    if post.status in GOING_OUT:
        rows = destinations_of(session, workspace_id, post_id)
        files = load_files(session, workspace_id, media_of(post, rows))
        check_networks(post, rows, files, now)
    check_metadata(None if changes.metadata is KEEP else changes.metadata)  # a 422: last (C4)
    said = {"status": post.status}
    events.record(session, workspace_id, post_id, "post.updated", now, said)


def _may_weigh_more(changes: Changes) -> bool:
    return changes.account_ids is not KEEP or changes.thread is not KEEP


def _may_name_others(changes: Changes) -> bool:
    parts = (changes.media_ids, changes.thread, changes.account_ids)
    return any(part is not KEEP for part in parts)


def _load(session: Session, post: Post) -> Load:
    rows = destinations_of(session, post.workspace_id, post.id)
    return quota.load_of((row.platform for row in rows), post.units)


def _mentions_nothing(changes: Changes) -> bool:
    return all(getattr(changes, field.name) == field.default for field in fields(changes))


def _check(session: Session, post: Post, changes: Changes, now: datetime) -> None:
    issues = [] if changes.scheduled_for is KEEP else time_issues(changes.scheduled_for, now)
    if changes.persona_id is not KEEP:
        issues += persona_issues(session, post.workspace_id, changes.persona_id)
    if changes.media_ids is not KEEP:
        issues += media_issues(session, post.workspace_id, changes.media_ids)
    if changes.thread is not KEEP:
        wanted = [media_id for entry in changes.thread for media_id in entry.media_ids]
        issues += media_issues(session, post.workspace_id, wanted, "threadPosts")
    if changes.platform_metadata is not KEEP:
        issues += option_issues(changes.platform_metadata)
    touched = (changes.thread, changes.content_type, changes.account_ids)
    if any(part is not KEEP for part in touched):
        platforms = [row.platform for row in destinations_of(session, post.workspace_id, post.id)]
        issues += thread_issues(*_thread_after(post, changes), platforms)
    if issues:
        raise Invalid(issues)


def _thread_after(post: Post, changes: Changes) -> tuple[ContentType | None, Sequence[ThreadEntry]]:
    """The post's content type and thread as the changes will leave them."""
    kept = [
        ThreadEntry(sequence=sequence, content=item["content"])
        for sequence, item in enumerate(post.thread, start=1)
    ]
    thread = kept if changes.thread is KEEP else changes.thread
    if changes.content_type is not KEEP:
        return changes.content_type, thread
    if changes.thread is not KEEP or post.content_type is None:
        return None, thread
    return ContentType(post.content_type), thread


def _write(session: Session, post: Post, changes: Changes) -> None:
    values: dict[str, Any] = {
        column: getattr(changes, name)
        for name, column in PLAIN.items()
        if getattr(changes, name) is not KEEP
    }
    if changes.media_ids is not KEEP:
        values["media_ids"] = [str(media_id) for media_id in changes.media_ids]
    if changes.thread is not KEEP:
        values["thread"] = thread_rows(changes.thread)
        values["units"] = units_of(changes.thread)
        if changes.thread:
            values["content_type"] = ContentType.THREAD
        elif changes.content_type is KEEP and post.content_type == ContentType.THREAD:
            values["content_type"] = None
    if values:
        session.execute(
            update(Post)
            .where(Post.workspace_id == post.workspace_id, Post.id == post.id)
            .values({getattr(Post, column): value for column, value in values.items()})
            .execution_options(synchronize_session=False)
        )


def _overrule(session: Session, post: Post, changes: Changes) -> None:
    """What /fix gave one destination gives way to what the whole post is given later."""
    own: dict[str, Any] = {}
    if changes.content is not KEEP:
        own["content"] = None
    if changes.media_ids is not KEEP:
        own["media_ids"] = None
    if own:
        session.execute(
            update(Destination)
            .where(
                Destination.workspace_id == post.workspace_id,
                Destination.post_id == post.id,
                Destination.state != State.PUBLISHED,
            )
            .values(**own)
            .execution_options(synchronize_session=False)
        )


def _reschedule(session: Session, post: Post, changes: Changes, now: datetime) -> None:
    """Set, keep or clear the time; a draft has none (C31)."""
    if changes.save_as_draft or changes.clear_schedule or changes.scheduled_for is None:
        make_draft(session, post)
    elif changes.scheduled_for is not KEEP:
        schedule(session, post, changes.scheduled_for, now)


def _retarget(session: Session, post: Post, account_ids: Sequence[UUID], now: datetime) -> None:
    """Replace the set of accounts; a destination that is kept keeps its history."""
    accounts = require_accounts(session, post.workspace_id, account_ids)
    present = {row.account_id: row for row in destinations_of(session, post.workspace_id, post.id)}
    dropped = [row for account_id, row in present.items() if account_id not in account_ids]
    if published := [row for row in dropped if row.state == State.PUBLISHED]:
        names = ", ".join(ids.to_typeid("acc", row.account_id) for row in published)
        raise Conflict(f"The post is already published at {names}, which cannot be taken away")
    gone = [row.id for row in dropped]
    traces.leave(session, post.workspace_id, gone, now)
    session.execute(
        delete(Destination)
        .where(Destination.workspace_id == post.workspace_id, Destination.id.in_(gone))
        .execution_options(synchronize_session=False)
    )
    added = [account for account in accounts if account.id not in present]
    waits = post.status == Status.SCHEDULED and not any(
        row.state == State.HELD for row in present.values()
    )
    _add(session, post, added, post.scheduled_for if waits else None, now)
    for position, account in enumerate(accounts):
        session.execute(
            update(Destination)
            .where(
                Destination.workspace_id == post.workspace_id,
                Destination.post_id == post.id,
                Destination.account_id == account.id,
            )
            .values(position=position)
            .execution_options(synchronize_session=False)
        )


def _add(
    session: Session,
    post: Post,
    accounts: Sequence[Account],
    run_at: datetime | None,
    now: datetime,
) -> None:
    if not accounts:
        return
    rows = destination_rows(post.workspace_id, post.id, accounts, run_at, now)
    session.execute(insert(Destination), rows)
    if run_at is not None:
        announce_due(session)
