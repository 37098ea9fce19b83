"""The matrix: every place that names a thing, with another workspace's thing and with nobody's."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpx2 as httpx
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.answers import NOBODY
from installation import START, Installation
from oncue.api.native.paging import write_cursor
from oncue.lib import ids
from rights.asks import GOOD, Ask
from rights.fences import OWNER, Statement, watching
from rights.requests import send, things_in, without
from rights.scene import Two

NOBODYS_NUMBER: Final = 2**31 - 1  # the largest that an account can have

ONCE: Final = {"Idempotency-Key": "once"}

# What tells requests apart, and not answers. The body is compared but for the id in it.
PASSING: Final = frozenset({"x-request-id", "x-ratelimit-remaining", "content-length"})

# What is filled and not tried: asking with another one uses the request up.
GOOD_ONCE: Final[Mapping[str, str]] = {
    "body:code": "a network's word; whose flow it ends, the state says",
}

# Rows of the caller's own that a request leaves behind though it has found nothing.
REMEMBERED: Final[Mapping[str, Set[str]]] = {
    "POST /v1/posts/retry-failed": {"bulk_retry"},  # a retry can be told again
    "POST /api/v1/posts/retry-failed": {"bulk_retry"},
}


class Row(NamedTuple):
    """A row as the database has it. Whose it is, is a workspace's id in 32 digits."""

    table: str
    owner: str
    columns: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer, but for what names the thing that was asked for."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How nobody's thing and another workspace's were answered, and which rows are others now."""

    nobodys: Seen
    theirs: Seen
    changed: Set[Row]


@dataclass(kw_only=True)
class Matrix:
    """Requests of one workspace, and everything that came of them."""

    two: Two
    rows: Set[Row]  # as they are now
    trials: dict[tuple[str, str], Trial] = field(default_factory=dict)
    good: dict[str, httpx.Response] = field(default_factory=dict)
    less: dict[tuple[str, str], httpx.Response] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    theirs_changed: Set[Row] = frozenset()

    async def run(self) -> None:
        """Try every place; then send each good request as it is, and without each field of it."""
        first, theirs = self.rows, self.two.theirs.workspace_id.hex
        for operation, ask in GOOD.items():
            for place in things_in(ask).keys() - GOOD_ONCE.keys():
                self.trials[operation, place] = await self.attempt(operation, place)
        for operation in GOOD:
            self.good[operation] = await self.send(operation, self._things(operation), headers=ONCE)
        for operation, place in self.trials:
            if not place.startswith("path:"):
                less = without(GOOD[operation], place)
                things = self._things(operation)
                self.less[operation, place] = await self.send(operation, things, less)
        self.rows = await contents(self.two.mine.oncue)
        self.theirs_changed = {row for row in first ^ self.rows if row.owner == theirs}

    async def attempt(self, operation: str, place: str) -> Trial:
        """Send the good request twice, but that one place names nobody's thing, and then theirs.

        What the path names after that place hangs on it, and is theirs both times.
        """
        named, theirs = things_in(GOOD[operation]), self.two.theirs.things
        things = self._things(operation)
        if place.startswith("path:"):
            behind = [other for other in named if other.startswith("path:")]
            things |= {other: theirs[named[other]] for other in behind[behind.index(place) :]}
        foreign, before = theirs[named[place]], self.rows
        nobodys, others = [
            seen(await self.send(operation, things | {place: value}), value)
            for value in (unknown_like(foreign), foreign)
        ]
        self.rows = await contents(self.two.mine.oncue)
        changed = before ^ self.rows
        kept = {row for row in changed - before if row.table in REMEMBERED.get(operation, ())}
        mine = self.two.mine.workspace_id.hex
        return Trial(
            nobodys=nobodys,
            theirs=others,
            changed=changed - {row for row in kept if row.owner == mine},
        )

    async def send(
        self,
        operation: str,
        things: Mapping[str, Any],
        ask: Ask | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; note what it is answered, and what the database is asked meanwhile."""
        api = self.two.mine.oncue.api
        with watching(self.statements):
            answer = await send(api, operation, ask or GOOD[operation], things, headers or {})
        self.texts.append((operation, answer.text))
        return answer

    def _things(self, operation: str) -> dict[str, Any]:
        mine = self.two.mine.things
        return {place: mine[name] for place, name in things_in(GOOD[operation]).items()}


def seen(answer: httpx.Response, named: Any = "nothing") -> Seen:
    body = re.sub(rf"\b{re.escape(str(named))}\b", "…", answer.text)
    return Seen(
        status=answer.status_code,
        headers={name: told for name, told in answer.headers.items() if name not in PASSING},
        body=re.sub(r"\breq_[0-9a-f]{32}\b", "…", body),
    )


def unknown_like(thing: Any) -> Any:
    """A thing of the same kind that nobody has."""
    match thing:
        case int():
            return NOBODYS_NUMBER
        case str() if "_" in thing:
            return ids.to_typeid(thing.rpartition("_")[0], NOBODY)
        case _:
            return write_cursor(NOBODY, START, NOBODY)


async def contents(oncue: Installation) -> Set[Row]:
    """Every row that is some workspace's."""

    def read(session: Session) -> Set[Row]:
        return {
            Row(table, str(owner).replace("-", ""), repr(columns))
            for table, column in OWNER.items()
            for owner, *columns in session.execute(text(f"SELECT {column}, * FROM {table}"))
        }

    return await oncue.db.read(read)
