"""Native dialect, recurring posts: the rule of a post, its coming times and its history."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field, StrictBool, StrictInt
from sqlalchemy.orm import Session

from oncue.api.deps import KeyedRoute, PostsReader, PostsWriter, Shared
from oncue.api.fields import (
    WHOLE,
    Body,
    Edit,
    Out,
    PostId,
    RecurrenceId,
    Said,
    Text,
    TimeZone,
    When,
)
from oncue.api.idempotency import Idempotent
from oncue.api.native.answers import PageOut
from oncue.api.native.paging import DEFAULT_LIMIT, CursorText, Limit, Place, read_page
from oncue.api.native.posts import PostPath
from oncue.recurrence import service as recurrence
from oncue.recurrence.models import Recurrence, RecurrenceRun
from oncue.recurrence.service import EXDATES
from oncue.recurrence.timing import left_out, next_run
from oncue.recurrence.values import NewRule, RuleChanges
from oncue.workspaces.idempotency import Answer

router = APIRouter(
    prefix="/v1/posts/{post_id}/recurrence", tags=["recurrence"], route_class=KeyedRoute
)

MAX_OCCURRENCES: Final = 1_000_000
MAX_PREVIEW: Final = 100

Rule = Annotated[
    Text,
    Said(
        description="An RRULE of RFC 5545.",
        examples=["FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9;BYMINUTE=0"],
    ),
]
Occurrences = Annotated[StrictInt, Field(ge=1, le=MAX_OCCURRENCES), WHOLE]
Exdates = Annotated[list[When], Field(max_length=EXDATES)]


class CreateRecurrence(Body):
    """POST /v1/posts/:id/recurrence."""

    recurrence_rule: Rule
    timezone: TimeZone
    max_occurrences: Occurrences | None = None
    start_at: When | None = None
    exdates: Exdates = []


class UpdateRecurrence(Edit):
    """PATCH /v1/posts/:id/recurrence. Only what is mentioned changes."""

    recurrence_rule: Rule = ""
    timezone: TimeZone = ""
    max_occurrences: Occurrences | None = None
    enabled: StrictBool = True
    exdates: Exdates = []


class SkipOccurrence(Body):
    """POST /v1/posts/:id/recurrence/skip: the time to leave out."""

    at: When


class RecurrenceOut(Out):
    """A post's rule. `nextRunAt` is null while it is paused, and once it is over."""

    id: RecurrenceId
    post_id: PostId
    recurrence_rule: str
    timezone: str
    max_occurrences: int | None
    occurrence_count: int
    start_at: When
    next_run_at: When | None
    enabled: bool
    exdates: list[When]
    created_at: When
    updated_at: When


class PreviewOut(Out):
    """Times a rule will run at."""

    occurrences: list[When]


class RunOut(Out):
    """What became of one time of a rule: created, missed, skipped or failed."""

    recurrence_id: RecurrenceId
    due_at: When
    outcome: str
    post_id: PostId | None
    note: str | None
    created_at: When


class RunListOut(Out):
    """A page of a rule's history."""

    data: list[RunOut]
    pagination: PageOut


@router.post("", status_code=201)
async def create_recurrence(
    post_id: PostPath,
    body: CreateRecurrence,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> RecurrenceOut:
    """Have a published or scheduled post sent out again, as a new post, by an iCal rule."""
    new = NewRule(
        rule=body.recurrence_rule,
        timezone=body.timezone,
        max_occurrences=body.max_occurrences,
        start_at=body.start_at,
        exdates=body.exdates,
    )

    def work(session: Session) -> RecurrenceOut:
        return _show(recurrence.create(session, caller.workspace_id, post_id, new, shared.now()))

    return await once.write(work, status=201)


@router.get("")
async def get_recurrence(post_id: PostPath, caller: PostsReader, shared: Shared) -> RecurrenceOut:
    """The post's rule."""
    return await shared.db.read(
        lambda session: _show(recurrence.get(session, caller.workspace_id, post_id))
    )


@router.patch("")
async def update_recurrence(
    post_id: PostPath,
    body: UpdateRecurrence,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> RecurrenceOut:
    """Change the rule; `enabled` false pauses it, and true lets it go on from now."""
    changes = _changes(body)

    def work(session: Session) -> RecurrenceOut:
        return _show(
            recurrence.update(session, caller.workspace_id, post_id, changes, shared.now())
        )

    return await once.write(work)


@router.delete("", status_code=204)
async def delete_recurrence(
    post_id: PostPath, caller: PostsWriter, shared: Shared, once: Idempotent
) -> Response:
    """End the rule. The post and what the rule has made of it stay."""

    def work(session: Session) -> Answer:
        recurrence.remove(session, caller.workspace_id, post_id, shared.now())
        return Answer(status=204)

    return await once.respond(work)


@router.get("/preview")
async def preview_recurrence(
    post_id: PostPath,
    caller: PostsReader,
    shared: Shared,
    count: Annotated[int, Query(ge=1, le=MAX_PREVIEW, description="How many times.")] = 10,
) -> PreviewOut:
    """The coming times; of a paused rule, those it would have if it went on now."""
    return await shared.db.read(
        lambda session: PreviewOut(
            occurrences=list(
                recurrence.preview(session, caller.workspace_id, post_id, count, shared.now())
            )
        )
    )


@router.post("/skip")
async def skip_occurrence(
    post_id: PostPath,
    body: SkipOccurrence,
    caller: PostsWriter,
    shared: Shared,
    once: Idempotent,
) -> RecurrenceOut:
    """Leave one of the coming times out; it joins `exdates`."""

    def work(session: Session) -> RecurrenceOut:
        return _show(recurrence.skip(session, caller.workspace_id, post_id, body.at, shared.now()))

    return await once.write(work)


@router.get("/runs")
async def list_runs(
    post_id: PostPath,
    caller: PostsReader,
    shared: Shared,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> RunListOut:
    """What became of each time, latest first; also of rules the post has no more."""

    def read(session: Session, most: int, after: Place | None) -> Sequence[RecurrenceRun]:
        return recurrence.runs(session, caller.workspace_id, post_id, most, after)

    page = await read_page(shared.db, caller.workspace_id, limit, cursor, read, _place)
    return RunListOut(data=[_show_run(run) for run in page.rows], pagination=page.pagination)


def _place(run: RecurrenceRun) -> Place:
    return run.due_at, run.recurrence_id


def _changes(body: UpdateRecurrence) -> RuleChanges:
    given: dict[str, Any] = {
        "rule" if name == "recurrence_rule" else name: getattr(body, name)
        for name in body.model_fields_set
    }
    return RuleChanges(**given)


def _show(row: Recurrence) -> RecurrenceOut:
    return RecurrenceOut(
        id=row.id,
        post_id=row.post_id,
        recurrence_rule=row.rule,
        timezone=row.timezone,
        max_occurrences=row.max_occurrences,
        occurrence_count=row.occurrence_count,
        start_at=row.start_at,
        next_run_at=next_run(row),
        enabled=row.enabled,
        exdates=sorted(left_out(row)),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _show_run(run: RecurrenceRun) -> RunOut:
    return RunOut(
        recurrence_id=run.recurrence_id,
        due_at=run.due_at,
        outcome=run.outcome,
        post_id=run.post_id,
        note=run.note,
        created_at=run.created_at,
    )
