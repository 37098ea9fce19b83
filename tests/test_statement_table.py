"""Every statement of the document about issue 2's endpoints is named by a test.

Validation, preflight, bulk, queue, unpublish, replies, personas, approval, plan
Validation, preflight, bulk, recurrence, unpublish, replies, personas, approval, plan
quotas, webhooks, callbacks, idempotency keys, /fix's mediaUrl and what belongs to networks that are
Validation, preflight, bulk, recurrence, queue, unpublish, replies, personas, approval, plan
quotas, idempotency keys, /fix's mediaUrl and what belongs to networks that are
not built yet (their metadata and first comments) are issue 3's and not in the list.
Validation, preflight, bulk, recurrence, queue, unpublish, personas, approval, plan quotas,
webhooks, callbacks, idempotency keys and /fix's mediaUrl are issue 3's and not in the list.
Bulk, recurrence, queue, unpublish, replies, plan quotas, webhooks, callbacks, idempotency keys,
/fix's mediaUrl and what belongs to networks that are not built yet (their metadata and first
Validation, preflight, bulk, recurrence, queue, unpublish, replies, personas, approval, webhooks,
callbacks and what belongs to networks that are not built yet (their metadata and first
comments) are issue 3's and not in the list.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent

COVERED: Final = (
    ("V1", "V8"),  # routes, keys, scopes
    ("V11", "V12"),
    ("V15", "V16"),
    ("V17", "V39"),  # a new post's fields
    ("V41", "V48"),  # metadata and its limits
    ("V17", "V30"),  # a new post's fields
    ("V33", "V48"),  # metadata and its limits
    ("V57", "V57"),  # first comments where there are none
    ("V65", "V66"),
    ("V69", "V69"),
    ("V71", "V100"),  # the post as it is shown
    ("V102", "V106"),  # overrides and threads
    ("V108", "V109"),
    ("V12", "V12"),
    ("V14", "V16"),
    ("V17", "V30"),  # a new post's fields
    ("V33", "V39"),
    ("V41", "V56"),  # metadata and its limits, options of networks
    ("V57", "V71"),  # first comments
    ("V72", "V81"),  # the post as it is shown
    ("V83", "V109"),  # overrides and threads
    ("V111", "V150"),  # get, list, PATCH, delete, publish
    ("V153", "V156"),  # retry
    ("V158", "V169"),  # fix
    ("V172", "V180"),
    ("V108", "V150"),  # thread items and what they count; get, list, PATCH, delete, publish
    ("V153", "V180"),  # retry, fix
    ("V182", "V209"),  # statuses, the table, transitions
    ("V111", "V152"),  # get, list, PATCH, delete, publish
    ("V153", "V156"),  # retry
    ("V158", "V169"),  # fix
    ("V172", "V209"),  # statuses, the table, transitions
    ("V211", "V212"),
    ("V214", "V223"),  # scheduling
    ("V225", "V225"),
    ("V271", "V290"),  # recurring posts, cancel
    ("V214", "V225"),  # scheduling
    ("V213", "V223"),  # scheduling
    ("V225", "V245"),  # validate, bulk-generate-check, preflight
    ("V261", "V262"),  # many posts sent again, and what they count
    ("V287", "V290"),  # cancel
    ("V297", "V315"),  # replies, clone, CSV import
    ("V316", "V319"),  # events
)


def test_every_statement_of_this_part_is_named_by_a_test() -> None:
    covered = {f"V{number}" for first, last in COVERED for number in span(first, last)}

    assert covered - named_statements() == set()


def test_every_statement_of_the_bulk_dialect_is_named_by_a_test() -> None:
    assert {f"P{number}" for number in span("P1", "P38")} - named_statements() == set()


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
