"""Where each network's OAuth is, and whose an account is: conversations, without HTTP."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from oncue.connectors.answers import Refusal, Refused, Reply, Unreadable
from oncue.connectors.base import BINDING_KEY, Call, Exchange
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.bluesky_oauth import METADATA, RESOURCE
from oncue.connectors.conversation import earn
from oncue.connectors.mastodon import Mastodon
from oncue.connectors.oauth import Authorises, Endpoints, Exchanges, KnownBy
from oncue.connectors.registry import CONNECTORS
from oncue.connectors.twitter import Twitter

pytestmark = pytest.mark.anyio

DID: Final = "did:plc:abcdefghijklmnopqrstuvwx"
PDS: Final = "https://pds.test"
ISSUER: Final = "https://entry.test"
DOCUMENT: Final = {
    "id": DID,
    "service": [
        {"id": "#other", "serviceEndpoint": "https://other.test"},
        {"id": "#atproto_pds", "serviceEndpoint": f"{PDS}/"},
    ],
}
DESCRIBED: Final = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "pushed_authorization_request_endpoint": f"{ISSUER}/par",
    "dpop_signing_alg_values_supported": ["RS256", "ES256"],
}
RESOURCE_OF_PDS: Final = {"authorization_servers": [ISSUER]}


async def talk(steps: Exchanges[Any], *replies: object) -> tuple[Sequence[str], Any]:
    """Play the servers' side; which addresses were asked, and the outcome."""
    asked, left = list[str](), list(replies)

    async def ask(exchange: Exchange) -> Reply:
        asked.append(exchange.path)
        assert (exchange.method, exchange.form, exchange.headers) == ("GET", None, {})
        answer = left.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return Reply(200, answer)

    result = await earn(steps, ask)
    assert left == []
    return asked, result


def test_three_networks_ask_their_people_on_pages() -> None:
    found = {
        platform: connector.oauth.known_by
        for platform, connector in CONNECTORS.items()
        if isinstance(connector, Authorises)
    }

    assert found == {
        "TWITTER": KnownBy.GIVEN,
        "BLUESKY": KnownBy.DOCUMENT,
        "MASTODON": KnownBy.REGISTERED,
    }


@pytest.mark.parametrize("connector", [Twitter(), Mastodon()])
async def test_most_have_it_at_paths_that_are_known(connector: Authorises) -> None:
    asked, endpoints = await talk(connector.endpoints("https://server.test"))
    oauth = connector.oauth

    assert asked == []
    assert endpoints == Endpoints(authorize=oauth.authorize, token=oauth.token, revoke=oauth.revoke)
    assert await talk(connector.home_of("x", "")) == ([], "")


@pytest.mark.parametrize(
    ("handle", "server"),
    [
        ("@maria@Mastodon.Social", "https://mastodon.social"),
        (" maria.b@a.b.example ", "https://a.b.example"),
        ("maria", ""),
        ("@maria@localhost", ""),
        ("@maria@mastodon.social/path", ""),
        ("@maria@mastodon.social:22", ""),
        ("", ""),
    ],
)
async def test_a_handle_of_mastodons_names_its_server(handle: str, server: str) -> None:
    assert await talk(Mastodon().server_of(handle)) == ([], server)


async def test_a_handle_of_bluesky_leads_to_its_server() -> None:
    asked, server = await talk(Bluesky().server_of("@Maria.test"), {"did": DID}, DOCUMENT)

    assert server == PDS
    assert asked == [
        "/xrpc/com.atproto.identity.resolveHandle?handle=maria.test",
        f"https://plc.directory/{DID}",
    ]


async def test_a_did_may_be_a_web_servers() -> None:
    did = "did:web:maria.example"
    asked, server = await talk(Bluesky().server_of(did), {**DOCUMENT, "id": did})

    assert (asked, server) == (["https://maria.example/.well-known/did.json"], PDS)


@pytest.mark.parametrize(
    "handle", ["maria", "maria@mastodon.social", "maria.test/x", "a b.test", "maria.test?x", ""]
)
async def test_what_cannot_be_a_handle_is_asked_of_nobody(handle: str) -> None:
    with pytest.raises(Refused, match="is no handle"):
        await talk(Bluesky().server_of(handle))


@pytest.mark.parametrize(
    "did", ["did:plc:short", "did:key:z6Mk", "did:web:localhost", "did:web:a.test:8080", "did:"]
)
async def test_a_did_of_another_kind_is_looked_up_nowhere(did: str) -> None:
    with pytest.raises(Refused, match="is no DID"):
        await talk(Bluesky().server_of(did))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({**DOCUMENT, "id": "did:plc:other"}, "another's"),
        ({**DOCUMENT, "service": []}, "no server"),
        ({**DOCUMENT, "service": ["#atproto_pds"]}, "no server"),
    ],
)
async def test_a_document_has_to_be_the_dids_and_name_a_server(document: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        await talk(Bluesky().server_of(DID), document)


async def test_a_server_names_who_lets_people_in_and_that_one_where() -> None:
    asked, endpoints = await talk(Bluesky().endpoints(PDS), RESOURCE_OF_PDS, DESCRIBED)

    assert asked == [PDS + RESOURCE, ISSUER + METADATA]
    assert endpoints == Endpoints(
        authorize=f"{ISSUER}/authorize",
        token=f"{ISSUER}/token",
        revoke=f"{ISSUER}/revoke",
        push=f"{ISSUER}/par",
        issuer=ISSUER,
    )


async def test_a_server_that_names_nobody_lets_people_in_itself() -> None:
    described = {key: value for key, value in DESCRIBED.items() if key != "revocation_endpoint"}
    asked, endpoints = await talk(
        Bluesky().endpoints(ISSUER), Refused("there is nothing here"), described
    )

    assert asked == [ISSUER + RESOURCE, ISSUER + METADATA]
    assert (endpoints.issuer, endpoints.revoke) == (ISSUER, None)


async def test_a_server_that_is_busy_is_not_taken_for_one_that_names_nobody() -> None:
    with pytest.raises(Refused) as refused:
        await talk(Bluesky().endpoints(PDS), Refused("busy", Refusal.TRY_LATER))

    assert refused.value.is_transient


@pytest.mark.parametrize(
    "resource", [{}, {"authorization_servers": []}, {"authorization_servers": [1]}]
)
async def test_a_server_that_says_nonsense_is_asked_again_later(resource: Any) -> None:
    with pytest.raises(Refused) as refused:
        await talk(Bluesky().endpoints(PDS), resource)

    assert refused.value.is_transient


async def test_whoever_gave_access_has_to_speak_for_the_account() -> None:
    asked, home = await talk(Bluesky().home_of(DID, ISSUER), DOCUMENT, RESOURCE_OF_PDS)
    assert (asked, home) == ([f"https://plc.directory/{DID}", PDS + RESOURCE], PDS)

    with pytest.raises(Refused, match="does not speak for"):
        await talk(Bluesky().home_of(DID, "https://evil.test"), DOCUMENT, RESOURCE_OF_PDS)


def test_a_bound_token_is_shown_as_such() -> None:
    call, bound = Call("GET", "/x"), {"accessToken": "a", "clientId": "us", BINDING_KEY: "pem"}

    assert Bluesky().sign(call, bound).headers == {"authorization": "DPoP a"}
    assert Mastodon().sign(call, {"accessToken": "a", "clientId": "us"}).headers == {
        "authorization": "Bearer a"
    }
    session = {"identifier": "m", "appPassword": "p", "accessJwt": "j"}
    assert Bluesky().sign(call, session).headers == {"authorization": "Bearer j"}


async def test_steps_that_read_nonsense_are_put_off() -> None:
    def steps() -> Exchanges[str]:
        yield Exchange("GET", "/a")
        raise Unreadable("nothing there")

    with pytest.raises(Refused, match="nothing there") as refused:
        await talk(steps(), {})

    assert refused.value.meaning is Refusal.TRY_LATER
