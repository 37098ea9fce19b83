"""Accounts that people of the real Bluesky server connect on its own page."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.answers import invalid, problem
from browser import Back, begin, come_back, hand_in, secrets_of, shown, speak_for, told
from installation import Clock, Installation, install
from oncue.accounts import credentials
from oncue.accounts.clients import desk_of
from oncue.connectors.base import BINDING_KEY, Secrets
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.grants import error_of
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.settings import Settings
from pds.browser import allow
from pds.pds import LossyClient, Person

pytestmark = pytest.mark.anyio


async def say_yes(person: Person, begun: Mapping[str, Any]) -> Back:
    """Sign in on the server's page and allow what is asked there."""
    query = parse_qs(urlsplit(begun["authUrl"]).query)
    said = await allow(person, query["client_id"][0], query["request_uri"][0])
    assert said.pop("redirect_mode") == "query"
    return Back(said.pop("redirect_uri"), said)


async def connect(oncue: Installation, person: Person) -> dict[str, Any]:
    """The whole way, and back to us; posts to Bluesky are the person's from now on."""
    back = await say_yes(person, await begin(oncue, "BLUESKY", handle=person.handle))
    page = await come_back(oncue, back)
    assert page.status_code == 200, page.text
    listed = (await oncue.api.get("/v1/accounts", params={"platform": "bluesky"})).json()
    account: dict[str, Any] = listed["data"][-1]
    await speak_for(oncue, "BLUESKY", account)
    return account


async def keep(oncue: Installation, account: Mapping[str, Any], secrets: Secrets) -> None:
    """Have the installation hold these secrets."""
    account_id, now = ids.from_typeid("acc", account["id"]), oncue.clock()
    await oncue.db.write(
        lambda session: credentials.store(
            session, oncue.services.vault, oncue.workspace_id, account_id, secrets, None, now
        )
    )


async def test_somebody_who_says_yes_is_published_for(oncue: Installation, maria: Person) -> None:
    account = await connect(oncue, maria)

    post = await oncue.publish("BLUESKY", content="Allowed")

    assert (account["username"], account["status"]) == (maria.handle, "active")
    assert post["status"] == "published"
    assert [record["value"]["text"] for record in await maria.records()] == ["Allowed"]


async def test_the_account_can_be_tested_and_its_access_renewed_again_and_again(
    oncue: Installation, maria: Person
) -> None:
    account = await connect(oncue, maria)
    tokens = {(await secrets_of(oncue, account))["refreshToken"]}

    for _ in range(3):
        renewed = await oncue.api.post(f"/v1/accounts/{account['id']}/refresh")
        assert renewed.json() == {"success": True, "message": None}
        tokens.add((await secrets_of(oncue, account))["refreshToken"])
    tested = await oncue.api.post(f"/v1/accounts/{account['id']}/test")

    assert len(tokens) == 4
    assert tested.json()["details"] == {
        "platformUserId": maria.did,
        "username": maria.handle,
        "displayName": maria.handle,
    }


async def test_a_token_the_server_does_not_take_is_renewed_for_a_post(
    oncue: Installation, maria: Person
) -> None:
    account = await connect(oncue, maria)
    held = await secrets_of(oncue, account)
    await keep(oncue, account, {**held, "accessToken": "nonsense"})

    post = await oncue.publish("BLUESKY")

    assert post["status"] == "published"
    assert (await secrets_of(oncue, account))["refreshToken"] != held["refreshToken"]


async def test_a_refresh_token_that_was_used_ends_the_access(
    oncue: Installation, maria: Person
) -> None:
    account = await connect(oncue, maria)
    used_up = await secrets_of(oncue, account)
    await oncue.api.post(f"/v1/accounts/{account['id']}/refresh")
    await keep(oncue, account, {**used_up, "accessToken": "nonsense"})

    post = await oncue.publish("BLUESKY")

    assert (post["status"], post["platforms"][0]["heldReason"]) == ("scheduled", "account")
    assert (await shown(oncue, account))["status"] == "expired"
    assert await told(oncue, account) == ["account.connected", "account.error"]


async def test_disconnecting_ends_the_access_at_the_server(
    oncue: Installation, maria: Person
) -> None:
    account = await connect(oncue, maria)
    held = await secrets_of(oncue, account)

    await oncue.api.delete(f"/v1/accounts/{account['id']}")

    assert (await shown(oncue, account))["status"] == "disconnected"
    assert await renewing(oncue, held) == "invalid_grant"


async def renewing(oncue: Installation, held: Secrets) -> str | None:
    """What the server says of a refresh token."""
    wire, bluesky = oncue.services.wire, Bluesky()
    desk = await desk_of(wire, bluesky, oncue.workspace_id, "", held)
    asked = desk.renew(held["refreshToken"])
    return error_of(await wire.exchange(asked, wire.place(bluesky, ""), held[BINDING_KEY]))


async def test_an_answer_that_names_another_issuer_is_not_believed(
    oncue: Installation, maria: Person
) -> None:
    begun = await begin(oncue, "BLUESKY", redirectUri="http://127.0.0.1:3000/back")
    back = await say_yes(maria, begun)

    answer = await hand_in(oncue, "BLUESKY", back, iss="https://evil.example")

    assert problem(answer) == invalid("iss")


@pytest.fixture
async def public(
    settings: Settings, server: str, client: LossyClient
) -> AsyncIterator[Installation]:
    """An installation that the real server reaches under a name and with TLS, as it believes."""
    made: list[Installation] = []

    async def document(request: web.Request) -> web.Response:
        answer = await made[0].api.get(request.path, headers={"authorization": ""})
        return web.Response(body=answer.content, content_type="application/json")

    app = web.Application()
    app.router.add_get("/oauth/client-metadata.json", document)
    async with TestServer(app) as host:
        settings = replace(
            settings,
            public_url=f"https://port-{host.port}.clients.dev",
            platform_urls={"BLUESKY": server},
        )
        db = open_database(settings)
        async with install(settings, db, Clock(utc_now()), client) as oncue:
            made.append(oncue)
            yield oncue
        await db.close()


async def test_a_public_installation_is_known_by_its_document_and_proves_itself_with_its_key(
    public: Installation, maria: Person
) -> None:
    account = await connect(public, maria)

    renewed = await public.api.post(f"/v1/accounts/{account['id']}/refresh")
    post = await public.publish("BLUESKY")

    held = await secrets_of(public, account)
    assert held["clientId"] == f"{public.services.settings.public_url}/oauth/client-metadata.json"
    assert renewed.json() == {"success": True, "message": None}
    assert post["status"] == "published"
