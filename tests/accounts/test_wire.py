"""Between a Call and the network: credentials on the way out, a plain Reply on the way in."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from accounts.visitor import LOOK, POST, Answer, Front, Plain, Visitor, always, hang_up, html
from installation import MASTER_KEY, Clock, no_names
from oncue.accounts.places import Place
from oncue.accounts.vault import parse_keys
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear
from oncue.connectors.base import Call, Identity
from oncue.connectors.journal import NoAnswer, NotSent
from oncue.connectors.spec import Media
from oncue.db.open import open_database
from oncue.lib.addresses import NOTHING, Allowed
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient
from oncue.lib.outbound import GuardedClient
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
        guarded=GuardedHttp(GuardedClient(NOTHING, resolver=no_names)),
        settings=Settings(),
        db=db,
        vault=parse_keys(MASTER_KEY),
        now=clock,
        chance=lambda: 0.0,
        media_file=file_of,
        media_address=lambda name: f"https://oncue.test/{name}",
    )
    await http.close()
    await db.close()


async def test_credentials_go_out_and_do_not_come_back(wire: Wire, front: Front) -> None:
    reply = await wire.send(Plain(), LOOK, SECRETS, at(front.url))

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

    reply = await wire.send(Plain(), LOOK, SECRETS, at(front.url))

    assert reply.headers == {"x-ratelimit-reset": "7", "etag": "e", **date_of(reply)}


async def test_an_address_the_network_itself_gave_is_used_as_it_is(
    wire: Wire, front: Front
) -> None:
    await wire.send(Plain(), Call("GET", f"{front.url}/look"), SECRETS, at(f"{front.url}/api"))

    assert front.paths() == ["/look"]


async def test_an_address_elsewhere_that_a_network_gave_is_called_with_the_guard(
    wire: Wire, front: Front
) -> None:
    with pytest.raises(NotSent, match="no public address"):
        await wire.send(Plain(), Call("GET", f"{front.url}/look"), SECRETS, at("http://other.test"))

    assert front.paths() == []


async def test_a_server_that_a_user_named_is_called_with_the_guard(
    wire: Wire, front: Front
) -> None:
    port = int(front.url.rpartition(":")[2])
    opened = Allowed.parse(f"127.0.0.1:{port}")
    open_wire = replace(wire, guarded=GuardedHttp(GuardedClient(opened, resolver=no_names)))
    named = wire.place(Plain(), front.url)

    with pytest.raises(NotSent, match="no public address"):
        await wire.send(Plain(), LOOK, SECRETS, named)
    assert front.paths() == []
    await open_wire.send(Plain(), LOOK, SECRETS, named)

    assert front.asked == [("/look", "Bearer token 1")]


@pytest.mark.parametrize(
    ("given", "server", "place"),
    [
        (Settings(), "", Place(url="https://plain.test", is_trusted=True)),
        (Settings(), "https://own.test/", Place(url="https://own.test", is_trusted=False)),
        (
            Settings(sandbox_url="http://sandbox"),
            "https://own.test",
            Place(url="http://sandbox/plain", is_trusted=True, is_configured=True),
        ),
        (
            Settings(sandbox_url="http://sandbox", platform_urls={"PLAIN": "http://set/"}),
            "https://own.test",
            Place(url="http://set", is_trusted=True, is_configured=True),
        ),
    ],
)
async def test_a_setting_goes_before_the_sandbox_and_that_before_the_accounts_server(
    wire: Wire, given: Settings, server: str, place: Place
) -> None:
    assert replace(wire, settings=given).place(Plain(), server) == place


async def test_a_file_that_the_network_fetches_is_named_by_an_address(
    wire: Wire, front: Front
) -> None:
    received: list[object] = []

    async def take(request: web.Request) -> web.Response:
        said = await request.json() if request.can_read_body else None
        received.append((dict(request.query), said))
        return web.json_response({})

    front.answers["/upload"] = take
    gif = Media(id="1", key="m1", type="image/gif", bytes=6, sha256="")
    nested = {"source": [{"url": gif.address, "kind": "gif"}], "count": 1}
    calls = [
        Call("POST", "/upload", json=nested),
        Call("POST", "/upload", query={"image_url": gif.address}),
    ]

    for call in calls:
        await wire.send(Plain(), call, SECRETS, at(front.url))

    there = "https://oncue.test/1/m1"
    assert received == [
        ({}, {"source": [{"url": there, "kind": "gif"}], "count": 1}),
        ({"image_url": there}, None),
    ]


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

    await wire.send(Plain(), Call("POST", "/upload", body=gif), SECRETS, at(front.url))

    assert received == [("image/gif", b"GIF89a")]


async def test_a_refusal_says_what_it_means(wire: Wire, front: Front) -> None:
    front.answers["/look"] = always(429, {"error": "slow down"})

    with pytest.raises(Refused) as refused:
        await wire.send(Plain(), LOOK, SECRETS, at(front.url))

    assert refused.value.meaning is Refusal.RATE_LIMITED


@pytest.mark.parametrize(
    "answer", [html, always(500), always(302)], ids=["html", "500", "a redirect"]
)
async def test_an_answer_that_tells_nothing_is_unclear(
    wire: Wire, front: Front, answer: Answer
) -> None:
    front.answers["/post"] = answer

    with pytest.raises(Unclear):
        await wire.send(Plain(), POST, SECRETS, at(front.url))


async def test_a_cut_connection_is_no_answer_and_a_refused_one_was_not_used(
    wire: Wire, front: Front, free_port: int
) -> None:
    front.answers["/post"] = hang_up

    with pytest.raises(NoAnswer):
        await wire.send(Plain(), POST, SECRETS, at(front.url))
    with pytest.raises(NotSent):
        await wire.send(Plain(), POST, SECRETS, at(f"http://127.0.0.1:{free_port}"))


async def test_a_network_says_whose_credentials_they_are(wire: Wire, front: Front) -> None:
    found = await wire.identify(Plain(), SECRETS, "", at(front.url))

    assert found == Identity(native_id="7", username="maria", display_name="Maria")
    assert front.asked == [("/me", "Bearer token 1")]


async def test_an_exchange_does_not_show_what_it_carries() -> None:
    exchange = next(Visitor().sign_in({"password": "canary"}))

    assert exchange.json == {"password": "canary"}
    assert "canary" not in repr(exchange)


def at(url: str) -> Place:
    """A place that an operator has named."""
    return Place(url=url, is_trusted=True)
