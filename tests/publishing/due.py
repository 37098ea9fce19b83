"""Posts that are due, made without HTTP, and a look at their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from installation import Installation
from oncue.accounts.models import Account
from oncue.lib import ids
from oncue.posts import service as posts
from oncue.posts.models import Destination, Post
from oncue.posts.rows import destination_rows
from oncue.posts.values import NewPost
from oncue.publishing.promoter import Job, promote_due
from oncue.publishing.publisher import Run, begin
from oncue.publishing.settle import Outcome, Settled, settle


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A post and its destinations, in the order of its accounts."""

    post_id: UUID
    destination_ids: Sequence[UUID]

    @property
    def destination_id(self) -> UUID:
        [only] = self.destination_ids
        return only


def schedule(
    session: Session, accounts: Sequence[Account], at: datetime, content: str = "Hello"
) -> Scheduled:
    """A post to these accounts, due at `at`."""
    workspace_id = accounts[0].workspace_id
    new = NewPost(
        content=content, account_ids=[account.id for account in accounts], scheduled_for=at
    )
    post_id = posts.create(session, workspace_id, new, at)
    rows = posts.destinations_of(session, workspace_id, post_id)
    return Scheduled(post_id, [row.id for row in rows])


def schedule_many(session: Session, accounts: Sequence[Account], times: Sequence[datetime]) -> None:
    """A post for each of these times, to the accounts in turn, as copies of one."""
    like = posts.get(
        session, accounts[0].workspace_id, schedule(session, accounts, times[0]).post_id
    )
    template = {column.key: getattr(like, column.key) for column in Post.__mapper__.column_attrs}
    copies = [template | {"id": ids.new_id(at), "scheduled_for": at} for at in times[1:]]
    session.execute(insert(Post), copies)
    rows = [
        row
        for number, copy in enumerate(copies)
        for row in destination_rows(
            like.workspace_id,
            copy["id"],
            [accounts[number % len(accounts)]],
            copy["scheduled_for"],
            like.created_at,
        )
    ]
    session.execute(insert(Destination), rows)


async def scheduled(
    oncue: Installation, *platforms: str, at: datetime | None = None, content: str = "Hello"
) -> Scheduled:
    """A post to the accounts on these platforms, due now unless said otherwise."""
    accounts = [oncue.accounts[platform] for platform in platforms]
    when = at or oncue.clock()
    return await oncue.db.write(lambda session: schedule(session, accounts, when, content))


async def promoted(oncue: Installation) -> list[Job]:
    """Promote what is due now."""
    return await oncue.db.write(lambda session: promote_due(session, oncue.clock()))


async def begun(oncue: Installation, platform: str) -> Run:
    """A worker's run of a new post's only destination."""
    await scheduled(oncue, platform)
    return await next_run(oncue)


async def next_run(oncue: Installation) -> Run:
    """The run of whatever alone is due now."""
    [job] = await promoted(oncue)
    return await claimed(oncue, job)


async def claimed(oncue: Installation, job: Job) -> Run:
    """The run of a job that is still to be run."""
    run = await oncue.db.write(lambda session: begin(session, job, oncue.clock()))
    assert run is not None
    return run


async def ended(oncue: Installation, run: Run, outcome: Outcome) -> Settled:
    """Settle a run, a second after it began."""
    oncue.clock.advance(seconds=1)
    return await oncue.db.write(
        lambda session: settle(
            session,
            run.claim,
            outcome,
            generation=1,
            started_at=run.started_at,
            now=oncue.clock(),
        )
    )


async def row(oncue: Installation, destination_id: UUID) -> Destination:
    def look(session: Session) -> Destination:
        found = session.get_one(Destination, destination_id)
        session.expunge(found)
        return found

    return await oncue.db.read(look)


async def states(oncue: Installation, *destination_ids: UUID) -> list[str]:
    return [(await row(oncue, each)).state for each in destination_ids]


async def status_of(oncue: Installation, post_id: UUID) -> str:
    def look(session: Session) -> str:
        return session.scalars(select(Post.status).where(Post.id == post_id)).one()

    return await oncue.db.read(look)
