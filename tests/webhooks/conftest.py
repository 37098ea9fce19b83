"""An installation whose operator has opened the machine's own receivers to webhooks."""

from collections.abc import AsyncIterator

import pytest

from installation import Clock, Installation, install
from oncue.db.open import open_database
from oncue.settings import Settings
from webhooks.hooks import to_loopback


@pytest.fixture
async def installation(settings: Settings, clock: Clock) -> AsyncIterator[Installation]:
    """What happened before a test begins has been dispatched."""
    db = open_database(settings)
    guarded = to_loopback(turning_test=[["127.0.0.1"], ["10.0.0.1"]])
    try:
        async with install(settings, db, clock, guarded=guarded) as made:
            await made.errands()
            yield made
    finally:
        await db.close()
