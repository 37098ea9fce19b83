"""Any sequence of operations, held against a model of the document's rules; and what it is worth.

ONCUE_MACHINE_EXAMPLES asks for more sequences than fit into every run of the tests.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from machine.broken import BROKEN
from machine.machine import Lifecycle

EXAMPLES: Final = int(os.environ.get("ONCUE_MACHINE_EXAMPLES", "20"))
STEPS: Final = 20
ENOUGH: Final = 400  # sequences in which a broken program has to be caught; most take a few

COMMON: Final = settings(
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def template(sqlite_template: Path) -> None:
    Lifecycle.template = sqlite_template


def test_whatever_is_done_in_whatever_order_the_rules_hold() -> None:
    run_state_machine_as_test(Lifecycle, settings=settings(COMMON, max_examples=EXAMPLES))


@pytest.mark.parametrize("name", BROKEN)
def test_a_program_that_breaks_a_rule_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BROKEN[name](monkeypatch)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Lifecycle,
            settings=settings(COMMON, max_examples=ENOUGH, phases=[Phase.generate]),
        )
