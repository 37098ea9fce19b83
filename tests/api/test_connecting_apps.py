"""Who we are to the networks: apps made by hand, registrations, and the document about us."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from api.answers import invalid, problem
from browser import allow, begin, come_back, connect, hand_in, secrets_of
from installation import Clock, Installation, install
from oncue.accounts.models import RegisteredApp, WorkspaceApp
from oncue.db.open import open_database
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

HERE: Final = "http://127.0.0.1:3000/back"
THEIRS: Final = "https://app.example/back"
CANARY: Final = "canary-7f3a"


@pytest.fixture
async def public(settings: Settings, clock: Clock) -> AsyncIterator[Installation]:
    """An installation that the world reaches, and whose X has no app unless one is given."""
    settings = replace(
        settings,
        public_url="https://oncue.example",
        redirects=(THEIRS,),
        platform_urls={"TWITTER": "http://127.0.0.1:9/twitter"},
    )
    db = open_database(settings)
    try:
        async with install(settings, db, clock) as made:
            yield made
    finally:
        await db.close()


async def put_app(oncue: Installation, **body: Any) -> httpx.Response:
    return await oncue.api.put("/v1/apps/twitter", json=body)


async def client_of(oncue: Installation) -> str | None:
    """Who X takes us for, by the page people are sent to."""
    answer = await oncue.api.post("/v1/accounts/connect/twitter", json={"redirectUri": THEIRS})
    found: str | None = httpx.URL(answer.json()["authUrl"]).params.get("client_id")
    return found


async def test_without_an_app_the_answer_says_what_to_set(public: Installation) -> None:
    answer = await public.api.post("/v1/accounts/connect/twitter", json={})

    assert problem(answer) == invalid("platform", code="APP_MISSING")
    words = answer.json()["error"]["message"]
    assert "ONCUE_TWITTER_CLIENT_ID" in words
    assert "PUT /v1/apps/twitter" in words


async def test_a_workspaces_own_app_goes_before_the_installations(
    settings: Settings, clock: Clock
) -> None:
    settings = replace(settings, platform_apps={"TWITTER": ("everybody's", "x")})
    db = open_database(settings)
    async with install(settings, db, clock) as oncue:
        before = await client_of(oncue)
        await put_app(oncue, clientId="ours", clientSecret=CANARY)
        own = await client_of(oncue)
        key = await oncue.new_key(workspace_id=await oncue.new_workspace())
        oncue.api.headers["authorization"] = f"Bearer {key}"
        others = await client_of(oncue)
        oncue.api.headers["authorization"] = f"Bearer {oncue.key}"
        await oncue.api.delete("/v1/apps/twitter")
        after = await client_of(oncue)
    await db.close()

    assert [before, own, others, after] == ["everybody's", "ours", "everybody's", "everybody's"]


async def test_an_apps_secret_goes_in_and_never_out(installation: Installation) -> None:
    put = await put_app(installation, clientId="ours", clientSecret=CANARY)
    got = await installation.api.get("/v1/apps/twitter")
    account = await connect(installation, "TWITTER")
    wrong = await put_app(installation, clientId="ours", clientSecret=[CANARY])

    kept = await installation.db.read(
        lambda session: session.execute(select(WorkspaceApp.__table__)).one()
    )
    assert (
        put.json()
        == got.json()
        == {
            "platform": "twitter",
            "clientId": "ours",
            "updatedAt": "2026-11-22T12:00:00.000Z",
        }
    )
    assert problem(wrong) == invalid("clientSecret")
    assert (await secrets_of(installation, account))["clientId"] == "ours"
    assert [CANARY in text for text in (put.text, got.text, wrong.text, repr(kept))] == [False] * 4


async def test_a_workspace_does_not_see_anothers_app(installation: Installation) -> None:
    await put_app(installation, clientId="ours", clientSecret=CANARY)
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    headers = {"authorization": f"Bearer {key}"}

    got = await installation.api.get("/v1/apps/twitter", headers=headers)
    gone = await installation.api.delete("/v1/apps/twitter", headers=headers)

    assert problem(got) == problem(gone) == (404, "NOT_FOUND", None)
    assert (await installation.api.get("/v1/apps/twitter")).status_code == 200


@pytest.mark.parametrize("platform", ["mastodon", "bluesky", "telegram", "linkedin"])
async def test_only_networks_where_apps_are_made_by_hand_take_one(
    installation: Installation, platform: str
) -> None:
    answer = await installation.api.put(f"/v1/apps/{platform}", json={"clientId": "ours"})

    assert problem(answer) == invalid("platform")


async def test_an_account_is_renewed_by_the_app_that_connected_it(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    await put_app(installation, clientId="another", clientSecret="x")

    answer = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert answer.json()["success"] is True


async def test_a_wrong_secret_leaves_the_account_for_when_it_is_right_again(
    installation: Installation,
) -> None:
    await put_app(installation, clientId="ours", clientSecret="right")
    account = await connect(installation, "TWITTER")
    await put_app(installation, clientId="ours", clientSecret="wrong")

    wrong = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")
    await put_app(installation, clientId="ours", clientSecret="right")
    right = await installation.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert wrong.json() == {"success": False, "message": "X: Missing valid authorization header"}
    assert right.json()["success"] is True


async def test_an_app_that_the_network_does_not_take_is_named_and_not_the_code(
    installation: Installation,
) -> None:
    await put_app(installation, clientId="ours", clientSecret="right")
    begun = await begin(installation, "TWITTER", redirectUri="https://app.example/back")
    back = await allow(begun["authUrl"])
    await installation.fault(kind="reject", platform="TWITTER", effect="token")

    answer = await hand_in(installation, "TWITTER", back)

    assert problem(answer) == invalid("platform", code="APP_REFUSED")
    assert "PUT /v1/apps/twitter" in answer.json()["error"]["message"]


async def test_of_two_who_give_an_app_at_once_both_are_answered(
    installation: Installation,
) -> None:
    async def put(number: int) -> int:
        body = {"clientId": f"app {number}"}
        return (await installation.api.put("/v1/apps/twitter", json=body)).status_code

    for _ in range(4):
        answers = await asyncio.gather(*map(put, range(8)))
        await installation.api.delete("/v1/apps/twitter")

        assert set(answers) == {200}


async def registered(oncue: Installation) -> int:
    counted = select(func.count()).select_from(RegisteredApp)
    return await oncue.db.read(lambda session: session.scalar(counted) or 0)


async def test_a_server_is_registered_at_once_for_each_address_to_come_back_to(
    installation: Installation,
) -> None:
    for user in ("maria", "otto"):
        await connect(installation, "MASTODON", user)
    assert await registered(installation) == 1

    await connect(installation, "MASTODON", redirectUri=HERE)

    assert await registered(installation) == 2


async def test_a_server_that_has_forgotten_us_is_registered_at_anew(
    installation: Installation,
) -> None:
    await connect(installation, "MASTODON")
    await installation.fault(kind="reject", platform="MASTODON", effect="token")

    account = await connect(installation, "MASTODON")

    assert account["status"] == "active"
    assert await registered(installation) == 1


async def test_a_server_that_forgets_us_meanwhile_is_registered_at_the_next_time(
    installation: Installation,
) -> None:
    begun = await begin(installation, "MASTODON", redirectUri=THEIRS)
    back = await allow(begun["authUrl"])
    await installation.fault(kind="reject", platform="MASTODON", effect="token")

    refused = await hand_in(installation, "MASTODON", back)

    assert problem(refused) == invalid("code")
    assert await registered(installation) == 0
    assert (await connect(installation, "MASTODON"))["status"] == "active"


async def test_a_public_server_is_known_by_a_document_about_it(public: Installation) -> None:
    answer = await public.api.get("/oauth/client-metadata.json", headers={"authorization": ""})

    document = answer.json()
    [key] = document.pop("jwks")["keys"]
    assert document == {
        "client_id": "https://oncue.example/oauth/client-metadata.json",
        "client_name": "Oncue",
        "client_uri": "https://oncue.example",
        "application_type": "web",
        "redirect_uris": ["https://oncue.example/oauth/callback", THEIRS],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "atproto transition:generic",
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
    }
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    again = await public.api.get("/oauth/client-metadata.json")
    assert again.json()["jwks"]["keys"] == [key]


async def test_a_server_on_this_machine_has_no_document(installation: Installation) -> None:
    answer = await installation.api.get("/oauth/client-metadata.json")

    assert answer.status_code == 404


async def test_a_host_that_a_request_names_is_never_believed(installation: Installation) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}

    begun = await installation.api.post("/v1/accounts/connect/twitter", json={}, headers=headers)

    assert "evil" not in begun.text
    assert "127.0.0.1%3A8080%2Foauth%2Fcallback" in begun.json()["authUrl"]


@pytest.mark.parametrize("address", ["https://other.example/", HERE])
async def test_bluesky_lets_nobody_back_to_where_the_document_does_not_say(
    public: Installation, address: str
) -> None:
    answer = await public.api.post("/v1/accounts/connect/bluesky", json={"redirectUri": address})

    assert problem(answer) == invalid("redirectUri")
    assert "ONCUE_OAUTH_REDIRECTS" in answer.text


async def test_bluesky_lets_nobody_back_elsewhere_from_a_server_on_this_machine(
    installation: Installation,
) -> None:
    body = {"redirectUri": THEIRS}

    answer = await installation.api.post("/v1/accounts/connect/bluesky", json=body)

    assert problem(answer) == invalid("redirectUri")


async def test_a_public_server_proves_with_its_key_that_it_is_itself(public: Installation) -> None:
    account = await connect(public, "BLUESKY", redirectUri=THEIRS)

    held = await secrets_of(public, account)
    answer = await public.api.post(f"/v1/accounts/{account['id']}/refresh")

    assert held["clientId"] == "https://oncue.example/oauth/client-metadata.json"
    assert answer.json() == {"success": True, "message": None}
    public.clock.advance(days=60)  # a public client has fourteen days
    again = await public.api.post(f"/v1/accounts/{account['id']}/refresh")
    assert again.json() == {"success": True, "message": None}


async def test_bluesky_takes_this_machine_by_its_address(installation: Installation) -> None:
    begun = await begin(installation, "BLUESKY", redirectUri="http://localhost:3000/back")

    back = await allow(begun["authUrl"])

    assert back.address == HERE
    named = await hand_in(installation, "BLUESKY", back, redirectUri="http://localhost:3000/back")
    assert named.status_code == 200
    assert (await come_back(installation, back)).status_code == 400
