"""No secret turns up in a log, an answer, a row, a file, a metric or a delivery (quality.md A10).

Everything is driven that can go well or badly, against networks and receivers that repeat what
they are sent, with logs at their most talkative.
"""

import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from installation import Clock, Installation, install
from loopback import Served, answering, serving
from oncue.accounts import credentials
from oncue.accounts.credentials import Held
from oncue.db.open import open_database
from oncue.lib import ids, logs
from oncue.settings import Settings
from scenarios.canaries import (
    CREDENTIALS,
    Parrot,
    Seen,
    backup,
    files,
    of_accounts,
    of_the_master_key,
    rows,
)
from scenarios.on_pages import connect_on_pages
from webhooks.hooks import to_loopback

pytestmark = pytest.mark.anyio

EVERYWHERE: Final = tuple(CREDENTIALS)
SERVERS: Final = {"MASTODON": "https://mastodon.sandbox.test"}
FAULTS: Final = (
    "reject",
    "unavailable",
    "accept_then_drop",
    "accept_then_500",
    "garbage",
    "expired_token",
    "revoked_token",
)
THE_OTHERS: Final = ("aiohttp.access", "aiohttp.server", "httpx2")  # networks, and the client


@dataclass
class Scene:
    """An installation, what was seen of it, and the secrets it has made or been given."""

    oncue: Installation
    networks: Parrot
    seen: Seen
    log: StringIO
    secrets: set[str] = field(default_factory=set)

    async def asks(self, method: str, path: str, **request: Any) -> Any:
        answer = await self.oncue.api.request(method, path, **request)
        return answer.json() if answer.text else None

    async def is_told(self, method: str, path: str, **request: Any) -> Any:
        """Ask for what is answered with a secret, and keep the secret in mind."""
        told = await self._is_let_know(method, path, **request)
        self.secrets.add(told["secret"])
        return told

    async def is_begun(self, path: str, **request: Any) -> Any:
        """Ask for the way to a network's page, which has a state in it."""
        told = await self._is_let_know("POST", path, **request)
        self.secrets.add(told["state"])
        return told

    async def _is_let_know(self, method: str, path: str, **request: Any) -> Any:
        self.seen.is_telling = True
        told = await self.asks(method, path, **request)
        self.seen.is_telling = False
        return told


@pytest.fixture
async def scene(
    settings: Settings,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    said = StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    logs.configure("debug")
    caplog.set_level(logging.DEBUG)
    db, networks = open_database(settings), Parrot(timeout=2)
    async with install(settings, db, clock, networks, to_loopback()) as oncue:
        seen = Seen()
        oncue.api.event_hooks = {"request": [], "response": [seen.hears]}
        yield Scene(oncue, networks, seen, said, of_accounts() | of_the_master_key() | {oncue.key})
    await db.close()


async def test_no_secret_turns_up_anywhere(
    scene: Scene,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(answering(200, b"thanks")) as receiver, serving(*refusals(scene)) as broken:
        endpoints = [await hook(scene, each.url) for each in (receiver, broken)]
        endpoints.append(await hook(scene, "http://127.0.0.1:9/nobody"))
        await fail_to_connect(scene)
        connected = await connect(scene)
        await publish_in_every_weather(scene, connected)
        on_pages = await connect_on_pages(scene)
        await say_it_all_wrong(scene, connected)
        await rotate_and_replay(scene, endpoints)
        await read_everything(scene, endpoints, [*connected.values(), *on_pages])
        delivered(scene, receiver, broken)
    await note_what_is_kept(scene, settings, tmp_path)
    note_what_was_logged(scene, caplog)
    scene.secrets |= scene.networks.heard

    assert len(scene.secrets) > 12
    assert len(scene.seen.texts) > 60
    assert scene.seen.where(scene.secrets) == set()
    assert scene.seen.where({connected["MASTODON"]})  # what is looked for would be found


def refusals(scene: Scene) -> list[Any]:
    """A receiver that shows what it expects, as it should not."""

    async def tell(writer: Any) -> None:
        known = " ".join(secret for secret in scene.secrets if secret.startswith("whsec_"))
        writer.write(answering(401, f"the signature is not made with one of {known}".encode()))
        await writer.drain()

    return [tell]


async def hook(scene: Scene, url: str) -> Mapping[str, Any]:
    """An endpoint that wants to hear of everything; asked for twice under one key."""
    request = {"json": {"url": url}, "headers": {"idempotency-key": f"for {url}"}}
    first: dict[str, Any] = await scene.is_told("POST", "/v1/webhooks", **request)
    assert await scene.is_told("POST", "/v1/webhooks", **request) == first
    return first


async def fail_to_connect(scene: Scene) -> None:
    for kind in ("revoked_token", "expired_token"):
        for platform in EVERYWHERE:
            await scene.oncue.fault(kind=kind, platform=platform, times=2)
            body = connecting(platform)
            assert "id" not in await scene.asks("POST", "/v1/accounts", json=body)
        await scene.oncue.forgive()


async def connect(scene: Scene) -> dict[str, str]:
    """Connect an account everywhere; its id."""
    return {
        platform: (await scene.asks("POST", "/v1/accounts", json=connecting(platform)))["id"]
        for platform in EVERYWHERE
    }


def connecting(platform: str) -> dict[str, Any]:
    named = {"serverUrl": SERVERS[platform]} if platform in SERVERS else {}
    return {"platform": platform, "credentials": CREDENTIALS[platform], **named}


async def publish_in_every_weather(scene: Scene, connected: Mapping[str, str]) -> None:
    body = {"content": "Hello", "accountIds": list(connected.values())}
    for kind in ("", *FAULTS):
        if kind:
            await scene.oncue.fault(kind=kind, times=8)
        post = await scene.asks("POST", "/v1/posts", json=body)
        await scene.asks("POST", f"/v1/posts/{post['id']}/publish")
        for _ in range(3):
            await scene.oncue.run_due()
            scene.oncue.clock.advance(minutes=10)
        await scene.oncue.forgive()
        await scene.asks("GET", f"/v1/posts/{post['id']}")
        await scene.asks("POST", f"/v1/posts/{post['id']}/unpublish")
        await note_sessions(scene, connected)
        await connect(scene)
    await scene.oncue.errands()


async def note_sessions(scene: Scene, connected: Mapping[str, str]) -> None:
    """What the networks have given for the credentials is secret too."""
    vault, owner = scene.oncue.services.vault, scene.oncue.workspace_id
    for account in connected.values():
        load = partial(credentials.load, vault=vault, workspace_id=owner)
        account_id: UUID = ids.from_typeid("acc", account)
        held = await scene.oncue.db.read(partial(load, account_id=account_id))
        found = held.secrets if isinstance(held, Held) else {}
        scene.secrets |= {found[name] for name in ("accessJwt", "refreshJwt") if name in found}


async def say_it_all_wrong(scene: Scene, connected: Mapping[str, str]) -> None:
    """Requests with a secret where it does not belong."""
    token = CREDENTIALS["MASTODON"]["accessToken"]
    well = {"platform": "MASTODON", "serverUrl": SERVERS["MASTODON"]}
    for body in (
        {**well, "credentials": token},
        {**well, "credentials": [token]},
        {**well, "credentials": {"accessToken": [token]}},
        {**well, "credentials": {"accessToken": {"value": token}}},
        {**well, "credentials": {"accesstoken": token}},
        {**well, "credentials": {"accessToken": token + "\n"}},
        {**well, "accessToken": token},
        {**well, "platform": token, "credentials": {"accessToken": token}},
        {**well, "serverUrl": 5, "credentials": {"accessToken": token}},
        [token],
        token,
    ):
        await scene.asks("POST", "/v1/accounts", json=body)
    for content in (f'{{"credentials": "{token}', f"credentials={token}"):
        await scene.asks("POST", "/v1/accounts", content=content)
    key, named = scene.oncue.key, {"authorization": f"Bearer {token}"}
    for headers in (named, {"authorization": f"Basic {token}"}, {"authorization": key}):
        await scene.asks("GET", "/v1/accounts", headers=headers)
    for path in (f"/v1/posts/{key}", f"/v1/{key}", f"/v1/posts?status={key}", f"/api/v1/{key}"):
        await scene.asks("GET", path)
    post = {"content": "Hello", "accountIds": [key], "accessToken": token}
    await scene.asks("POST", "/v1/posts", json=post)
    await scene.asks("POST", "/v1/posts", json={"content": "Hello", "accountIds": [key]})
    await scene.asks("PATCH", f"/v1/posts/{key}", json={"content": 5})
    await scene.asks("POST", "/api/v1/posts/bulk", json={"posts": [{"text": "?", "token": token}]})
    assert connected


async def rotate_and_replay(scene: Scene, endpoints: list[Mapping[str, Any]]) -> None:
    for endpoint in endpoints:
        path = f"/v1/webhooks/{endpoint['id']}"
        await scene.is_told("POST", f"{path}/rotate-secret", json={"graceSeconds": 60})
        await scene.asks("POST", f"{path}/test")
        await scene.asks("POST", f"{path}/rotate-secret", json={"secret": endpoint["secret"]})
        await scene.asks("PATCH", path, json={"secret": endpoint["secret"]})
    await scene.asks("POST", "/v1/posts", json={"content": "More", "isManualSave": True})
    await scene.oncue.errands()
    scene.oncue.clock.advance(minutes=10)
    await scene.oncue.errands()


async def read_everything(
    scene: Scene, endpoints: list[Mapping[str, Any]], connected: Sequence[str]
) -> None:
    for endpoint in endpoints:
        path = f"/v1/webhooks/{endpoint['id']}"
        await scene.asks("GET", path)
        log = await scene.asks("GET", f"{path}/deliveries?limit=100")
        assert log["data"]
        for delivery in log["data"][:10]:
            await scene.asks("GET", f"{path}/deliveries/{delivery['id']}")
    for account in connected:
        await scene.asks("GET", f"/v1/accounts/{account}")
    for path in ("/v1/posts", "/v1/accounts?status=all", "/v1/webhooks", "/v1/auth/me"):
        await scene.asks("GET", path)
    for path in ("/metrics", "/openapi.json"):
        await scene.oncue.api.get(path)


def delivered(scene: Scene, *receivers: Served) -> None:
    for receiver in receivers:
        assert receiver.asked
        for request in receiver.asked:
            scene.seen.add("a delivery", request.decode("latin-1"))


async def note_what_is_kept(scene: Scene, settings: Settings, tmp_path: Path) -> None:
    for table, row in await scene.oncue.db.read(lambda session: list(rows(session))):
        scene.seen.add(f"the table {table}", row)
    for name, content in files(settings):
        scene.seen.add(f"the file {name}", content)
    if settings.is_sqlite:
        scene.seen.add("a backup", backup(settings, tmp_path))
        assert {"the file oncue.db", "the file oncue.db-wal"} <= scene.seen.texts.keys()


def note_what_was_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    assert '"event": "destination_settled"' in scene.log.getvalue()
    scene.seen.add("the log", scene.log.getvalue())
    for record in caplog.records:
        if record.name not in THE_OTHERS:
            scene.seen.add(f"the log of {record.name}", caplog.handler.format(record))
