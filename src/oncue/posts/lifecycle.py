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
    PENDING_APPROVAL = "pending_approval"  # ours, outside the document's ten (C28)


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
    S.PENDING_APPROVAL: {O.EDIT,         O.CANCEL,               O.CLONE, O.DELETE},
}
# fmt: on


KEEPS_SLOT: Final = frozenset({S.SCHEDULED, S.PENDING_APPROVAL, S.APPROVED})
"""What a post of the queue may become without its slot going to another."""


class Transition(StrEnum):
    """What else can be done with a post, beyond the document's table."""

    UNPUBLISH = "unpublish"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    START_APPROVAL = "start approval of"
    APPROVE = "approve"
    REJECT = "reject"
    REPEAT = "repeat"
    RETRY_COMMENT = "retry the comment of"


STARTS_FROM: Final[Mapping[Transition, Set[Status]]] = {
    Transition.UNPUBLISH: {S.PUBLISHED, S.PARTIAL},  # V291
    Transition.ARCHIVE: {
        S.PUBLISHED,
        S.UNPUBLISHED,
        S.CANCELLED,
        S.FAILED,
        S.PARTIAL,
        S.DRAFT,
    },  # C62
    Transition.UNARCHIVE: {S.ARCHIVED},
    Transition.START_APPROVAL: {S.DRAFT, S.SCHEDULED},  # C61
    Transition.APPROVE: {S.PENDING_APPROVAL},
    Transition.REJECT: {S.PENDING_APPROVAL},
    Transition.REPEAT: {S.PUBLISHED, S.SCHEDULED},  # V274
    Transition.RETRY_COMMENT: {S.PUBLISHING, S.PUBLISHED, S.PARTIAL},
}


def statuses_permitting(operation: Operation | Transition) -> Set[Status]:
    """Return every status from which `operation` may start."""
    if isinstance(operation, Transition):
        return STARTS_FROM[operation]
    return {status for status, allowed in PERMITS.items() if operation in allowed}


class HeldReason(StrEnum):
    """Why a destination is held."""

    LATE = "late"  # its time had passed: somebody has to say what is to become of it
    ACCOUNT = "account"  # its account has to be connected again, and then it goes on


class State(StrEnum):
    """A destination's state. The first six wait for something; the others have ended."""

    IDLE = "idle"  # its post is not on its way
    HELD = "held"  # for a person
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
    State.HELD: "pending",
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

    A destination that was added later and never sent counts as not published. One that is held
    has its time still before it: where nothing else came of the post, it is scheduled again.
    """
    present: Set[State] = {State(state) for state in states} - {State.SKIPPED}
    if UNFINISHED & present:
        return Status.PUBLISHING
    if present <= {State.PUBLISHED}:
        return Status.PUBLISHED
    if State.PUBLISHED in present:
        return Status.PARTIAL
    still_to_come = State.HELD in present and State.FAILED not in present
    return Status.SCHEDULED if still_to_come else Status.FAILED
