"""Many posts at once: the same stories in both dialects, and the same posts afterwards."""

from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import update

from dialects.port import Dialect, Refused, Wanted, posts_of
from installation import START, Installation
from oncue.workspaces.models import Workspace
from statements import statements

pytestmark = pytest.mark.anyio

SOON: Final = START + timedelta(hours=1)
PAST: Final = START - timedelta(hours=1)
SCHEDULED: Final = ("scheduled", {"MASTODON": "waiting"})


def wanted(installation: Installation, content: str, *platforms: str) -> Wanted:
    names = platforms or ("MASTODON",)
    accounts = [installation.accounts[platform] for platform in names]
    return Wanted(content=content, accounts=accounts, at=SOON)


@statements("P8", "P9", "P12", "V256", "V263")
async def test_all_are_made_and_go_out_at_their_time(
    installation: Installation, dialect: Dialect
) -> None:
    draft = Wanted(content="Two", accounts=[installation.accounts["BLUESKY"]])

    made = await dialect.bulk(
        [wanted(installation, "One", "MASTODON", "TWITTER"), draft, wanted(installation, "Three")]
    )

    assert None not in made
    assert await posts_of(installation) == {
        "One": ("scheduled", {"MASTODON": "waiting", "TWITTER": "waiting"}),
        "Two": ("draft", {"BLUESKY": "idle"}),
        "Three": SCHEDULED,
    }
    installation.clock.now = SOON
    await installation.run_due()
    assert [entry.text for entry in installation.posts("MASTODON")] == ["One", "Three"]


@statements("P10", "P11", "P14", "P16", "V255", "V258")
async def test_a_bad_one_stops_no_other(installation: Installation, dialect: Dialect) -> None:
    late = Wanted(content="Late", accounts=[installation.accounts["MASTODON"]], at=PAST)
    nobody = Wanted(content="To nobody", accounts=[], at=SOON)

    made = await dialect.bulk(
        [
            wanted(installation, "First"),
            late,
            nobody,
            wanted(installation, "x" * 10_001),
            wanted(installation, "y" * 501),
            wanted(installation, "Last"),
        ]
    )

    assert [each is not None for each in made] == [True, False, False, False, False, True]
    assert await posts_of(installation) == {"First": SCHEDULED, "Last": SCHEDULED}


@statements("P13", "V258")
async def test_where_all_are_bad_none_is_made(installation: Installation, dialect: Dialect) -> None:
    late = Wanted(content="Late", accounts=[installation.accounts["MASTODON"]], at=PAST)

    assert await dialect.bulk([late, late]) == [None, None]
    assert await posts_of(installation) == {}


@statements("P4", "P18", "V262")
async def test_the_plan_lets_the_first_through(
    installation: Installation, dialect: Dialect
) -> None:
    await installation.db.write(
        lambda session: session.execute(update(Workspace).values(posts_per_day={"MASTODON": 2}))
    )

    made = await dialect.bulk([wanted(installation, text) for text in ("One", "Two", "Three")])

    assert [each is not None for each in made] == [True, True, False]
    assert await posts_of(installation) == {"One": SCHEDULED, "Two": SCHEDULED}


@statements("P6", "P7", "V246")
async def test_fifty_are_taken_and_fifty_one_are_not(
    installation: Installation, dialect: Dialect
) -> None:
    posts = [wanted(installation, f"Number {number}") for number in range(51)]

    with pytest.raises(Refused):
        await dialect.bulk(posts)
    before = await posts_of(installation)
    await dialect.bulk(posts[:50])

    assert before == {}
    assert list(await posts_of(installation)) == [post.content for post in posts[:50]]


async def test_another_workspaces_account_is_nobodys(
    installation: Installation, dialect: Dialect
) -> None:
    elsewhere = await installation.new_workspace()
    theirs = await installation.new_account("MASTODON", "stranger", elsewhere)

    made = await dialect.bulk(
        [
            Wanted(content="Theirs", accounts=[theirs], at=SOON),
            Wanted(content="Both", accounts=[installation.accounts["TWITTER"], theirs], at=SOON),
            wanted(installation, "Mine"),
        ]
    )

    assert [each is not None for each in made] == [False, False, True]
    assert await posts_of(installation) == {"Mine": SCHEDULED}
