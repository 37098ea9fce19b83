"""The step ledger of one run: what was asked of the network, and what it said.

Every write checks, in its own transaction, that its row is still this run's: the destination
while it is published, the comment while that is sent. A run that was overtaken (a pause longer
than the heartbeat, say) finds its write refused and stops.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from oncue.connectors.answers import Reply
from oncue.connectors.base import Effect
from oncue.connectors.journal import Fenced, Recorded
from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination, Step
from oncue.publishing.accounted import accounted_for

_destinations: Table = Destination.__table__  # type: ignore[assignment]
_steps: Table = Step.__table__  # type: ignore[assignment]

# Every publication runs these, so they are built once: building one costs more than running it.
_HELD = (
    _destinations.c.workspace_id == bindparam("workspace"),
    _destinations.c.id == bindparam("destination"),
    _destinations.c.fence == bindparam("held_fence"),
    _destinations.c.state == State.PUBLISHING,
)
_HOLD = select(_destinations.c.id).where(*_HELD).with_for_update()
_HOLD_ROW = (
    select(Destination).where(*_HELD).with_for_update().execution_options(populate_existing=True)
)
_STEPS = select(Step).where(
    Step.workspace_id == bindparam("workspace"),
    Step.destination_id == bindparam("destination"),
    Step.journal == bindparam("in_journal"),
)
_STEP = (
    _steps.c.workspace_id == bindparam("workspace"),
    _steps.c.destination_id == bindparam("destination"),
    _steps.c.journal == bindparam("in_journal"),
    _steps.c.name == bindparam("named"),
)
_INSERT_STEP = insert(_steps)
_UPDATE_STEP = update(_steps).where(*_STEP)
_DELETE_STEP = delete(_steps).where(*_STEP)


COMMENT_JOURNAL: Final = -1  # a comment has one, whatever its destination's are


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run's right to a row: it holds as long as nobody raises the fence.

    `journal` counts from 0 for publications, and is COMMENT_JOURNAL for the first comment.
    """

    destination_id: UUID
    workspace_id: UUID
    account_id: UUID
    journal: int
    fence: int


Hold: TypeAlias = Callable[[Session, Claim], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    name: str
    effect: Effect
    fingerprint: str
    reply: Reply
    at: datetime


class StepLedger:
    """A Journal (see connectors.runner) on the database.

    `hold` raises Fenced where the claim is no longer good, and keeps it so until the commit.
    """

    def __init__(
        self, db: Database, claim: Claim, steps: Sequence[Recorded], now: Clock, hold: Hold
    ) -> None:
        self._db = db
        self._claim = claim
        self._hold = hold
        self._steps = {step.name: step for step in steps}
        self._notes: list[_Note] = []
        self._now = now

    def recall(self, name: str) -> Recorded | None:
        return self._steps.get(name)

    async def intend(self, name: str, effect: Effect, fingerprint: str) -> Recorded:
        now, past, notes = self._now(), self.recall(name), self._notes
        intent = Recorded(
            name=name,
            fingerprint=fingerprint,
            intent_at=past.intent_at if past else now,
            sent_at=now,
            sends=past.sends + 1 if past else 1,
            looks=0,
            reply=None,
        )

        def write(session: Session) -> None:
            self._hold(session, self._claim)
            self._write_notes(session, notes)
            if past is None:
                session.execute(_INSERT_STEP, self._row(intent, effect))
            else:
                self._update(session, name, sent_at=now, sends=intent.sends, looks=0)

        await self._db.write(write)
        self._notes = []
        self._steps[name] = intent
        return intent

    async def record(self, name: str, reply: Reply) -> None:
        intent, notes, now = self._steps[name], self._notes, self._now()

        def write(session: Session) -> None:
            self._hold(session, self._claim)
            self._write_notes(session, notes)
            self._update(session, name, reply=as_json(reply), done_at=now)

        await self._db.write(write)
        self._notes = []
        self._steps[name] = replace(intent, reply=reply)

    async def looked(self, name: str) -> Recorded:
        looks = self._steps[name].looks + 1

        def write(session: Session) -> None:
            self._hold(session, self._claim)
            self._update(session, name, looks=looks)

        await self._db.write(write)
        self._steps[name] = replace(self._steps[name], looks=looks)
        return self._steps[name]

    async def forget(self, name: str) -> None:
        if name not in self._steps:
            return

        def write(session: Session) -> None:
            self._hold(session, self._claim)
            session.execute(_DELETE_STEP, self._key(name))

        await self._db.write(write)
        self._notes = [note for note in self._notes if note.name != name]
        del self._steps[name]

    def note(self, name: str, effect: Effect, fingerprint: str, reply: Reply) -> None:
        now = self._now()
        self._notes.append(
            _Note(name=name, effect=effect, fingerprint=fingerprint, reply=reply, at=now)
        )
        self._steps[name] = Recorded(
            name=name,
            fingerprint=fingerprint,
            intent_at=now,
            sent_at=now,
            sends=1,
            looks=0,
            reply=reply,
        )

    async def flush(self) -> None:
        if not (notes := self._notes):
            return

        def write(session: Session) -> None:
            self._hold(session, self._claim)
            self._write_notes(session, notes)

        await self._db.write(write)
        self._notes = []

    async def claimed(self, native_ids: Collection[str], since: datetime) -> Collection[str]:
        """The ids among `native_ids` that something else the account did accounts for."""
        if not native_ids:
            return ()
        claim, wanted = self._claim, set(native_ids)
        return await self._db.read(
            lambda session: accounted_for(
                session, claim.workspace_id, claim.account_id, wanted, since
            )
        )

    def _row(self, step: Recorded, effect: Effect) -> dict[str, Any]:
        return {
            "destination_id": self._claim.destination_id,
            "journal": self._claim.journal,
            "workspace_id": self._claim.workspace_id,
            "fence": self._claim.fence,
            "name": step.name,
            "effect": effect,
            "fingerprint": step.fingerprint,
            "intent_at": step.intent_at,
            "sent_at": step.sent_at,
            "sends": step.sends,
            "looks": step.looks,
        }

    def _write_notes(self, session: Session, notes: Sequence[_Note]) -> None:
        for note in notes:
            session.execute(_DELETE_STEP, self._key(note.name))
            row = self._row(self._steps[note.name], note.effect)
            done = {"reply": as_json(note.reply), "done_at": note.at}
            session.execute(_INSERT_STEP, row | done)

    def _update(self, session: Session, name: str, **values: Any) -> None:
        session.execute(_UPDATE_STEP, self._key(name) | {"fence": self._claim.fence} | values)

    def _key(self, name: str) -> dict[str, Any]:
        return {
            "workspace": self._claim.workspace_id,
            "destination": self._claim.destination_id,
            "in_journal": self._claim.journal,
            "named": name,
        }


def hold(session: Session, claim: Claim) -> None:
    """Raise Fenced unless the destination is still this run's; nobody takes it before the commit.

    The row is locked, so that whoever raises the fence waits for this transaction to end.
    """
    if session.scalar(_HOLD, _held(claim)) is None:
        raise Fenced


def hold_row(session: Session, claim: Claim) -> Destination:
    """The same, and the destination as it stands."""
    row = session.scalar(_HOLD_ROW, _held(claim))
    if row is None:
        raise Fenced
    return row


def _held(claim: Claim) -> dict[str, Any]:
    return {
        "workspace": claim.workspace_id,
        "destination": claim.destination_id,
        "held_fence": claim.fence,
    }


def load_steps(session: Session, claim: Claim) -> list[Recorded]:
    """What the journal of this destination holds so far."""
    rows = session.scalars(
        _STEPS,
        {
            "workspace": claim.workspace_id,
            "destination": claim.destination_id,
            "in_journal": claim.journal,
        },
    )
    return [
        Recorded(
            name=row.name,
            fingerprint=row.fingerprint,
            intent_at=row.intent_at,
            sent_at=row.sent_at,
            sends=row.sends,
            looks=row.looks,
            reply=from_json(row.reply) if row.reply is not None else None,
        )
        for row in rows
    ]


def as_json(reply: Reply) -> dict[str, Any]:
    return {"status": reply.status, "body": reply.body, "headers": dict(reply.headers)}


def from_json(kept: Mapping[str, Any]) -> Reply:
    return Reply(kept["status"], kept["body"], kept["headers"])
