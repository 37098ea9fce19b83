"""What some tests of the API add to an installation."""

from typing import cast

import pytest

from oncue.connectors.base import Connector
from oncue.connectors.registry import CONNECTORS
from paged import PLATFORM, Paged


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> Paged:
    """A network with pages, for as long as the test lasts."""
    made = Paged()
    monkeypatch.setitem(cast("dict[str, Connector]", CONNECTORS), PLATFORM, made)
    return made
