"""A server dies by kill -9 while it renews a token that is good once; the account is not lost.

What the network answered and nobody kept cannot be had again. Then the account says that it has
to be connected again, once, and nobody asks the network any more.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from browser import allow
from crash.site import Site
from installation import MASTER_KEY
from oncue.accounts import credentials, oauth
from oncue.accounts.connecting import connect_account, keep
from oncue.accounts.credentials import Held
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.oauth import Returned, Wanted
from oncue.accounts.service import NewAccount
from oncue.accounts.vault import parse_keys
from oncue.accounts.wire import Wire
from oncue.lib.clock import utc_now
from oncue.lib.crashpoints import RENEWAL_ANSWERED, RENEWAL_BEGUN, RENEWAL_KEPT
from oncue.outbox import Event
from oncue.runtime import runtime
from processes import KILLED, eventually

CONNECTED: Final = "account.connected"
ERROR: Final = "account.error"

pytestmark = pytest.mark.timeout(120)


def connect(site: Site, platform: str) -> Account:
    """Have somebody allow the connection on the network's page; its token is due for renewal."""

    async def run() -> Account:
        settings = replace(site.settings, secret_keys=MASTER_KEY, sandbox_url=site.world.url)
        async with runtime(settings) as made:
            return await _connect(site, made.services.wire, platform)

    account = asyncio.run(run())
    site.transact(lambda session: _make_due(session, account))
    return account


async def _connect(site: Site, wire: Wire, platform: str) -> Account:
    owner = site.workspace_id
    begun = await oauth.begin(wire, owner, Wanted(platform=platform))
    back = await allow(begun.url)
    returned = Returned(code=back.said["code"], issuer=back.said.get("iss", ""))
    vouched = await oauth.finish(wire, begun.flow, returned)
    return await wire.db.write(lambda session: keep(session, wire, owner, vouched))


def connect_with_password(site: Site) -> Account:
    """An account that has a session, which is due for renewal, and the password behind it."""
    credentials = {"identifier": "maria", "appPassword": "sandbox:maria"}
    new = NewAccount(platform="BLUESKY", credentials=credentials)

    async def run() -> Account:
        settings = replace(site.settings, secret_keys=MASTER_KEY, sandbox_url=site.world.url)
        async with runtime(settings) as made:
            return await connect_account(made.services.wire, site.workspace_id, new)

    account = asyncio.run(run())
    site.transact(lambda session: _make_due(session, account))
    return account


def _make_due(session: Session, account: Account) -> None:
    now = utc_now()
    session.execute(
        update(AccountSecret)
        .where(AccountSecret.account_id == account.id)
        .values(expires_at=now - timedelta(minutes=1), renew_at=now)
    )


def held(site: Site, account: Account) -> Held:
    """What is kept of the account's credentials."""
    vault = parse_keys(MASTER_KEY)
    found = site.transact(
        lambda session: credentials.load(session, vault, site.workspace_id, account.id)
    )
    assert isinstance(found, Held)
    return found


def status(site: Site, account: Account) -> str:
    return site.transact(lambda session: session.get_one(Account, account.id).status)


def told(site: Site) -> list[str]:
    """What happened to the account, in order."""
    wanted = select(Event.type).where(Event.post_id.is_(None)).order_by(Event.seq)
    return site.transact(lambda session: list(session.scalars(wanted)))


def is_open(site: Site, account: Account) -> bool:
    """Whether somebody is to renew the token, or is about to."""
    secret = site.transact(lambda session: session.get_one(AccountSecret, account.id))
    return secret.lease is not None or (
        secret.renew_at is not None and secret.renew_at <= utc_now() + timedelta(minutes=1)
    )


def is_newer(site: Site, account: Account, generation: int) -> bool:
    return held(site, account).generation > generation


def serve_until_renewed(site: Site, account: Account) -> None:
    site.serve()
    eventually(lambda: not is_open(site, account), "the token is renewed, or given up")


@pytest.mark.parametrize("point", [RENEWAL_BEGUN, RENEWAL_KEPT])
def test_a_death_beside_the_answer_is_survived(on_sqlite: Site, point: str) -> None:
    account = connect(on_sqlite, "TWITTER")
    before = held(on_sqlite, account)
    assert on_sqlite.serve(ONCUE_CRASH_AT=point).ended() == KILLED

    serve_until_renewed(on_sqlite, account)
    on_sqlite.publish("Hello", [account.id])
    on_sqlite.until_settled()

    after = held(on_sqlite, account)
    assert after.generation == before.generation + 1
    assert after.secrets["refreshToken"] != before.secrets["refreshToken"]
    assert status(on_sqlite, account) == "active"
    assert told(on_sqlite) == [CONNECTED]
    assert on_sqlite.verdict() == {"published": 1}


@pytest.mark.parametrize("platform", ["TWITTER", "BLUESKY"])
def test_a_death_between_the_answer_and_its_keeping_ends_in_connecting_again(
    site: Site, platform: str
) -> None:
    account = connect(site, platform)
    before = held(site, account)
    assert site.serve(ONCUE_CRASH_AT=RENEWAL_ANSWERED).ended() == KILLED

    serve_until_renewed(site, account)

    assert status(site, account) == "expired"
    assert told(site) == [CONNECTED, ERROR]
    assert held(site, account) == before

    again = connect(site, platform)
    eventually(lambda: not is_open(site, again), "the new token is renewed")
    assert again.id == account.id
    assert status(site, account) == "active"
    assert told(site) == [CONNECTED, ERROR, CONNECTED]


def test_with_a_password_behind_the_session_a_death_there_is_survived_too(
    on_sqlite: Site,
) -> None:
    account = connect_with_password(on_sqlite)
    before = held(on_sqlite, account)
    assert on_sqlite.serve(ONCUE_CRASH_AT=RENEWAL_ANSWERED).ended() == KILLED

    serve_until_renewed(on_sqlite, account)

    assert held(on_sqlite, account).secrets["refreshJwt"] != before.secrets["refreshJwt"]
    assert status(on_sqlite, account) == "active"
    assert told(on_sqlite) == [CONNECTED]


def test_two_workers_of_which_one_dies_again_and_again_do_not_lose_the_account(
    on_postgres: Site,
) -> None:
    account = connect(on_postgres, "TWITTER")
    for _ in range(2):
        assert on_postgres.start("worker", ONCUE_CRASH_AT=RENEWAL_BEGUN).ended() == KILLED

    workers = [on_postgres.start("worker") for _ in range(2)]
    eventually(lambda: not is_open(on_postgres, account), "the token is renewed")
    for _ in range(2):
        generation = held(on_postgres, account).generation
        on_postgres.transact(lambda session: _make_due(session, account))
        eventually(partial(is_newer, on_postgres, account, generation), "it is renewed again")

    assert all(worker.is_running() for worker in workers)
    assert status(on_postgres, account) == "active"
    assert told(on_postgres) == [CONNECTED]
