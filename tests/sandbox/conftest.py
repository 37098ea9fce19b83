"""A simulated Bluesky with an application that may be anybody's, for its OAuth's tests."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hosted import Hosted, hosted
from installation import Clock
from oncue.sandbox.bluesky import Bluesky
from sandbox.bluesky_app import App


@pytest.fixture
def documents() -> dict[str, Any]:
    """What stands on the Web, by address."""
    return {}


@pytest.fixture
async def sandbox(clock: Clock, documents: dict[str, Any]) -> AsyncIterator[Hosted]:
    async def fetch(url: str) -> bytes:
        if url not in documents:
            raise OSError(f"nothing at {url}")
        found = documents[url]
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    async with hosted(Bluesky, now=clock, fetch=fetch) as there:
        yield there


@pytest.fixture
def app(sandbox: Hosted, clock: Clock) -> App:
    """An application under development: anybody could be it."""
    return App(sandbox, clock)
