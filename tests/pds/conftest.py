"""An installation whose Bluesky is a real server, and somebody who has an account there."""

import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from installation import Clock, Installation, install
from oncue.accounts import queries as accounts
from oncue.accounts.models import Account
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.settings import Settings
from pds.pds import LossyClient, Person, ask_to_connect, need_installation, running, sign_up

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need_installation()
    with running(tmp_path_factory.mktemp("pds")) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """One database will do here: it is the network that is real."""
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    return Settings(data_dir=tmp_path)


@pytest.fixture
async def client() -> LossyClient:
    return LossyClient()


@pytest.fixture
async def oncue(
    settings: Settings, server: str, client: LossyClient
) -> AsyncIterator[Installation]:
    """An installation whose Bluesky is the real server."""
    settings = replace(settings, platform_urls={"BLUESKY": server})
    db = open_database(settings)
    try:
        async with install(settings, db, Clock(utc_now()), client) as made:
            yield made
    finally:
        await db.close()


@pytest.fixture
async def maria(server: str) -> AsyncIterator[Person]:
    """A newcomer in every test, so that nobody has posted yet."""
    async with ClientSession() as http:
        yield await sign_up(http, server, f"maria{next(NUMBERS)}.test")


@pytest.fixture
async def account(oncue: Installation, maria: Person) -> Account:
    """Maria's account, connected over HTTP; it is the installation's Bluesky account now."""
    answer = await ask_to_connect(oncue, maria)
    assert answer.status_code == 201, answer.text
    account_id = ids.from_typeid("acc", answer.json()["id"])
    row = await oncue.db.read(lambda session: accounts.get(session, oncue.workspace_id, account_id))
    oncue.accounts["BLUESKY"] = row
    return row
