"""What every test shares: asyncio for async tests, and no way out to the network."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
