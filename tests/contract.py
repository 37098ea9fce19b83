"""The networks' official machine-readable contracts, where they are at hand."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(
    os.environ.get("ONCUE_CONTRACTS", Path(__file__).parents[2] / "shared" / "contracts")
)


def contract(*path: str) -> Any:
    """A contract file as JSON; the test is skipped where the folder is missing (never in CI)."""
    file = CONTRACTS.joinpath(*path)
    if not file.exists():
        if os.environ.get("CI"):
            raise AssertionError(f"CI needs the contracts: {file} is missing")
        pytest.skip(f"the networks' contracts are not at {CONTRACTS} (set ONCUE_CONTRACTS)")
    return json.loads(file.read_text())
