"""Rules that repeat a post: made, changed, paused, ended. The edge owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy import update as update_rows
from sqlalchemy.orm import Session

from oncue.db.base import later
from oncue.db.database import Topic, announce
from oncue.errors import Conflict, Invalid, Issue, LimitExceeded, NotFound
from oncue.lib import ids
from oncue.lib.clock import MILLISECOND, iso
from oncue.posts import service as posts
from oncue.posts.lifecycle import Transition
from oncue.posts.models import Post
from oncue.posts.values import KEEP
from oncue.recurrence.models import Recurrence, RecurrenceRun
from oncue.recurrence.series import next_after
from oncue.recurrence.timing import coming, is_used_up, left_out, series_of, written
from oncue.recurrence.values import NewRule, RuleChanges
from oncue.workspaces.models import Workspace
from oncue.workspaces.plans import PLANS

EXDATES: Final = 500  # that one rule can have


def create(
    session: Session, workspace_id: UUID, post_id: UUID, new: NewRule, now: datetime
) -> Recurrence:
    """Attach a rule to a published or scheduled post (V274, C63).

    The first run is the rule's first time at or after `start_at` and now. Raises NotFound,
    OperationNotPermitted, Conflict where the post has a rule, Invalid, LimitExceeded.
    """
    post = posts.move(session, workspace_id, post_id, Transition.REPEAT, now)
    if (present := _find(session, workspace_id, post_id)) is not None:
        facts = {"recurrenceId": ids.to_typeid("rec", present.id)}
        raise Conflict("The post has a recurrence rule already", facts)
    row = Recurrence(
        id=ids.new_id(now),
        workspace_id=workspace_id,
        post_id=post_id,
        rule=new.rule,
        timezone=new.timezone,
        anchor=post.scheduled_for or post.published_at or now,
        max_occurrences=new.max_occurrences,
        occurrence_count=0,
        start_at=new.start_at or now,
        enabled=True,
        exdates=written(new.exdates),
        created_at=now,
        updated_at=now,
    )
    row.next_run_at = _first_after(row, now - MILLISECOND)
    _charge(session, workspace_id)
    session.add(row)
    session.flush()
    _mark(session, workspace_id, post_id, {"is_recurring": True})
    announce(session, Topic.ERRAND)
    return row


def get(session: Session, workspace_id: UUID, post_id: UUID) -> Recurrence:
    """The post's rule; raises NotFound, also where the post has none (V282)."""
    posts.get(session, workspace_id, post_id)
    row = _find(session, workspace_id, post_id)
    if row is None:
        raise NotFound("recurrence rule for post", ids.to_typeid("post", post_id))
    return row


def update(
    session: Session, workspace_id: UUID, post_id: UUID, changes: RuleChanges, now: datetime
) -> Recurrence:
    """Change what `changes` mentions; pause, or go on from now (V283, V284).

    Times that passed during a pause are not made up for. Raises NotFound, Invalid,
    LimitExceeded.
    """
    if changes == RuleChanges():
        return get(session, workspace_id, post_id)
    row = _take(session, workspace_id, post_id, now)
    before = (row.rule, row.timezone)
    was_resting = row.next_run_at is None
    _write(session, row, _plain(changes))
    row = get(session, workspace_id, post_id)
    following = _following(session, row, now, anew=before != (row.rule, row.timezone))
    if was_resting and following is not None:
        _charge(session, workspace_id)
    _write(session, row, {"next_run_at": following})
    announce(session, Topic.ERRAND)
    return get(session, workspace_id, post_id)


def remove(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> None:
    """End the rule. The post, its copies and the history stay (V285); raises NotFound."""
    row = _take(session, workspace_id, post_id, now)
    _write(session, row, {"deleted_at": now, "next_run_at": None})
    changed = later(Post.updated_at, now)
    _mark(session, workspace_id, post_id, {"is_recurring": None, "updated_at": changed})


def preview(
    session: Session, workspace_id: UUID, post_id: UUID, count: int, now: datetime
) -> Sequence[datetime]:
    """Up to `count` times the rule will run at; raises NotFound."""
    return list(islice(coming(get(session, workspace_id, post_id), now), count))


def skip(
    session: Session, workspace_id: UUID, post_id: UUID, at: datetime, now: datetime
) -> Recurrence:
    """Leave one coming time out; raises NotFound, Invalid where it is none."""
    row = _take(session, workspace_id, post_id, now)
    out, begin = left_out(row), now if row.next_run_at is None else row.next_run_at
    if at < begin or at in out or next_after(series_of(row), at - MILLISECOND) != at:
        message = f"{iso(at)} is not one of the coming times"
        raise Invalid([Issue(field="at", message=message, facts={"value": iso(at)})])
    if len(out) >= EXDATES:
        message = f"a rule can leave out {EXDATES} times; PATCH exdates to those still needed"
        raise Invalid([Issue(field="exdates", message=message, facts={"limit": EXDATES})])
    _write(session, row, {"exdates": written(out | {at})})
    return get(session, workspace_id, post_id)


def runs(
    session: Session,
    workspace_id: UUID,
    post_id: UUID,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> Sequence[RecurrenceRun]:
    """What became of the times of the post's rules, ended ones too, latest first.

    `after` is the due time and rule of the last run already seen; raises NotFound.
    """
    posts.get(session, workspace_id, post_id)
    found = (
        select(RecurrenceRun)
        .join(Recurrence, Recurrence.id == RecurrenceRun.recurrence_id)
        .where(RecurrenceRun.workspace_id == workspace_id, Recurrence.post_id == post_id)
        .order_by(RecurrenceRun.due_at.desc(), RecurrenceRun.recurrence_id.desc())
        .limit(limit)
    )
    if after is not None:
        at, rule_id = after
        found = found.where(
            (RecurrenceRun.due_at < at)
            | ((RecurrenceRun.due_at == at) & (RecurrenceRun.recurrence_id < rule_id))
        )
    return session.scalars(found).all()


def _find(session: Session, workspace_id: UUID, post_id: UUID) -> Recurrence | None:
    return session.scalar(
        select(Recurrence)
        .where(
            Recurrence.workspace_id == workspace_id,
            Recurrence.post_id == post_id,
            Recurrence.deleted_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )


def _take(session: Session, workspace_id: UUID, post_id: UUID, now: datetime) -> Recurrence:
    """Hold the post's rule until the commit, so that no run and no other change comes between."""
    session.execute(
        update_rows(Recurrence)
        .where(
            Recurrence.workspace_id == workspace_id,
            Recurrence.post_id == post_id,
            Recurrence.deleted_at.is_(None),
        )
        .values(updated_at=later(Recurrence.updated_at, now))
        .execution_options(synchronize_session=False)
    )
    return get(session, workspace_id, post_id)


def _write(session: Session, row: Recurrence, values: dict[str, Any]) -> None:
    if values:
        session.execute(
            update_rows(Recurrence)
            .where(Recurrence.workspace_id == row.workspace_id, Recurrence.id == row.id)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def _plain(changes: RuleChanges) -> dict[str, Any]:
    """The columns that were mentioned."""
    named = ("rule", "timezone", "max_occurrences", "enabled")
    values = {name: getattr(changes, name) for name in named}
    if changes.exdates is not KEEP:
        values["exdates"] = written(changes.exdates)
    return {name: value for name, value in values.items() if value is not KEEP}


def _following(session: Session, row: Recurrence, now: datetime, *, anew: bool) -> datetime | None:
    """When the rule comes round next, now that it was changed; `anew`: its times are others.

    A time that has had its run is never due again, whatever the clock says.
    """
    last = session.scalar(
        select(func.max(RecurrenceRun.due_at)).where(
            RecurrenceRun.workspace_id == row.workspace_id, RecurrenceRun.recurrence_id == row.id
        )
    )
    after = max(now - MILLISECOND, last or now - MILLISECOND)
    first = _first_after(row, after) if anew else next_after(series_of(row), after)
    if not row.enabled or is_used_up(row):
        return None
    return first if anew or row.next_run_at is None else row.next_run_at


def _first_after(row: Recurrence, after: datetime) -> datetime:
    """The rule's first time after that moment; raises Invalid for a rule that has none."""
    first = next_after(series_of(row), after)
    if first is None:
        message = f"never comes round after {iso(max(row.start_at, after))}"
        raise Invalid([Issue(field="recurrenceRule", message=message)])
    return first


def _charge(session: Session, workspace_id: UUID) -> None:
    """Raise LimitExceeded unless the plan has room for one more rule that goes on (V271-V273).

    Where a plan has a limit the workspace's row is held, so that parallel requests cannot
    share the last place.
    """
    plan = session.scalars(select(Workspace.plan).where(Workspace.id == workspace_id)).one()
    limit = PLANS[plan].recurrence_rules
    if limit is None:
        return
    session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update())
    used = session.scalar(
        select(func.count(Recurrence.id)).where(
            Recurrence.workspace_id == workspace_id, Recurrence.next_run_at.is_not(None)
        )
    )
    if (used or 0) >= limit:
        raise LimitExceeded("active recurring rules", plan, limit, used or 0)


def _mark(session: Session, workspace_id: UUID, post_id: UUID, values: dict[str, Any]) -> None:
    """Have the post say whether it is the source of a rule (V89)."""
    session.execute(
        update_rows(Post)
        .where(Post.workspace_id == workspace_id, Post.id == post_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
