"""Accounts that choose which page, board or location they speak for."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from api.answers import invalid, problem
from browser import secrets_of, shown
from installation import Installation
from oncue.accounts import standing
from oncue.accounts.models import Account
from oncue.accounts.tokens import Owner, turn
from oncue.connectors.answers import Refusal, Refused
from oncue.lib import ids
from paged import Paged, connect

pytestmark = pytest.mark.anyio


async def select(oncue: Installation, account_id: str, page: str) -> tuple[int, str]:
    answer = await oncue.api.post(
        f"/v1/accounts/{account_id}/select-page", json={"pageId": page, "pageName": "Whatever"}
    )
    return answer.status_code, answer.text


async def test_the_pages_are_listed_and_one_of_them_is_chosen(
    installation: Installation, paged: Paged
) -> None:
    account = ids.to_typeid("acc", (await connect(installation)).id)

    before = await installation.api.get(f"/v1/accounts/{account}/pages")
    status, _ = await select(installation, account, "p2")
    after = await installation.api.get(f"/v1/accounts/{account}/pages")

    assert status == 200
    assert before.json() == {
        "data": [
            {"id": "p1", "name": "Our shop", "username": None, "selected": False},
            {"id": "p2", "name": "Our café", "username": "cafe", "selected": False},
        ]
    }
    assert [page["selected"] for page in after.json()["data"]] == [False, True]
    chosen = await shown(installation, {"id": account})
    assert (chosen["username"], chosen["displayName"]) == ("cafe", "Our café")
    assert await secrets_of(installation, chosen) == {"accessToken": "user", "pageToken": "two"}
    assert paged.asked == ["maria", "maria", "p2"]


async def test_another_page_can_be_chosen_later(installation: Installation, paged: Paged) -> None:
    account = ids.to_typeid("acc", (await connect(installation)).id)
    await select(installation, account, "p2")

    await select(installation, account, "p1")

    chosen = await shown(installation, {"id": account})
    assert (chosen["username"], chosen["displayName"]) == ("Our shop", "Our shop")
    assert (await secrets_of(installation, chosen))["pageToken"] == "one"
    assert len(paged.asked) == 2


async def test_a_page_of_somebody_elses_cannot_be_chosen(
    installation: Installation, paged: Paged
) -> None:
    account = ids.to_typeid("acc", (await connect(installation)).id)

    answer = await installation.api.post(
        f"/v1/accounts/{account}/select-page", json={"pageId": "p3"}
    )

    assert problem(answer) == (400, "ACCOUNT_PAGE_MISMATCH", None)
    assert paged.asked == ["maria"]
    assert await secrets_of(installation, {"id": account}) == {"accessToken": "user"}


async def test_a_page_that_an_account_speaks_for_is_taken(
    installation: Installation, paged: Paged
) -> None:
    first, second = [
        ids.to_typeid("acc", (await connect(installation, name)).id) for name in ("a", "b")
    ]
    await select(installation, first, "p1")

    answer = await installation.api.post(
        f"/v1/accounts/{second}/select-page", json={"pageId": "p1"}
    )

    assert problem(answer) == (409, "CONFLICT", {"accountId": first})
    assert (await select(installation, first, "p1"))[0] == 200
    assert (await select(installation, second, "p2"))[0] == 200
    assert paged.asked == ["a", "b", "p1", "b"]


@pytest.mark.usefixtures("paged")
async def test_of_accounts_that_choose_a_page_at_once_one_speaks_for_it(
    installation: Installation,
) -> None:
    accounts = [ids.to_typeid("acc", (await connect(installation, name)).id) for name in "abcdef"]

    answers = await asyncio.gather(*(select(installation, each, "p1") for each in accounts))

    assert sorted(status for status, _ in answers) == [200, *[409] * 5]


async def lost_with_its_page(oncue: Installation) -> UUID:
    """An account that speaks for the page p1, and whose credentials are refused."""
    account_id = (await connect(oncue, "a")).id
    await select(oncue, ids.to_typeid("acc", account_id), "p1")
    owner, now = oncue.workspace_id, oncue.clock()
    await oncue.db.write(lambda session: standing.expire(session, owner, account_id, 2, now))
    return account_id


@pytest.mark.usefixtures("paged")
async def test_an_end_that_is_known_goes_to_the_account_that_speaks_for_the_page(
    installation: Installation,
) -> None:
    account_id = await lost_with_its_page(installation)
    fresh = await connect(installation, "a")
    end = installation.clock()
    ends = update(Account).where(Account.id == fresh.id).values(reconnect_by=end)
    await installation.db.write(lambda session: session.execute(ends).close())

    await select(installation, ids.to_typeid("acc", fresh.id), "p1")

    found = await installation.db.read(lambda session: session.get_one(Account, account_id))
    assert found.reconnect_by == end


@pytest.mark.usefixtures("paged")
async def test_a_page_whose_account_was_lost_is_spoken_for_by_it_again(
    installation: Installation,
) -> None:
    account_id = await lost_with_its_page(installation)
    fresh = ids.to_typeid("acc", (await connect(installation, "a", accessToken="new")).id)

    answer = await installation.api.post(f"/v1/accounts/{fresh}/select-page", json={"pageId": "p1"})

    lost = ids.to_typeid("acc", account_id)
    assert (answer.json()["account"]["id"], answer.json()["account"]["status"]) == (lost, "active")
    assert await secrets_of(installation, {"id": lost}) == {
        "accessToken": "new",
        "pageToken": "one",
    }
    assert (await shown(installation, {"id": fresh}))["status"] == "disconnected"


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (Refused("no permission"), (400, "DESTINATIONS_NOT_LOADED", None)),
        (Refused("busy", Refusal.TRY_LATER), (503, "SERVICE_UNAVAILABLE", None)),
    ],
)
async def test_a_network_that_does_not_show_its_pages_is_passed_on(
    installation: Installation,
    paged: Paged,
    refused: Refused,
    expected: tuple[int, str, None],
) -> None:
    account = ids.to_typeid("acc", (await connect(installation)).id)
    paged.refuses = refused

    listed = await installation.api.get(f"/v1/accounts/{account}/pages")
    chosen = await installation.api.post(
        f"/v1/accounts/{account}/select-page", json={"pageId": "p1"}
    )

    assert problem(listed) == problem(chosen) == expected


async def test_a_network_without_pages_has_none_and_lets_nobody_choose(
    installation: Installation,
) -> None:
    account = installation.account("MASTODON")

    listed = await installation.api.get(f"/v1/accounts/{account}/pages")
    chosen = await installation.api.post(
        f"/v1/accounts/{account}/select-page", json={"pageId": "p1"}
    )
    unnamed = await installation.api.post(
        f"/v1/accounts/{account}/select-page", json={"pageId": ""}
    )

    assert listed.json() == {"data": []}
    assert problem(chosen) == (400, "PAGE_SELECTION_NOT_SUPPORTED", None)
    assert problem(unnamed) == invalid("pageId", minLength=1, actualLength=0)


@pytest.mark.usefixtures("paged")
async def test_a_choice_waits_for_a_renewal_that_is_under_way(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oncue.accounts.tokens.PATIENCE", (0.01, 0.01))
    row = await connect(installation)
    account = ids.to_typeid("acc", row.id)
    owner = Owner(connector=Paged(), workspace_id=row.workspace_id, account_id=row.id, server="")
    await turn(installation.services.wire, owner)

    status, _ = await select(installation, account, "p1")
    installation.clock.now += timedelta(seconds=31)
    later, _ = await select(installation, account, "p1")

    assert (status, later) == (503, 200)
