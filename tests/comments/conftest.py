"""An installation whose planned networks are there: scripted connectors, and a stand for them."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.orm import Session

from installation import Clock, Installation, install
from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.connectors.base import Identity
from oncue.connectors.registry import CONNECTORS
from oncue.db.open import open_database
from oncue.lib.http import HttpClient
from oncue.settings import Settings
from scripted_networks import FACEBOOK_LOGIN, SCRIPTED, Stand


@pytest.fixture
async def stand() -> Stand:
    return Stand(HttpClient(timeout=2))


@pytest.fixture
async def installation(
    settings: Settings, clock: Clock, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    for platform, connector in SCRIPTED.items():
        monkeypatch.setitem(CONNECTORS, platform, connector)
    db = open_database(settings)
    try:
        async with install(settings, db, clock, outbound=stand) as made:
            for platform in SCRIPTED:
                made.accounts[platform] = await connected(made, platform)
            yield made
    finally:
        await db.close()


async def connected(
    oncue: Installation,
    platform: str,
    name: str = "oncue",
    server: str = FACEBOOK_LOGIN,
    **secrets: str,
) -> Account:
    """An account on a scripted network; unless told otherwise TikTok's is a business."""
    new = NewAccount(
        platform=platform,
        credentials=secrets or dict.fromkeys(("accessToken", "businessToken", "businessId"), "x"),
        server=server,
    )
    identity = Identity(native_id=name, username=name, display_name=f"{name} on {platform}")
    vault = oncue.services.vault

    def work(session: Session) -> Account:
        return accounts.connect(session, vault, oncue.workspace_id, new, identity, oncue.clock())

    return await oncue.db.write(work)
