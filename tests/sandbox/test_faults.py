"""Orders for misfortune: which request meets which, and how often."""

from typing import Any

import pytest

from oncue.sandbox.faults import BadFault, Effect, Fault, Faults, Kind


def ordered(*bodies: dict[str, Any]) -> Faults:
    faults = Faults()
    for body in bodies:
        faults.order(body)
    return faults


def taken(faults: Faults, effect: Effect = Effect.PUBLISH, account: str = "maria") -> Kind | None:
    fault = faults.take("TELEGRAM", account, effect)
    return fault.kind if fault else None


def test_an_order_is_read_field_by_field() -> None:
    fault = Faults().order(
        {
            "kind": "rate_limit",
            "platform": "telegram",
            "account": "maria",
            "effect": "delete",
            "times": 3,
            "seconds": 0.5,
            "retryAfter": 7,
        }
    )

    assert fault == Fault(
        kind=Kind.RATE_LIMIT,
        platform="TELEGRAM",
        account="maria",
        effect=Effect.DELETE,
        times=3,
        seconds=0.5,
        retry_after=7,
    )


def test_an_order_with_nothing_but_a_kind_meets_anybodys_next_publishing_request() -> None:
    fault = Faults().order({"kind": "reject"})

    assert fault == Fault(
        kind=Kind.REJECT,
        platform=None,
        account=None,
        effect=Effect.PUBLISH,
        times=1,
        seconds=1,
        retry_after=None,
    )


ANY_REQUEST = {"expired_token", "revoked_token", "processing_failed", "processing_forever"}


@pytest.mark.parametrize("kind", Kind)
def test_only_token_and_processing_faults_meet_any_request_unless_told(kind: Kind) -> None:
    fault = Faults().order({"kind": kind})

    assert fault.effect is (None if kind in ANY_REQUEST else Effect.PUBLISH)


@pytest.mark.parametrize("kind", ["reject", "expired_token"])
def test_an_effect_that_is_named_is_the_only_one_met(kind: str) -> None:
    faults = ordered({"kind": kind, "effect": "upload"})

    assert taken(faults, Effect.PUBLISH) is None
    assert taken(faults, Effect.UPLOAD) == kind


def test_an_order_is_used_up_after_its_number_of_times() -> None:
    faults = ordered({"kind": "reject", "times": 2})

    assert [taken(faults) for _ in range(3)] == [Kind.REJECT, Kind.REJECT, None]


def test_the_oldest_order_that_fits_comes_first() -> None:
    faults = ordered({"kind": "slow", "effect": "delete"}, {"kind": "reject"}, {"kind": "garbage"})

    assert [taken(faults) for _ in range(3)] == [Kind.REJECT, Kind.GARBAGE, None]
    assert taken(faults, Effect.DELETE) is Kind.SLOW


@pytest.mark.parametrize(
    ("order", "meets"),
    [
        ({"platform": "TELEGRAM"}, True),
        ({"platform": "Telegram"}, True),
        ({"platform": "twitter"}, False),
        ({"account": "maria"}, True),
        ({"account": "ines"}, False),
        ({"platform": None, "account": None, "effect": None, "retryAfter": None}, True),
    ],
)
def test_an_order_meets_only_the_network_and_account_it_names(
    order: dict[str, Any], *, meets: bool
) -> None:
    faults = ordered({"kind": "reject"} | order)

    assert (taken(faults) is not None) == meets


def test_a_request_of_nobody_meets_only_orders_for_anybody() -> None:
    faults = ordered({"kind": "reject", "account": "maria"}, {"kind": "garbage"})

    fault = faults.take("TELEGRAM", None, Effect.PUBLISH)

    assert fault is not None
    assert fault.kind is Kind.GARBAGE


def test_cleared_orders_meet_nobody() -> None:
    faults = ordered({"kind": "reject"})

    faults.clear()

    assert taken(faults) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "a fault needs a kind"),
        ({"kind": "explode"}, "'explode' is not a valid Kind"),
        ({"kind": "reject", "effect": "sleep"}, "'sleep' is not a valid Effect"),
        ({"kind": "reject", "time": 1, "fun": 2}, "unknown fields: fun, time"),
        ({"kind": "reject", "times": 0}, "times is at least 1"),
        ({"kind": "reject", "times": "often"}, "often"),
        ({"kind": "reject", "times": None}, "NoneType"),
        ({"kind": "reject", "times": float("inf")}, "infinity"),
        ({"kind": "slow", "seconds": -1}, "seconds at least 0"),
        ({"kind": "slow", "seconds": float("nan")}, "seconds at least 0"),
        ({"kind": "slow", "seconds": float("inf")}, "seconds at least 0"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_words(
    body: dict[str, Any], words: str
) -> None:
    faults = Faults()

    with pytest.raises(BadFault, match=words):
        faults.order(body)
    assert taken(faults) is None
