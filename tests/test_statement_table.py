"""Every statement of the document about issue 2's endpoints is named by a test.

Validation, preflight, bulk, recurrence, queue, unpublish, replies, personas, approval, plan
quotas, idempotency keys, /fix's mediaUrl and what belongs to networks that are
not built yet (their metadata and first comments) are issue 3's and not in the list.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent

COVERED: Final = (
    ("V1", "V8"),  # routes, keys, scopes
    ("V12", "V12"),
    ("V15", "V16"),
    ("V17", "V30"),  # a new post's fields
    ("V33", "V48"),  # metadata and its limits
    ("V57", "V57"),  # first comments where there are none
    ("V65", "V66"),
    ("V69", "V69"),
    ("V71", "V81"),  # the post as it is shown
    ("V83", "V100"),
    ("V102", "V106"),  # overrides and threads
    ("V108", "V109"),
    ("V111", "V152"),  # get, list, PATCH, delete, publish
    ("V153", "V156"),  # retry
    ("V158", "V169"),  # fix
    ("V172", "V209"),  # statuses, the table, transitions
    ("V211", "V212"),
    ("V214", "V223"),  # scheduling
    ("V225", "V225"),
    ("V287", "V290"),  # cancel
    ("V301", "V305"),  # clone
    ("V306", "V315"),  # CSV import
    ("V316", "V319"),  # events
)


def test_every_statement_of_this_part_is_named_by_a_test() -> None:
    covered = {f"V{number}" for first, last in COVERED for number in span(first, last)}

    assert covered - named_statements() == set()


def test_only_statements_there_are_can_be_named() -> None:
    known = {f"V{number}" for number in range(1, 320)} | {f"P{number}" for number in range(1, 39)}

    assert named_statements() - known == set()


def span(first: str, last: str) -> Iterable[int]:
    return range(int(first[1:]), int(last[1:]) + 1)


@cache
def named_statements() -> frozenset[str]:
    """What the @statements above the tests name, read from their source: whatever is selected."""
    tests = (
        test
        for file in TESTS.rglob("test_*.py")
        for test in ast.walk(ast.parse(file.read_text()))
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(number for test in tests for number in _named_above(test))


def _named_above(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        match mark:
            case ast.Call(func=ast.Name(id="statements"), args=numbers):
                yield from (ast.literal_eval(number) for number in numbers)
