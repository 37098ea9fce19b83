"""A line to one account: its session is renewed in time, once, and stored before it is used."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from accounts.visitor import (
    LIVES,
    LOOK,
    Answer,
    Front,
    Plain,
    Visitor,
    always,
    hang_up,
    html,
    no_file,
)
from installation import MASTER_KEY, Clock, no_names
from oncue.accounts import credentials, service
from oncue.accounts.credentials import Nothing
from oncue.accounts.line import Line
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.tokens import MARGIN
from oncue.accounts.vault import Vault, parse_keys
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused
from oncue.connectors.base import Connector, Identity, Secrets
from oncue.db.database import Database
from oncue.db.open import open_database
from oncue.lib.addresses import NOTHING
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient
from oncue.lib.outbound import GuardedClient
from oncue.settings import Settings
from oncue.workspaces import service as workspaces

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


@dataclass
class Place:
    """An account on the network of our own making, and what it takes to speak for it."""

    db: Database
    wire: Wire
    clock: Clock
    front: Front
    account: Account
    vault: Vault = field(default_factory=lambda: parse_keys(MASTER_KEY))

    def line(self, connector: Connector | None = None) -> Line:
        """A line as a run of a publication has it: it knows nothing of earlier ones."""
        return Line(
            self.wire,
            connector or Visitor(),
            self.account.id,
            self.account.workspace_id,
            self.front.url,
        )

    async def keep(self, secrets: Secrets, expires_at: datetime | None = None) -> None:
        await self.db.write(
            lambda session: credentials.store(
                session,
                self.vault,
                self.account.workspace_id,
                self.account.id,
                secrets,
                expires_at,
                self.clock(),
            )
        )

    async def kept(self) -> tuple[Secrets, datetime | None] | None:
        held = await self.db.read(
            lambda session: credentials.load(
                session, self.vault, self.account.workspace_id, self.account.id
            )
        )
        return None if isinstance(held, Nothing) else (held.secrets, held.expires_at)


@pytest.fixture
async def place(settings: Settings, clock: Clock) -> AsyncIterator[Place]:
    db, http, vault = open_database(settings), HttpClient(timeout=2), parse_keys(MASTER_KEY)
    maria = Identity(native_id="7", username="maria", display_name="Maria")
    new = NewAccount(platform="PLAIN", credentials={"password": "p"})

    def connect(session: Any) -> Account:
        owner = workspaces.create(session, "Test", clock()).id
        return service.connect(session, vault, owner, new, maria, clock())

    account = await db.write(connect)
    front = Front()
    async with front.open() as server:
        front.url = str(server.make_url("")).rstrip("/")
        wire = Wire(
            http=http,
            guarded=GuardedHttp(GuardedClient(NOTHING, resolver=no_names)),
            settings=Settings(platform_urls={"PLAIN": front.url}),
            db=db,
            vault=vault,
            now=clock,
            chance=lambda: 0.0,
            media_file=no_file,
            media_address=str,
        )
        yield Place(db, wire, clock, front, account)
    await http.close()
    await db.close()


async def test_the_first_call_signs_in_and_keeps_the_session_beside_the_password(
    place: Place,
) -> None:
    await place.line().send(LOOK)

    assert place.front.asked == [("/session", ""), ("/look", "Bearer token 1")]
    assert await place.kept() == (
        {"password": "p", "accessToken": "token 1"},
        place.clock() + LIVES,
    )


async def test_a_session_is_stored_before_it_is_used(place: Place) -> None:
    kept_when_used: list[object] = []

    async def look(_request: web.Request) -> web.Response:
        kept_when_used.append(await place.kept())
        return web.json_response({})

    place.front.answers["/look"] = look

    await place.line().send(LOOK)

    secrets = {"password": "p", "accessToken": "token 1"}
    assert kept_when_used == [(secrets, place.clock() + LIVES)]


async def test_a_session_that_lasts_is_used_by_every_line(place: Place) -> None:
    await place.line().send(LOOK)
    await place.line().send(LOOK)

    assert place.front.paths() == ["/session", "/look", "/look"]


async def test_a_session_about_to_end_is_renewed_ahead_of_time(place: Place) -> None:
    await place.line().send(LOOK)

    place.clock.now += LIVES - MARGIN - SECOND
    await place.line().send(LOOK)
    place.clock.now += SECOND
    await place.line().send(LOOK)

    assert place.front.paths() == ["/session", "/look", "/look", "/session", "/look"]


async def test_a_session_that_ended_early_is_renewed_once_and_the_call_repeated(
    place: Place,
) -> None:
    await place.line().send(LOOK)
    place.front.sessions += 1  # somebody signed in elsewhere, and our token is no longer good

    reply = await place.line().send(LOOK)

    assert reply.status == 200
    assert place.front.asked[2:] == [
        ("/look", "Bearer token 1"),
        ("/session", ""),
        ("/look", "Bearer token 3"),
    ]
    assert await place.kept() == (
        {"password": "p", "accessToken": "token 3"},
        place.clock() + LIVES,
    )


async def test_a_call_refused_with_a_new_session_too_is_not_tried_for_ever(place: Place) -> None:
    place.front.answers["/look"] = always(401)

    with pytest.raises(Refused) as refused:
        await place.line().send(LOOK)

    assert refused.value.meaning is Refusal.EXPIRED
    assert place.front.paths() == ["/session", "/look", "/session", "/look"]


async def test_calls_that_find_the_session_ended_at_once_renew_it_once(place: Place) -> None:
    line = place.line()
    await line.send(LOOK)
    place.front.sessions += 1

    await asyncio.gather(*(line.send(LOOK) for _ in range(5)))

    assert place.front.paths().count("/session") == 2


async def test_a_token_without_a_session_behind_it_has_to_be_connected_again(
    place: Place,
) -> None:
    await place.keep({"accessToken": "revoked"})

    with pytest.raises(Refused) as refused:
        await place.line(Plain()).send(LOOK)

    assert refused.value.meaning is Refusal.RECONNECT
    assert place.front.paths() == ["/look"]


async def test_without_secrets_nothing_is_sent(place: Place) -> None:
    await place.db.write(
        lambda session: service.disconnect(
            session, place.account.workspace_id, place.account.id, place.clock()
        )
    )

    with pytest.raises(Refused) as refused:
        await place.line().send(LOOK)

    assert refused.value.meaning is Refusal.RECONNECT
    assert place.front.asked == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (always(403), Refusal.RECONNECT),
        (always(400), Refusal.REJECTED),
        (always(429), Refusal.RATE_LIMITED),
        (always(503), Refusal.TRY_LATER),
        (always(500), Refusal.TRY_LATER),
        (html, Refusal.TRY_LATER),
        (hang_up, Refusal.TRY_LATER),
        (always(200, {"no": "token"}), Refusal.TRY_LATER),
    ],
    ids=["403", "400", "429", "503", "500", "html", "a cut connection", "no token"],
)
async def test_a_session_that_cannot_be_had_refuses_the_call_and_leaves_the_secrets(
    place: Place, answer: Answer, meaning: Refusal
) -> None:
    place.front.answers["/session"] = answer

    with pytest.raises(Refused) as refused:
        await place.line().send(LOOK)

    assert refused.value.meaning is meaning
    assert "/look" not in place.front.paths()
    assert await place.kept() == ({"password": "p"}, None)
