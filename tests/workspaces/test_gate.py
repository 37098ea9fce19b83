"""Finding a caller and counting the request, by either database's way of doing it."""

import asyncio

import pytest
from sqlalchemy import select, update

from installation import Installation
from oncue.runtime import open_gate
from oncue.workspaces import keys
from oncue.workspaces.models import ApiKey, RateWindow

pytestmark = pytest.mark.anyio

PG_ONLY = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


async def test_a_caller_is_found_and_counted_by_the_minute(installation: Installation) -> None:
    gate, clock = open_gate(installation.db), installation.clock
    other = await installation.new_key("posts:read")

    first = await gate.admit(installation.key, clock())
    second = await gate.admit(installation.key, clock())
    others = await gate.admit(other, clock())
    clock.advance(seconds=60)
    later = await gate.admit(installation.key, clock())

    assert first
    assert second
    assert others
    assert later
    assert [first.used, second.used, others.used, later.used] == [1, 2, 1, 1]
    assert first.caller == second.caller == later.caller
    assert first.caller.workspace_id == others.caller.workspace_id == installation.workspace_id
    assert (first.caller.workspace_name, first.caller.plan) == ("Test", "agency")
    assert first.caller.scopes == set(keys.ALL_SCOPES)
    assert others.caller.scopes == {"posts:read"}


async def test_both_ways_find_the_same_caller(installation: Installation) -> None:
    admitted = await open_gate(installation.db).admit(installation.key, installation.clock())
    found = await installation.db.read(lambda session: keys.find_caller(session, installation.key))

    assert admitted is not None
    assert admitted.caller == found


async def test_who_is_unknown_or_revoked_is_not_admitted_and_not_counted(
    installation: Installation,
) -> None:
    gate, now = open_gate(installation.db), installation.clock()
    await installation.db.write(
        lambda session: session.execute(update(ApiKey).values(revoked_at=now))
    )

    assert await gate.admit(installation.key, now) is None
    assert await gate.admit(keys.generate(), now) is None
    assert await windows(installation) == {}


@PG_ONLY
async def test_every_request_has_a_number_of_its_own_in_all_processes(
    installation: Installation,
) -> None:
    gates, now = [open_gate(installation.db) for _ in range(2)], installation.clock()

    admitted = await asyncio.gather(
        *(gates[number % 2].admit(installation.key, now) for number in range(100))
    )

    assert sorted(each.used for each in admitted if each) == list(range(1, 101))
    assert list((await windows(installation)).values()) == [100]


@PG_ONLY
async def test_windows_that_are_over_are_forgotten(installation: Installation) -> None:
    gate, clock = open_gate(installation.db), installation.clock
    for _ in range(3):
        await gate.admit(installation.key, clock())
        clock.advance(minutes=1)
    await gate.admit(installation.key, clock())
    before = await windows(installation)

    await installation.errands()

    assert len(before) == 4
    assert await windows(installation) == dict(sorted(before.items())[2:])


async def windows(installation: Installation) -> dict[int, int]:
    """How often each minute was counted."""
    rows = await installation.db.read(
        lambda session: session.execute(select(RateWindow.minute, RateWindow.used)).all()
    )
    return {row.minute: row.used for row in rows}
