"""How well a post would fare on a network right now. Pure: facts in, a verdict out (C30)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from oncue.connectors.spec import Problem

MANY_FAILURES: Final = 5
NEARLY: Final = 0.8  # of the day's posts


class Tier(StrEnum):
    """How risky posting is, from mild to severe."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"


# "Optimal" is the document's word (V244), the others are ours.
LABELS: Final = {Tier.GREEN: "Optimal", Tier.YELLOW: "Caution", Tier.RED: "High risk"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a workspace knows of one network at one moment."""

    network: str  # as people write it, as in "X"
    healthy_accounts: int
    expired_accounts: int = 0
    recent_failures: int = 0  # in the last 24 hours
    daily_limit: int | None = None  # None where the network states none
    posts_today: int = 0  # published or scheduled
    posts_within_an_hour: int = 0  # scheduled, before or after now
    text_problems: Sequence[Problem] = ()

    @property
    def accounts(self) -> int:
        return self.healthy_accounts + self.expired_accounts

    @property
    def is_day_full(self) -> bool:
        return self.daily_limit is not None and self.posts_today >= self.daily_limit

    @property
    def is_day_nearly_full(self) -> bool:
        return (
            self.daily_limit is not None
            and NEARLY * self.daily_limit <= self.posts_today < self.daily_limit
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The tier, and what a person can do about it; verified when an account stands ready."""

    tier: Tier
    guidance: Sequence[str]
    is_verified: bool

    @property
    def label(self) -> str:
        return LABELS[self.tier]


@dataclass(frozen=True, slots=True)
class Rule:
    """A circumstance, how bad it is, and one sentence about it."""

    tier: Tier
    applies: Callable[[Facts], bool]
    sentence: Callable[[Facts], str]


# fmt: off
RULES: Final[Sequence[Rule]] = (
    Rule(
        Tier.RED,
        lambda it: it.accounts == 0,
        lambda it: f"Connect an account on {it.network}: there is none.",
    ),
    Rule(
        Tier.RED,
        lambda it: it.accounts > 0 and it.healthy_accounts == 0,
        lambda it: f"Reconnect {it.network}: no account there is authorised any more.",
    ),
    Rule(
        Tier.RED,
        lambda it: it.is_day_full,
        lambda it: f"Choose another day: {it.network} takes {_posts(it.daily_limit)} a day, "
                   f"and all are spoken for.",
    ),
    Rule(
        Tier.RED,
        lambda it: bool(it.text_problems),
        lambda it: f"Change the text: {_said_of(it.text_problems)}.",
    ),
    Rule(
        Tier.RED,
        lambda it: it.recent_failures >= MANY_FAILURES,
        lambda it: f"Find the cause before posting more: {_posts(it.recent_failures)} "
                   f"failed on {it.network} in the last 24 hours.",
    ),
    Rule(
        Tier.YELLOW,
        lambda it: it.healthy_accounts > 0 and it.expired_accounts > 0,
        lambda it: f"Reconnect what has expired: {it.expired_accounts} of "
                   f"{it.accounts} accounts on {it.network}.",
    ),
    Rule(
        Tier.YELLOW,
        lambda it: it.is_day_nearly_full,
        lambda it: f"Choose with care: {it.posts_today} of the {_posts(it.daily_limit)} "
                   f"{it.network} takes a day are spoken for.",
    ),
    Rule(
        Tier.YELLOW,
        lambda it: 0 < it.recent_failures < MANY_FAILURES,
        lambda it: f"Look at what went wrong: {_posts(it.recent_failures)} "
                   f"failed on {it.network} in the last 24 hours.",
    ),
    Rule(
        Tier.YELLOW,
        lambda it: it.posts_within_an_hour > 0,
        lambda it: f"Leave some room: {it.network} already gets "
                   f"{_posts(it.posts_within_an_hour)} within an hour of now.",
    ),
)
# fmt: on


def judge(facts: Facts) -> Verdict:
    """The worst tier of the rules that apply, and every rule's sentence, worst first."""
    applying = [rule for rule in RULES if rule.applies(facts)]
    return Verdict(
        tier=max((rule.tier for rule in applying), key=list(Tier).index, default=Tier.GREEN),
        guidance=[rule.sentence(facts) for rule in applying],
        is_verified=facts.healthy_accounts > 0,
    )


def _posts(count: int | None) -> str:
    return "1 post" if count == 1 else f"{count} posts"


def _said_of(problems: Sequence[Problem]) -> str:
    return "; ".join(problem.message for problem in problems)
