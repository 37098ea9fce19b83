"""Accounts of the real Bluesky server: connecting them, and the life of their sessions."""

import pytest

from installation import Installation
from oncue.accounts import credentials
from oncue.accounts.credentials import Held
from oncue.accounts.models import Account
from oncue.connectors.bluesky import ACCESS_LIVES
from pds.pds import Person, ask_to_connect

pytestmark = pytest.mark.anyio


async def test_an_account_is_connected_once_the_server_vouches_for_it(
    oncue: Installation, maria: Person
) -> None:
    answer = await ask_to_connect(oncue, maria)

    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["platform"], shown["username"], shown["status"]) == (
        "bluesky",
        maria.handle,
        "active",
    )


async def test_a_wrong_password_is_refused_in_the_server_s_own_words(
    oncue: Installation, maria: Person
) -> None:
    answer = await ask_to_connect(oncue, maria, appPassword="wrong")

    assert answer.status_code == 400
    problem = answer.json()["error"]["details"]
    assert problem["field"] == "credentials"
    assert "Invalid identifier or password" in problem["message"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(("accessJwt",), id="the-access-token-alone"),
        pytest.param(("accessJwt", "refreshJwt"), id="both-tokens"),
    ],
)
async def test_a_session_the_server_does_not_know_any_more_is_renewed_or_begun_anew(
    oncue: Installation, maria: Person, account: Account, broken: tuple[str, ...]
) -> None:
    held = await spoil_session(oncue, account, broken)

    post = await oncue.publish("BLUESKY")

    assert post["status"] == "published"
    assert len(await maria.records()) == 1
    kept = await secrets_of(oncue, account)
    assert kept["refreshJwt"] not in {held["refreshJwt"], "nonsense"}
    assert {name: kept[name] for name in maria.credentials} == maria.credentials


async def test_a_withdrawn_password_asks_for_the_account_to_be_connected_again(
    oncue: Installation, maria: Person, account: Account
) -> None:
    await spoil_session(oncue, account, ("accessJwt", "refreshJwt", "appPassword"))

    post = await oncue.publish("BLUESKY")

    assert (post["status"], post["platforms"][0]["heldReason"]) == ("scheduled", "account")
    shown = await oncue.api.get(f"/v1/accounts/{oncue.account('BLUESKY')}")
    assert shown.json()["status"] == "expired"
    assert await maria.records() == []


async def secrets_of(oncue: Installation, account: Account) -> dict[str, str]:
    found = await oncue.db.read(
        lambda session: credentials.load(
            session, oncue.services.vault, oncue.workspace_id, account.id
        )
    )
    assert isinstance(found, Held)
    return dict(found.secrets)


async def spoil_session(
    oncue: Installation, account: Account, broken: tuple[str, ...]
) -> dict[str, str]:
    """Have the installation hold nonsense that it takes for good for two hours; what it held."""
    now, held = oncue.clock(), await secrets_of(oncue, account)
    spoilt = held | dict.fromkeys(broken, "nonsense")
    await oncue.db.write(
        lambda session: credentials.store(
            session,
            oncue.services.vault,
            oncue.workspace_id,
            account.id,
            spoilt,
            now + ACCESS_LIVES,
            now,
        )
    )
    return held
