"""What each plan allows (decisions.md C59). A workspace may have limits of its own besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan's limits; None is none. How many posts, an operator says for each workspace."""

    requests_per_minute: int  # for each key
    recurrence_rules: int | None


# fmt: off
PLANS: Final[Mapping[str, Plan]] = {
    "free":    Plan(requests_per_minute=120,   recurrence_rules=0),
    "starter": Plan(requests_per_minute=200,   recurrence_rules=3),
    "pro":     Plan(requests_per_minute=500,   recurrence_rules=None),
    "agency":  Plan(requests_per_minute=1_000, recurrence_rules=None),
}
# fmt: on

DEFAULT: Final = "agency"
WITHOUT_KEY: Final = PLANS["free"]
