"""Servers that users name: judged when they are named, and again with every call."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from installation import Installation, no_names
from loopback import Names
from oncue.accounts import oauth
from oncue.accounts.connecting import connect_account
from oncue.accounts.line import Line
from oncue.accounts.oauth import Wanted
from oncue.accounts.service import NewAccount
from oncue.accounts.wire import Wire
from oncue.connectors.base import Call
from oncue.connectors.journal import NotSent
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Invalid, Unavailable
from oncue.lib.addresses import NOTHING, Allowed
from oncue.lib.guarded import GuardedHttp
from oncue.lib.outbound import GuardedClient

pytestmark = pytest.mark.anyio

HOSTILE: Final = (
    "http://127.0.0.1",
    "https://127.0.0.1",
    "https://10.0.0.1",
    "https://169.254.169.254",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://2130706433",
    "https://localhost:8080",
    "https://inside.test",
    "https://half.test",
    "http://mastodon.test",
    "https://mastodon.test:22",
    "https://user@mastodon.test",
    "ftp://mastodon.test",
    "mastodon.test",
)


def wire_of(oncue: Installation, *, opened: str = "", **names: list[list[str]]) -> Wire:
    """How an installation without a sandbox reaches the networks."""
    resolver = Names(**names) if names else no_names
    allowed = Allowed.parse(opened) if opened else NOTHING
    wire = oncue.services.wire
    return replace(
        wire,
        settings=replace(wire.settings, sandbox_url=""),
        guarded=GuardedHttp(GuardedClient(allowed, resolver=resolver), timeout=2),
    )


@pytest.fixture
async def hostile(installation: Installation) -> Wire:
    return wire_of(
        installation,
        inside_test=[["10.1.2.3"]],
        half_test=[["93.184.216.34", "127.0.0.1"]],
        mastodon_test=[["93.184.216.34"]],
    )


@pytest.mark.parametrize("server", HOSTILE)
async def test_an_address_that_may_not_be_called_is_refused_when_it_is_named(
    installation: Installation, hostile: Wire, server: str
) -> None:
    owner = installation.workspace_id
    credentials = {"accessToken": "x"}
    new = NewAccount(platform="MASTODON", credentials=credentials, server=server)

    with pytest.raises(Invalid) as on_the_page:
        await oauth.begin(hostile, owner, Wanted(platform="MASTODON", server=server))
    with pytest.raises(Invalid) as with_credentials:
        await connect_account(hostile, owner, new)
    with pytest.raises(Invalid) as as_a_pds:
        await oauth.begin(hostile, owner, Wanted(platform="BLUESKY", server=server))

    for refused in (on_the_page, with_credentials, as_a_pds):
        [issue] = refused.value.issues
        assert (issue.field, issue.code) == ("serverUrl", "URL_NOT_ALLOWED")


async def test_a_handle_leads_nowhere_it_should_not(
    installation: Installation, hostile: Wire
) -> None:
    wanted = Wanted(platform="MASTODON", handle="@maria@inside.test")

    with pytest.raises(Invalid) as refused:
        await oauth.begin(hostile, installation.workspace_id, wanted)

    assert refused.value.issues[0].code == "URL_NOT_ALLOWED"


async def test_a_server_whose_name_comes_to_mean_something_else_is_not_called(
    installation: Installation,
) -> None:
    wire = wire_of(installation, moved_test=[["93.184.216.34"], ["127.0.0.1"]])
    account = await installation.new_account("MASTODON", "maria")
    server = "https://moved.test"
    await wire.guarded.check(server)
    line = Line(wire, CONNECTORS["MASTODON"], account.id, account.workspace_id, server)

    with pytest.raises(NotSent, match="no public address"):
        await line.send(Call("GET", "/api/v1/accounts/verify_credentials"))


class Elsewhere:
    """A Bluesky server that sends people and us wherever the test wants."""

    def __init__(self) -> None:
        self.url = ""
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []

    def open(self) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return TestServer(app)

    def describe(self, **changed: Any) -> None:
        """Say where what is; unless told otherwise, here."""
        described = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "dpop_signing_alg_values_supported": ["ES256"],
        }
        self.documents = {
            "/.well-known/oauth-protected-resource": {"authorization_servers": [self.url]},
            "/.well-known/oauth-authorization-server": described | changed,
            "/par": {"request_uri": "urn:request"},
        }

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        found = self.documents.get(request.path)
        return web.json_response(found or {}, status=200 if found else 404)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    made = Elsewhere()
    async with made.open() as server:
        made.url = str(server.make_url("")).rstrip("/")
        made.describe()
        yield made


async def begin(oncue: Installation, elsewhere: Elsewhere) -> str:
    """Begin to connect an account there, on a machine whose operator has opened that server."""
    opened = wire_of(oncue, opened=elsewhere.url.partition("//")[2])
    wanted = Wanted(platform="BLUESKY", server=elsewhere.url)
    return (await oauth.begin(opened, oncue.workspace_id, wanted)).url


async def test_where_a_server_sends_us_is_judged_like_the_server_itself(
    installation: Installation, elsewhere: Elsewhere
) -> None:
    elsewhere.describe(pushed_authorization_request_endpoint="http://127.0.0.1:9/par")

    with pytest.raises(Unavailable, match="no public address"):
        await begin(installation, elsewhere)


@pytest.mark.parametrize("page", ["javascript:alert(1)", "http://evil.example/", "data:text/html,"])
async def test_people_are_sent_to_no_page_but_on_https(
    installation: Installation, elsewhere: Elsewhere, page: str
) -> None:
    elsewhere.describe(authorization_endpoint=page)

    with pytest.raises(Invalid, match="not on https"):
        await begin(installation, elsewhere)


async def test_people_are_sent_to_a_page_on_https(
    installation: Installation, elsewhere: Elsewhere
) -> None:
    elsewhere.describe(authorization_endpoint="https://page.example/authorize?a=b")

    url = await begin(installation, elsewhere)

    assert url.startswith("https://page.example/authorize?a=b&client_id=http%3A%2F%2Flocalhost")
    assert url.endswith("&request_uri=urn%3Arequest")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"issuer": "https://other.example"}, "names another issuer"),
        ({"dpop_signing_alg_values_supported": ["RS256"]}, "takes no proofs"),
    ],
)
async def test_a_server_that_does_not_keep_to_the_protocol_is_refused(
    installation: Installation, elsewhere: Elsewhere, changed: dict[str, Any], words: str
) -> None:
    elsewhere.describe(**changed)

    with pytest.raises(Invalid, match=words):
        await begin(installation, elsewhere)


@pytest.mark.parametrize("lacking", ["token_endpoint", "dpop_signing_alg_values_supported"])
async def test_a_server_that_says_too_little_is_asked_again_later(
    installation: Installation, elsewhere: Elsewhere, lacking: str
) -> None:
    elsewhere.describe(**{lacking: None})

    with pytest.raises(Unavailable):
        await begin(installation, elsewhere)
