"""Somebody with a browser, who is sent to a network's page and comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
from aiohttp import ClientSession
from pydantic.alias_generators import to_camel
from sqlalchemy import select
from yarl import URL

from installation import Installation
from oncue.accounts.credentials import Held
from oncue.accounts.models import Account
from oncue.accounts.tokens import load
from oncue.connectors.base import Secrets
from oncue.lib import ids
from oncue.outbox import Event


@dataclass(frozen=True)
class Back:
    """Where the network's page sent the browser, and with what."""

    address: str
    said: dict[str, str] = field(repr=False)


async def allow(url: str, user: str = "maria") -> Back:
    """Say yes on a page of the sandbox, as this user."""
    return await _answer(url, approve="1", user=user)


async def refuse(url: str) -> Back:
    """Say no there."""
    return await _answer(url, deny="1")


async def _answer(url: str, **said: str) -> Back:
    async with (
        ClientSession() as http,
        http.get(URL(url).extend_query(said), allow_redirects=False) as page,
    ):
        assert page.status in (302, 303), await page.text()
        parts = urlsplit(page.headers["location"])
    return Back(parts._replace(query="").geturl(), dict(parse_qsl(parts.query)))


async def begin(oncue: Installation, platform: str, **body: Any) -> dict[str, Any]:
    """POST /v1/accounts/connect/:platform; the answer."""
    answer = await oncue.api.post(f"/v1/accounts/connect/{platform.lower()}", json=body)
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def come_back(oncue: Installation, back: Back) -> httpx.Response:
    """The browser's own request at our address: it has no key."""
    headers = {"authorization": "", "host": "evil.example"}
    return await oncue.api.get("/oauth/callback", params=back.said, headers=headers)


async def hand_in(oncue: Installation, platform: str, back: Back, **changed: Any) -> httpx.Response:
    """POST /v1/accounts/callback/:platform with what the browser brought."""
    said = {to_camel(name): value for name, value in back.said.items()}
    body = {**said, "redirectUri": back.address, **changed}
    return await oncue.api.post(f"/v1/accounts/callback/{platform.lower()}", json=body)


async def connect(
    oncue: Installation, platform: str, user: str = "maria", **body: Any
) -> dict[str, Any]:
    """The whole way, with an address of the caller's own; the account."""
    body = {"redirectUri": "https://app.example/back"} | body
    begun = await begin(oncue, platform, **body)
    back = await allow(begun["authorizationUrl"], user)
    answer = await hand_in(oncue, platform, back)
    assert answer.status_code == 200, answer.text
    account: dict[str, Any] = answer.json()["account"]
    return account


async def speak_for(oncue: Installation, platform: str, shown: Mapping[str, Any]) -> None:
    """From now on posts of this installation to `platform` are this account's."""
    account_id = ids.from_typeid("acc", shown["id"])
    oncue.accounts[platform] = await oncue.db.read(
        lambda session: session.get_one(Account, account_id)
    )


async def shown(oncue: Installation, account: Mapping[str, Any]) -> dict[str, Any]:
    answer = await oncue.api.get(f"/v1/accounts/{account['id']}")
    found: dict[str, Any] = answer.json()
    return found


async def secrets_of(oncue: Installation, account: Mapping[str, Any]) -> Secrets:
    account_id = ids.from_typeid("acc", account["id"])
    held = await load(oncue.services.wire, oncue.workspace_id, account_id)
    assert isinstance(held, Held)
    return held.secrets


async def told(oncue: Installation, account: Mapping[str, Any]) -> list[str]:
    """What happened to an account, in order, as webhooks are told."""
    events = await oncue.db.read(
        lambda session: session.scalars(select(Event).order_by(Event.seq)).all()
    )
    return [event.type for event in events if event.data.get("id") == account["id"]]
