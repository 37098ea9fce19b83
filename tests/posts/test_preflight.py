"""From facts to a tier: each circumstance has its own, and its own advice."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.connectors.spec import Problem
from oncue.posts.preflight import LABELS, RULES, Facts, Tier, Verdict, judge
from statements import statements

HEALTHY: Final = Facts(network="X", healthy_accounts=1)
TOO_LONG: Final = Problem(
    field="content",
    code="CONTENT_TOO_LONG",
    message="X takes 280 weighted characters; this has 300",
)
NO_POLLS: Final = Problem(field="content", code="POLL", message="X takes no polls")

CIRCUMSTANCES: Final = [
    (
        Facts(network="X", healthy_accounts=0),
        Tier.RED,
        "Connect an account on X: there is none.",
    ),
    (
        Facts(network="X", healthy_accounts=0, expired_accounts=2),
        Tier.RED,
        "Reconnect X: no account there is authorised any more.",
    ),
    (
        replace(HEALTHY, daily_limit=25, posts_today=25),
        Tier.RED,
        "Choose another day: X takes 25 posts a day, and all are spoken for.",
    ),
    (
        replace(HEALTHY, text_problems=[TOO_LONG, NO_POLLS]),
        Tier.RED,
        "Change the text: X takes 280 weighted characters; this has 300; X takes no polls.",
    ),
    (
        replace(HEALTHY, recent_failures=5),
        Tier.RED,
        "Find the cause before posting more: 5 posts failed on X in the last 24 hours.",
    ),
    (
        replace(HEALTHY, expired_accounts=2),
        Tier.YELLOW,
        "Reconnect what has expired: 2 of 3 accounts on X.",
    ),
    (
        replace(HEALTHY, daily_limit=25, posts_today=20),
        Tier.YELLOW,
        "Choose with care: 20 of the 25 posts X takes a day are spoken for.",
    ),
    (
        replace(HEALTHY, recent_failures=1),
        Tier.YELLOW,
        "Look at what went wrong: 1 post failed on X in the last 24 hours.",
    ),
    (
        replace(HEALTHY, posts_within_an_hour=2),
        Tier.YELLOW,
        "Leave some room: X already gets 2 posts within an hour of now.",
    ),
]

FACTS: Final = st.builds(
    Facts,
    network=st.just("X"),
    healthy_accounts=st.integers(0, 3),
    expired_accounts=st.integers(0, 3),
    recent_failures=st.integers(0, 10),
    daily_limit=st.none() | st.integers(1, 25),
    posts_today=st.integers(0, 30),
    posts_within_an_hour=st.integers(0, 3),
    text_problems=st.lists(st.sampled_from([TOO_LONG, NO_POLLS]), max_size=2),
)
TROUBLES: Final = ("recent_failures", "posts_today", "posts_within_an_hour")


@statements("V244")
def test_a_network_with_nothing_against_it_is_green() -> None:
    verdict = judge(HEALTHY)

    assert verdict == Verdict(tier=Tier.GREEN, guidance=[], is_verified=True)
    assert verdict.label == "Optimal"


@pytest.mark.parametrize(("facts", "tier", "sentence"), CIRCUMSTANCES)
def test_each_circumstance_alone_has_its_tier_and_its_advice(
    facts: Facts, tier: Tier, sentence: str
) -> None:
    verdict = judge(facts)

    assert (verdict.tier, verdict.guidance) == (tier, [sentence])


def test_every_rule_has_its_circumstance() -> None:
    ruled = [
        (rule.tier, rule.sentence(facts))
        for rule, (facts, _, _) in zip(RULES, CIRCUMSTANCES, strict=True)
    ]

    assert ruled == [(tier, sentence) for _, tier, sentence in CIRCUMSTANCES]


@pytest.mark.parametrize(
    "facts",
    [
        replace(HEALTHY, daily_limit=25, posts_today=19),
        replace(HEALTHY, daily_limit=1),
        replace(HEALTHY, posts_today=1_000),
    ],
)
def test_a_day_with_room_left_is_green(facts: Facts) -> None:
    assert judge(facts).tier is Tier.GREEN


def test_the_worst_tier_wins_and_all_advice_is_given_worst_first() -> None:
    facts = replace(HEALTHY, text_problems=[NO_POLLS], recent_failures=2, expired_accounts=1)

    verdict = judge(facts)

    assert verdict == Verdict(
        tier=Tier.RED,
        guidance=[
            "Change the text: X takes no polls.",
            "Reconnect what has expired: 1 of 2 accounts on X.",
            "Look at what went wrong: 2 posts failed on X in the last 24 hours.",
        ],
        is_verified=True,
    )


@pytest.mark.parametrize(("healthy", "is_verified"), [(0, False), (1, True)])
def test_a_verdict_is_verified_when_an_account_stands_ready(
    healthy: int, is_verified: bool
) -> None:
    facts = Facts(network="X", healthy_accounts=healthy, expired_accounts=1)

    assert judge(facts).is_verified is is_verified


def test_every_tier_has_a_label_of_its_own() -> None:
    assert set(LABELS) == set(Tier)
    assert len(set(LABELS.values())) == len(Tier)


@given(FACTS)
def test_green_means_no_advice_and_anything_else_has_some(facts: Facts) -> None:
    verdict = judge(facts)

    assert (verdict.tier is Tier.GREEN) == (not verdict.guidance)


@given(FACTS, st.sampled_from(TROUBLES))
def test_more_trouble_never_improves_the_tier(facts: Facts, trouble: str) -> None:
    severity = list(Tier).index

    worse = replace(facts, **{trouble: getattr(facts, trouble) + 1})

    assert severity(judge(worse).tier) >= severity(judge(facts).tier)
