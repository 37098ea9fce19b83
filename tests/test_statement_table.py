"""Every statement of the two documents is named by a test.

`python tests/test_statement_table.py` prints which test names which.

V1 to V319 are those of /v1, P1 to P38 those of /api/v1; shared/spec/statements.md has their words.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
STATEMENTS: Final = (
    *(f"V{number}" for number in range(1, 320)),
    *(f"P{number}" for number in range(1, 39)),
)


def test_every_statement_is_named_by_a_test() -> None:
    assert [number for number in STATEMENTS if number not in named_by()] == []


def test_only_statements_there_are_can_be_named() -> None:
    assert sorted(set(named_by()) - set(STATEMENTS)) == []


@cache
def named_by() -> Mapping[str, Sequence[str]]:
    """Which tests name each statement, read from their source: whatever is selected."""
    table: dict[str, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in file.parts:
            continue
        for test in ast.walk(ast.parse(file.read_text())):
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in _named_above(test):
                    table[number].append(f"{file.relative_to(TESTS)}::{test.name}")
    return table


def _named_above(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        match mark:
            case ast.Call(func=ast.Name(id="statements"), args=numbers):
                yield from (ast.literal_eval(number) for number in numbers)


if __name__ == "__main__":
    for number in STATEMENTS:
        print(number, *named_by().get(number, ["nobody"]), sep="\n    ")  # noqa: T201
