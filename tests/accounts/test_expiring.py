"""Credentials that end are told of seven days ahead, once."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from browser import allow, begin, come_back
from installation import START, Installation
from oncue.accounts.models import Account
from oncue.outbox import Event

pytestmark = pytest.mark.anyio

END: Final = START + timedelta(days=30)
AHEAD: Final = {"days": 23}
SERVERS: Final = {"MASTODON": {"serverUrl": "https://mastodon.sandbox.test"}}


async def ends(installation: Installation, at: datetime | None, **values: Any) -> None:
    mine = Account.id == installation.accounts["MASTODON"].id
    await installation.db.write(
        lambda session: session.execute(
            update(Account).where(mine).values(reconnect_by=at, **values)
        ).close()
    )


async def told(installation: Installation) -> list[tuple[str, str]]:
    await installation.errands()
    rows = await installation.db.read(
        lambda session: session.scalars(
            select(Event.data).where(Event.type == "token.expiring").order_by(Event.seq)
        ).all()
    )
    return [(row["id"], row["expiresAt"]) for row in rows]


async def test_it_is_told_seven_days_ahead_and_not_before(installation: Installation) -> None:
    await ends(installation, END)
    installation.clock.advance(days=22, hours=23)
    early = await told(installation)

    installation.clock.advance(hours=1)

    assert early == []
    assert await told(installation) == [
        (installation.account("MASTODON"), "2026-12-22T12:00:00.000Z")
    ]


async def test_each_end_is_told_once(installation: Installation) -> None:
    await ends(installation, END)
    installation.clock.advance(**AHEAD)
    await told(installation)
    installation.clock.advance(days=1)
    assert len(await told(installation)) == 1

    await ends(installation, END + timedelta(days=30))
    assert len(await told(installation)) == 1
    installation.clock.advance(days=30)

    assert [at[:10] for _, at in await told(installation)] == ["2026-12-22", "2027-01-21"]


async def test_a_yes_that_holds_for_a_fortnight_is_told_of_after_one_week(
    installation: Installation,
) -> None:
    begun = await begin(installation, "BLUESKY")
    await come_back(installation, await allow(begun["authorizationUrl"], "maria.sandbox.test"))
    assert await told(installation) == []

    installation.clock.advance(days=7)

    assert [at for _, at in await told(installation)] == ["2026-12-06T12:00:00.000Z"]


async def test_a_yes_that_holds_until_it_is_taken_back_is_never_told_of(
    installation: Installation,
) -> None:
    for platform in ("TWITTER", "MASTODON"):
        begun = await begin(installation, platform, **SERVERS.get(platform, {}))
        await come_back(installation, await allow(begun["authorizationUrl"]))

    installation.clock.advance(days=365)

    assert await told(installation) == []


@pytest.mark.parametrize("status", ["expired", "disconnected"])
async def test_an_account_that_has_ended_already_is_not_told_of(
    installation: Installation, status: str
) -> None:
    await ends(installation, END, status=status)
    installation.clock.advance(**AHEAD)

    assert await told(installation) == []


async def test_an_account_without_an_end_is_never_told_of(installation: Installation) -> None:
    await ends(installation, None)
    installation.clock.advance(days=3_650)

    assert await told(installation) == []
