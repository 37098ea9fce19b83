"""What becomes of accounts once they are connected: their access ends, is renewed, or is lost."""

from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from api.answers import problem
from browser import connect, secrets_of, shown, speak_for, told
from installation import Installation
from oncue.accounts.credentials import seal
from oncue.accounts.models import AccountSecret
from oncue.lib import ids

pytestmark = pytest.mark.anyio

HERE: Final = "http://127.0.0.1:3000/back"
LIVES: Final = {"TWITTER": timedelta(hours=2), "BLUESKY": timedelta(hours=1)}

renewed_networks = pytest.mark.parametrize("platform", sorted(LIVES))


async def row_of(oncue: Installation, account: dict[str, Any]) -> Any:
    """When the account's access ends, when it is renewed, and how often that was tried."""
    account_id = ids.from_typeid("acc", account["id"])
    wanted = select(AccountSecret).where(AccountSecret.account_id == account_id)
    return await oncue.db.read(lambda session: session.scalars(wanted).one())


@renewed_networks
async def test_access_that_has_ended_is_renewed_for_a_post(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    await speak_for(installation, platform, account)
    before = await secrets_of(installation, account)

    installation.clock.now += LIVES[platform] + timedelta(hours=1)
    post = await installation.publish(platform)

    after = await secrets_of(installation, account)
    assert post["status"] == "published"
    assert after["accessToken"] != before["accessToken"]
    assert after["refreshToken"] != before["refreshToken"]
    assert (await row_of(installation, account)).expires_at == (
        installation.clock() + LIVES[platform]
    )


@renewed_networks
async def test_access_is_renewed_ahead_of_its_end_again_and_again(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    connected_at, tokens = installation.clock(), set[str]()

    for _ in range(6):
        row = await row_of(installation, account)
        tokens.add((await secrets_of(installation, account))["refreshToken"])
        left = row.expires_at - row.renew_at
        assert LIVES[platform] / 6 <= left <= LIVES[platform] / 4
        installation.clock.now = row.renew_at
        await installation.errands()

    assert len(tokens) == 6
    assert installation.clock() - connected_at > LIVES[platform] * 4
    assert (await shown(installation, account))["status"] == "active"
    assert await told(installation, account) == ["account.connected"]


async def test_what_lasts_for_ever_is_not_renewed(installation: Installation) -> None:
    account = await connect(installation, "MASTODON")

    row = await row_of(installation, account)
    installation.clock.advance(days=900)
    await installation.errands()
    await speak_for(installation, "MASTODON", account)

    assert (row.expires_at, row.renew_at) == (None, None)
    assert (await installation.publish("MASTODON"))["status"] == "published"


@renewed_networks
async def test_a_grant_that_was_taken_back_is_noticed_ahead_of_time_and_told_once(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    await installation.withdraw(platform)

    installation.clock.now += LIVES[platform]
    await installation.errands()
    installation.clock.advance(days=9)
    await installation.errands()

    assert (await shown(installation, account))["status"] == "expired"
    assert await told(installation, account) == ["account.connected", "account.error"]


@pytest.mark.parametrize("platform", ["TWITTER", "MASTODON", "BLUESKY"])
async def test_a_grant_that_was_taken_back_is_noticed_by_a_post(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    await speak_for(installation, platform, account)
    await installation.withdraw(platform)

    post = await installation.publish(platform)

    assert (post["status"], post["platforms"][0]["heldReason"]) == ("scheduled", "account")
    assert (await shown(installation, account))["status"] == "expired"
    assert await told(installation, account) == ["account.connected", "account.error"]


@pytest.mark.parametrize(
    ("platform", "kind"),
    [("TWITTER", "unavailable"), ("TWITTER", "rate_limit"), ("BLUESKY", "garbage")],
)
async def test_trouble_that_passes_leaves_the_account_and_is_tried_again_later(
    installation: Installation, platform: str, kind: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    before = await secrets_of(installation, account)
    await installation.fault(kind=kind, platform=platform, effect="token", times=3)
    waited = []

    installation.clock.now = (await row_of(installation, account)).renew_at
    for _ in range(3):
        await installation.errands()
        row = await row_of(installation, account)
        waited.append(row.renew_at - installation.clock())
        installation.clock.now = row.renew_at
    assert await secrets_of(installation, account) == before
    await installation.errands()

    assert all(wait >= timedelta(minutes=1 << tries) for tries, wait in enumerate(waited))
    assert (await row_of(installation, account)).tries == 0
    assert await secrets_of(installation, account) != before
    assert await told(installation, account) == ["account.connected"]


async def test_a_token_that_is_still_good_serves_while_a_new_one_cannot_be_had(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    await speak_for(installation, "TWITTER", account)
    await installation.fault(kind="unavailable", platform="TWITTER", effect="token", times=9)

    installation.clock.now += LIVES["TWITTER"] - timedelta(minutes=1)
    post = await installation.publish("TWITTER")

    assert post["status"] == "published"


async def test_a_token_that_has_ended_and_cannot_be_renewed_now_puts_the_post_off(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    await speak_for(installation, "TWITTER", account)
    await installation.fault(kind="unavailable", platform="TWITTER", effect="token")

    installation.clock.now += LIVES["TWITTER"]
    post = await installation.publish("TWITTER")
    assert (post["status"], post["platforms"][0]["nextRetryAt"] is not None) == ("failed", True)
    installation.clock.advance(minutes=2)
    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"


@renewed_networks
async def test_renewing_at_once_can_be_asked_for(installation: Installation, platform: str) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    before = await secrets_of(installation, account)

    answer = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert answer.json() == {"success": True, "message": None}
    assert (await secrets_of(installation, account))["accessToken"] != before["accessToken"]


async def test_where_nothing_can_be_renewed_the_network_is_asked_instead(
    installation: Installation,
) -> None:
    good, revoked = installation.account("MASTODON"), installation.account("TELEGRAM")
    await installation.fault(kind="revoked_token", platform="TELEGRAM", times=9)

    answers = [
        (await installation.api.post(f"/v1/accounts/{account}/refresh")).json()
        for account in (good, revoked)
    ]

    assert answers == [
        {"success": True, "message": None},
        {"success": False, "message": "Telegram: Unauthorized"},
    ]


async def test_a_renewal_that_cannot_be_had_now_says_so(installation: Installation) -> None:
    account = await connect(installation, "TWITTER")
    await installation.fault(kind="unavailable", platform="TWITTER", effect="token")

    answer = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)


async def test_a_renewal_of_what_was_taken_back_says_so_and_expires_the_account(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    await installation.withdraw("TWITTER")

    answer = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert answer.json()["success"] is False
    assert "token was invalid" in answer.json()["message"]
    assert (await shown(installation, account))["status"] == "expired"


@pytest.mark.parametrize("platform", ["TWITTER", "MASTODON", "BLUESKY"])
async def test_an_account_can_be_tested(installation: Installation, platform: str) -> None:
    account = await connect(installation, platform, redirectUri=HERE)

    tested = await installation.api.post(f"/v1/accounts/{account['id']}/test")

    body = tested.json()
    assert body["success"] is True
    assert body["details"].keys() == {"platformUserId", "username", "displayName"}
    assert body["details"]["username"] == account["username"]


async def test_a_test_that_fails_says_why_and_whether_to_connect_again(
    installation: Installation,
) -> None:
    account = installation.account("MASTODON")

    async def test() -> dict[str, Any]:
        answer = await installation.api.post(f"/v1/accounts/{account}/test")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    await installation.fault(kind="accept_then_500", platform="MASTODON", effect="poll")
    unclear = await test()
    await installation.fault(kind="unavailable", platform="MASTODON", effect="poll")
    busy = await test()
    status = (await shown(installation, {"id": account}))["status"]
    await installation.fault(kind="revoked_token", platform="MASTODON", effect="poll")
    revoked = await test()

    assert [each["success"] for each in (unclear, busy, revoked)] == [False] * 3
    assert "cannot be asked now" in unclear["message"]
    assert status == "active"
    assert revoked["message"] == "Mastodon: The access token was revoked"
    assert (await shown(installation, {"id": account}))["status"] == "expired"


async def test_an_account_that_turns_out_to_be_well_goes_on_with_its_posts(
    installation: Installation,
) -> None:
    account = installation.account("MASTODON")
    await installation.fault(kind="revoked_token", platform="MASTODON", effect="publish")
    post = await installation.publish("MASTODON")
    assert post["platforms"][0]["heldReason"] == "account"

    tested = await installation.api.post(f"/v1/accounts/{account}/test")
    await installation.errands()
    await installation.run_due()

    assert tested.json()["success"] is True
    assert (await shown(installation, {"id": account}))["status"] == "active"
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_a_post_that_goes_out_shows_that_its_account_is_well_again(
    installation: Installation,
) -> None:
    account = installation.account("MASTODON")
    await installation.fault(kind="revoked_token", platform="MASTODON", effect="publish")
    held = await installation.publish("MASTODON")

    await installation.publish("MASTODON")
    await installation.errands()
    await installation.run_due()

    assert (await shown(installation, {"id": account}))["status"] == "active"
    assert (await installation.get(held["id"]))["status"] == "published"


async def test_an_account_is_disconnected_once(installation: Installation) -> None:
    account = {"id": installation.account("MASTODON")}
    path = f"/v1/accounts/{account['id']}"
    await installation.api.delete(path)

    again = await installation.api.delete(path)

    assert again.json() == {"success": True}
    assert await told(installation, account) == ["account.connected", "account.disconnected"]


async def test_credentials_that_speak_for_somebody_else_by_now_are_noticed(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    other = await connect(installation, "TWITTER", "otto")
    moved = update(AccountSecret).where(
        AccountSecret.account_id == ids.from_typeid("acc", account["id"])
    )
    secrets = await secrets_of(installation, other)
    sealed = seal(
        installation.services.vault,
        secrets,
        installation.workspace_id,
        ids.from_typeid("acc", account["id"]),
    )
    await installation.db.write(
        lambda session: session.execute(moved.values(sealed=sealed)).close()
    )

    tested = await installation.api.post(f"/v1/accounts/{account['id']}/test")

    assert tested.json() == {
        "success": False,
        "message": "X knows the credentials as otto's",
        "details": None,
    }


async def test_sessions_of_accounts_with_a_password_are_renewed_ahead_too(
    installation: Installation,
) -> None:
    password = {"identifier": "otto", "appPassword": "sandbox:otto"}
    body = {"platform": "bluesky", "credentials": password, "serverUrl": "https://bsky.social"}
    account = (await installation.api.post("/v1/accounts", json=body)).json()
    before = await secrets_of(installation, account)

    installation.clock.now = (await row_of(installation, account)).renew_at
    await installation.errands()

    after = await secrets_of(installation, account)
    assert after["accessJwt"] != before["accessJwt"]
    assert {name: after[name] for name in password} == password
