"""Approval: a post that waits for somebody's word before it may go out (C28, C61).

One approval by any key that may write posts is enough. While a post waits, nothing of it is
due, whatever its time. What was asked for and given is the content as it then was, so an edit
takes it away.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from oncue.errors import Conflict, Invalid
from oncue.lib.clock import iso
from oncue.posts import events
from oncue.posts.drafts import load_files, media_of
from oncue.posts.lifecycle import Status, Transition
from oncue.posts.models import Post
from oncue.posts.scheduling import make_draft, schedule, set_time, still_to_send, write
from oncue.posts.service import get, move, stand_down
from oncue.posts.validation import check_networks, time_issues
from oncue.posts.values import KEEP, Changes, Keep

NOT_YET_OUT: Final = frozenset({Status.PENDING_APPROVAL, Status.APPROVED, Status.SCHEDULED})


def start(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    scheduled_for: datetime | Keep | None,
    now: datetime,
) -> None:
    """Ask for approval of a draft, or of a scheduled post, which stands down meanwhile.

    `scheduled_for` is when it is to go out once approved; None: when somebody publishes it;
    KEEP: as the post has it. Raises NotFound, OperationNotPermitted, Conflict where nothing is
    left to publish, Invalid for a time in the past or a network's limit (C9).
    """
    post = move(
        session,
        workspace_id,
        post_id,
        Transition.START_APPROVAL,
        now,
        to=Status.PENDING_APPROVAL,
    )
    if scheduled_for is not KEEP:
        if issues := time_issues(scheduled_for, now):
            raise Invalid(issues)
        set_time(session, post, scheduled_for)
    write(session, post, approval_requested_at=now, approved_at=None)
    stand_down(session, workspace_id, post_id)
    post = get(session, workspace_id, post_id)
    _check(session, post, now)
    data = {"scheduledFor": iso(post.scheduled_for) if post.scheduled_for else None}
    events.record(session, workspace_id, post_id, "post.approval_requested", now, data)


def approve(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """Let the post go out: at its time, or when somebody publishes it.

    A time that has passed meanwhile, by more than clocks may differ, is not made up for: the
    post is approved, has no time any more, and waits. Raises NotFound, OperationNotPermitted
    (for the second of two who approve it), Conflict, Invalid for a network's limit (C9).
    """
    post = move(session, workspace_id, post_id, Transition.APPROVE, now, to=Status.APPROVED)
    _check(session, post, now)
    at = None if time_issues(post.scheduled_for, now) else post.scheduled_for
    data = {
        "status": Status.SCHEDULED if at else Status.APPROVED,
        "scheduledFor": iso(at) if at else None,
    }
    events.record(session, workspace_id, post_id, "post.draft.approved", now, data)
    write(session, post, approved_at=now)
    if at is None:
        set_time(session, post, None)
    else:
        schedule(session, post, at, now)


def reject(
    session: Session, workspace_id: UUID, post_id: UUID, reason: str | None, now: datetime
) -> None:
    """Send the post back to its authors as a draft. Raises NotFound, OperationNotPermitted."""
    post = move(session, workspace_id, post_id, Transition.REJECT, now, to=Status.DRAFT)
    _take_back(session, post)
    events.record(session, workspace_id, post_id, "post.rejected", now, {"reason": reason})


def is_voided_by(post: Post, changes: Changes) -> bool:
    """Whether an edit takes the approval away: any does, but a new time of an approved post."""
    if post.approval_requested_at is None:
        return False
    if replace(changes, scheduled_for=KEEP, version=None) != Changes():
        return True
    if changes.scheduled_for is KEEP:
        return False
    return changes.scheduled_for is None or post.approved_at is None


def void(session: Session, post: Post, now: datetime) -> Post:
    """Take the approval away; a post that is not out yet is a draft again. The post after it."""
    if post.status in NOT_YET_OUT:
        _take_back(session, post)
    else:
        write(session, post, approval_requested_at=None, approved_at=None)
    post = get(session, post.workspace_id, post.id)
    data = {"status": post.status}
    events.record(session, post.workspace_id, post.id, "post.approval_voided", now, data)
    return post


def _take_back(session: Session, post: Post) -> None:
    make_draft(session, post)
    write(session, post, approval_requested_at=None, approved_at=None)


def _check(session: Session, post: Post, now: datetime) -> None:
    waiting = still_to_send(session, post)
    if not waiting:
        raise Conflict("Nothing of the post is left to publish")
    files = load_files(session, post.workspace_id, media_of(post, waiting))
    check_networks(post, waiting, files, now)
