"""Somebody at a command line, and what the commands said."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from oncue.cli import main

NOBODY: Final = str(UUID(int=0))  # the plain id of nothing


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Operator:
    """Somebody who types commands; `folder` is where the data lies."""

    folder: Path
    _capture: pytest.CaptureFixture[str]
    _environment: pytest.MonkeyPatch

    def set(self, variable: str, value: str) -> None:
        self._environment.setenv(variable, value)

    def types(self, *words: str) -> Said:
        self._environment.setattr(sys, "argv", ["oncue", *words])
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capture.readouterr()
        return Said(int(ended.value.code or 0), out, err)
