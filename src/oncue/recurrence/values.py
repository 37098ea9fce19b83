"""What is asked of a rule, and what becomes of each of its times: closed sets and frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oncue.posts.values import KEEP, Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """A rule to attach to a post. `rule` is an RRULE, `timezone` an IANA name."""

    rule: str
    timezone: str
    max_occurrences: int | None = None  # None: without end
    start_at: datetime | None = None  # None: now
    exdates: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """A change of a rule: every field is KEEP unless the request mentions it (V283)."""

    rule: str | Keep = KEEP
    timezone: str | Keep = KEEP
    max_occurrences: int | Keep | None = KEEP
    enabled: bool | Keep = KEEP
    exdates: Sequence[datetime] | Keep = KEEP


class Outcome(StrEnum):
    """What became of one time of a rule."""

    CREATED = "created"  # a post was made and sent out
    MISSED = "missed"  # nobody was there, or only too late
    SKIPPED = "skipped"  # it was left out, or its post is not to go out
    FAILED = "failed"  # a post could not be made
