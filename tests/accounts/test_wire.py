"""Between a Call and the network: credentials on the way out, a plain Reply on the way in."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from accounts.visitor import (
    LOOK,
    POST,
    Answer,
    Front,
    Plain,
    Visitor,
    always,
    hang_up,
    html,
)
from installation import MASTER_KEY, Clock
from oncue.accounts.vault import parse_keys
from oncue.accounts.wire import Wire
from oncue.connectors.base import Call, Identity, Refusal, Refused, Reply, Unclear
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.spec import Media
from oncue.db.open import open_database
from oncue.lib.http import HttpClient
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

SECRETS = {"accessToken": "token 1"}


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    made = Front(sessions=1)
    async with made.open() as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
async def wire(tmp_path: Path, clock: Clock) -> AsyncIterator[Wire]:
    """A wire to networks at their own addresses; its database is never asked for anything."""
    db, http = open_database(Settings(data_dir=tmp_path)), HttpClient(timeout=2)

    async def file_of(media: Media) -> Path:
        return tmp_path / media.key

    yield Wire(
        http=http,
        settings=Settings(),
        db=db,
        vault=parse_keys(MASTER_KEY),
        now=clock,
        media_file=file_of,
    )
    await http.close()
    await db.close()


async def test_credentials_go_out_and_do_not_come_back(wire: Wire, front: Front) -> None:
    reply = await wire.send(Plain(), LOOK, SECRETS, front.url)

    assert front.asked == [("/look", "Bearer token 1")]
    assert reply == Reply(200, {"id": "7"}, {"retry-after": "3", **date_of(reply)})
    assert LOOK.headers == {}


def date_of(reply: Reply) -> dict[str, str]:
    return {"date": reply.headers["date"]}


async def test_of_the_headers_those_are_kept_that_a_connector_may_need(
    wire: Wire, front: Front
) -> None:
    async def talkative(_request: web.Request) -> web.Response:
        headers = {"X-RateLimit-Reset": "7", "ETag": "e", "X-Request-Token": "canary"}
        return web.json_response({}, headers=headers)

    front.answers["/look"] = talkative

    reply = await wire.send(Plain(), LOOK, SECRETS, front.url)

    assert reply.headers == {"x-ratelimit-reset": "7", "etag": "e", **date_of(reply)}


async def test_an_address_the_network_itself_gave_is_used_as_it_is(
    wire: Wire, front: Front
) -> None:
    await wire.send(Plain(), Call("GET", f"{front.url}/look"), SECRETS, "http://elsewhere.test")

    assert front.paths() == ["/look"]


@pytest.mark.parametrize(
    ("given", "server", "base"),
    [
        (Settings(), "", "https://plain.test"),
        (Settings(), "https://own.test/", "https://own.test"),
        (Settings(sandbox_url="http://sandbox"), "https://own.test", "http://sandbox/plain"),
        (
            Settings(sandbox_url="http://sandbox", platform_urls={"PLAIN": "http://set/"}),
            "https://own.test",
            "http://set",
        ),
    ],
)
async def test_a_setting_goes_before_the_sandbox_and_that_before_the_accounts_server(
    wire: Wire, given: Settings, server: str, base: str
) -> None:
    assert replace(wire, settings=given).base_url(Plain(), server) == base


async def test_a_file_goes_out_as_the_body_with_its_type(
    wire: Wire, front: Front, tmp_path: Path
) -> None:
    (tmp_path / "m1").write_bytes(b"GIF89a")
    received: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((request.content_type, await request.read()))
        return web.json_response({})

    front.answers["/upload"] = take
    gif = Media(id="1", key="m1", type="image/gif", bytes=6, sha256="")

    await wire.send(Plain(), Call("POST", "/upload", body=gif), SECRETS, front.url)

    assert received == [("image/gif", b"GIF89a")]


async def test_a_refusal_says_what_it_means(wire: Wire, front: Front) -> None:
    front.answers["/look"] = always(429, {"error": "slow down"})

    with pytest.raises(Refused) as refused:
        await wire.send(Plain(), LOOK, SECRETS, front.url)

    assert refused.value.meaning is Refusal.RATE_LIMITED


@pytest.mark.parametrize(
    "answer", [html, always(500), always(302)], ids=["html", "500", "a redirect"]
)
async def test_an_answer_that_tells_nothing_is_unclear(
    wire: Wire, front: Front, answer: Answer
) -> None:
    front.answers["/post"] = answer

    with pytest.raises(Unclear):
        await wire.send(Plain(), POST, SECRETS, front.url)


async def test_a_cut_connection_is_no_answer_and_a_refused_one_was_not_used(
    wire: Wire, front: Front, free_port: int
) -> None:
    front.answers["/post"] = hang_up

    with pytest.raises(NoAnswer):
        await wire.send(Plain(), POST, SECRETS, front.url)
    with pytest.raises(NotSent):
        await wire.send(Plain(), POST, SECRETS, f"http://127.0.0.1:{free_port}")


async def test_identifying_somebody_earns_a_session_where_the_network_has_them(
    wire: Wire, front: Front
) -> None:
    maria = Identity(native_id="7", username="maria", display_name="Maria")

    with_session = await wire.identify(Visitor(), {"password": "p"}, front.url)
    without = await wire.identify(Plain(), {"accessToken": "token 2"}, front.url)

    assert with_session == (maria, {"password": "p", "accessToken": "token 2"})
    assert without == (maria, {"accessToken": "token 2"})


async def test_an_exchange_does_not_show_what_it_carries() -> None:
    exchange = next(Visitor().sign_in({"password": "canary"}))

    assert exchange.json == {"password": "canary"}
    assert "canary" not in repr(exchange)


async def test_a_session_is_not_believed_before_it_is_there(wire: Wire, front: Front) -> None:
    front.answers["/session"] = always(200, {"name": "no token in here"})

    with pytest.raises(Refused, match="token") as refused:
        await wire.identify(Visitor(), {"password": "p"}, front.url)

    assert refused.value.meaning is Refusal.TRY_LATER
