"""Which operations a post permits in which status. The whole rule book is PERMITS (V196-V205)."""

from collections.abc import Iterable, Mapping, Set
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """A post's status, as the native dialect shows it."""

    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNPUBLISHED = "unpublished"
    ARCHIVED = "archived"


class Operation(StrEnum):
    """What somebody may want to do with a post."""

    EDIT = "edit"
    PUBLISH = "publish"
    CANCEL = "cancel"
    RETRY = "retry"
    FIX = "fix"
    CLONE = "clone"
    DELETE = "delete"


S, O = Status, Operation  # noqa: E741  (short names keep the table a table)

# fmt: off
PERMITS: Final[Mapping[Status, Set[Operation]]] = {
    S.DRAFT:       {O.EDIT, O.PUBLISH, O.CANCEL,                 O.CLONE, O.DELETE},
    S.APPROVED:    {O.EDIT, O.PUBLISH, O.CANCEL,                 O.CLONE, O.DELETE},
    S.SCHEDULED:   {O.EDIT, O.PUBLISH, O.CANCEL,                 O.CLONE, O.DELETE},
    S.PUBLISHING:  {                                             O.CLONE},
    S.PUBLISHED:   {                                             O.CLONE},
    S.PARTIAL:     {O.EDIT,                      O.RETRY, O.FIX, O.CLONE, O.DELETE},
    S.FAILED:      {O.EDIT,                      O.RETRY, O.FIX, O.CLONE, O.DELETE},
    S.CANCELLED:   {O.EDIT, O.PUBLISH,                           O.CLONE, O.DELETE},
    S.UNPUBLISHED: {                                             O.CLONE},
    S.ARCHIVED:    {                                             O.CLONE},
}
# fmt: on


class Withdrawal(StrEnum):
    """What can be done with a post that has been out, beyond the document's table."""

    UNPUBLISH = "unpublish"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"


STARTS_FROM: Final[Mapping[Withdrawal, Set[Status]]] = {
    Withdrawal.UNPUBLISH: {S.PUBLISHED, S.PARTIAL},  # V291
    Withdrawal.ARCHIVE: {S.PUBLISHED, S.UNPUBLISHED, S.CANCELLED, S.FAILED, S.PARTIAL, S.DRAFT},
    Withdrawal.UNARCHIVE: {S.ARCHIVED},  # C62
}


def statuses_permitting(operation: Operation | Withdrawal) -> Set[Status]:
    """Return every status from which `operation` may start."""
    if isinstance(operation, Withdrawal):
        return STARTS_FROM[operation]
    return {status for status, allowed in PERMITS.items() if operation in allowed}


class State(StrEnum):
    """A destination's state. The first five wait for something; the others have ended."""

    IDLE = "idle"  # its post is not on its way
    WAITING = "waiting"  # for its time
    QUEUED = "queued"  # for a worker
    PUBLISHING = "publishing"  # a worker has it
    PARKED = "parked"  # in the middle of its steps, until run_at
    PUBLISHED = "published"
    FAILED = "failed"
    SKIPPED = "skipped"


UNFINISHED: Final = frozenset({State.WAITING, State.QUEUED, State.PUBLISHING, State.PARKED})
SHOWN_AS: Final[Mapping[State, str]] = {
    State.IDLE: "pending",
    State.WAITING: "pending",
    State.QUEUED: "pending",
    State.PUBLISHING: "publishing",
    State.PARKED: "publishing",
    State.PUBLISHED: "published",
    State.FAILED: "failed",
    State.SKIPPED: "skipped",
}


def roll_up(states: Iterable[str]) -> Status:
    """The status of a post that was sent out, from its destinations' states (V179, V182).

    A destination that was added later and never sent counts as not published.
    """
    present: Set[State] = {State(state) for state in states} - {State.SKIPPED}
    if UNFINISHED & present:
        return Status.PUBLISHING
    if present <= {State.PUBLISHED}:
        return Status.PUBLISHED
    return Status.PARTIAL if State.PUBLISHED in present else Status.FAILED
