"""A post's status from its destinations' states, held against an oracle that counts."""

from collections import Counter
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.posts.lifecycle import SHOWN_AS, State, Status, roll_up

EVERY = [
    states for size in range(1, 5) for states in combinations_with_replacement(sorted(State), size)
]


def oracle(states: list[State]) -> Status:
    """In the document's words: still going, all published, none, or some."""
    shown = Counter(SHOWN_AS[state] for state in states if state is not State.SKIPPED)
    on_their_way = sum(
        state in (State.WAITING, State.QUEUED, State.PUBLISHING, State.PARKED) for state in states
    )
    if on_their_way:
        return Status.PUBLISHING
    if shown.total() == shown["published"]:
        return Status.PUBLISHED
    if State.HELD in states and not shown["published"] and not shown["failed"]:
        return Status.SCHEDULED
    return Status.PARTIAL if shown["published"] else Status.FAILED


@given(st.lists(st.sampled_from(State), min_size=1, max_size=15))
def test_the_status_is_what_counting_says(states: list[State]) -> None:
    assert roll_up(states) is oracle(states)


def test_so_it_is_for_every_combination_of_up_to_four() -> None:
    wrong = [states for states in EVERY if roll_up(states) is not oracle(list(states))]

    assert len(EVERY) == 714
    assert wrong == []


@pytest.mark.parametrize("state", State)
def test_a_state_read_from_the_database_is_as_good(state: State) -> None:
    assert roll_up([str(state)]) is roll_up([state])
