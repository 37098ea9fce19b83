"""Which statements of the document a test holds the program to, and the document itself."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

SPEC: Final = Path(os.environ.get("ONCUE_SPEC", Path(__file__).parents[2] / "shared" / "spec"))
DOCUMENT: Final = "003_4c8a387d3bdf4ee5.txt"


def statements(*numbers: str) -> pytest.MarkDecorator:
    """Name what a test is about: numbers of shared/spec/statements.md, as in "V18"."""
    return pytest.mark.statements(*numbers)


def state_table() -> Mapping[str, Mapping[str, bool]]:
    """The document's own table: for each status, whether each of its operations is available."""
    rows = [
        [cell.strip(" `") for cell in line.strip("| ").split("|")]
        for line in _section("State transition table")
        if " | " in line
    ]
    heading, *statuses = rows
    return {
        row[0]: {name: cell == "Yes" for name, cell in zip(heading[1:], row[1:], strict=True)}
        for row in statuses
    }


def _section(title: str) -> list[str]:
    """The lines from a title to the end of its table."""
    table = rf"^{re.escape(title)}$(.*?)^Terminal statuses"
    found = re.search(table, _document(), re.DOTALL | re.MULTILINE)
    assert found is not None, f"the document has no {title}"
    return found.group(1).splitlines()


def _document() -> str:
    """The document; the test is skipped where it is missing (never in CI)."""
    file = SPEC / DOCUMENT
    if not file.exists():
        if os.environ.get("CI"):
            raise AssertionError(f"CI needs the document: {file} is missing")
        pytest.skip(f"the document is not at {file} (set ONCUE_SPEC to its folder)")
    return file.read_text()
