"""The rule book itself: PERMITS against the document, and the roll-up of destinations."""

from typing import Final

import pytest

from oncue.posts.lifecycle import (
    PERMITS,
    SHOWN_AS,
    UNFINISHED,
    Operation,
    State,
    Status,
    roll_up,
    statuses_permitting,
)
from statements import state_table, statements

HEADINGS: Final = {
    "Edit (PATCH)": Operation.EDIT,
    "Publish now": Operation.PUBLISH,
    "Cancel": Operation.CANCEL,
    "Retry": Operation.RETRY,
    "Fix": Operation.FIX,
    "Clone": Operation.CLONE,
    "Delete": Operation.DELETE,
}


@statements("V196", "V197", "V198", "V199", "V200", "V201", "V202", "V203", "V204", "V205")
def test_the_rule_book_is_the_documents_table() -> None:
    documented = {
        Status(status): {HEADINGS[name] for name, available in row.items() if available}
        for status, row in state_table().items()
    }

    assert documented == {status: PERMITS[status] for status in documented}


def test_the_documents_table_has_seventy_cells() -> None:
    table = state_table()

    assert sum(len(row) for row in table.values()) == 70
    assert set(table) <= set(Status)
    assert {name for row in table.values() for name in row} == set(HEADINGS)


@pytest.mark.parametrize("operation", Operation)
def test_an_operation_may_start_from_the_statuses_whose_row_has_it(operation: Operation) -> None:
    permitting = statuses_permitting(operation)

    assert permitting == {status for status in Status if operation in PERMITS[status]}


@statements("V304")
def test_whatever_happened_to_a_post_it_can_be_cloned() -> None:
    assert statuses_permitting(Operation.CLONE) == set(Status)


@statements("V185", "V95")
def test_every_word_for_a_state_is_in_lower_case_and_the_documents() -> None:
    words = {*Status, *SHOWN_AS.values()}

    assert words == {word.lower() for word in words}
    assert set(SHOWN_AS) == set(State)
    assert set(SHOWN_AS.values()) == {"pending", "publishing", "published", "failed", "skipped"}


@statements("V179", "V182", "V190", "V191", "V192", "V214", "V215", "V216")
@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((State.PUBLISHED,), Status.PUBLISHED),
        ((State.PUBLISHED, State.PUBLISHED), Status.PUBLISHED),
        ((State.FAILED,), Status.FAILED),
        ((State.FAILED, State.FAILED), Status.FAILED),
        ((State.PUBLISHED, State.FAILED), Status.PARTIAL),
        ((State.FAILED, State.PUBLISHED, State.PUBLISHED), Status.PARTIAL),
    ],
)
def test_a_posts_status_follows_from_its_destinations(
    states: tuple[State, ...], status: Status
) -> None:
    assert roll_up(states) is status


@statements("V189")
@pytest.mark.parametrize("unfinished", sorted(UNFINISHED))
def test_a_post_is_publishing_while_one_destination_is_not_done(unfinished: State) -> None:
    statuses = {roll_up([other, unfinished]) for other in State}

    assert statuses == {Status.PUBLISHING}


@statements("V184")
@pytest.mark.parametrize(
    ("state", "status"), [(State.PUBLISHED, Status.PUBLISHED), (State.FAILED, Status.FAILED)]
)
def test_a_skipped_destination_does_not_count(state: State, status: Status) -> None:
    assert roll_up([State.SKIPPED, state]) is status


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((State.PUBLISHED, State.IDLE), Status.PARTIAL),
        ((State.FAILED, State.IDLE), Status.FAILED),
        ((State.PUBLISHED, State.FAILED, State.IDLE), Status.PARTIAL),
    ],
)
def test_a_destination_that_was_never_sent_keeps_a_post_from_being_published(
    states: tuple[State, ...], status: Status
) -> None:
    """As after PATCH has added an account to a failed or partial post: /fix is still needed."""
    assert roll_up(states) is status
