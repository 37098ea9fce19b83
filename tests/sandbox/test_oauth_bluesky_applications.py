"""Applications at the simulated Bluesky: known by their documents, and by what they sign."""

from typing import Any

import pytest

from hosted import Hosted, hosted
from installation import Clock
from oncue.sandbox.bluesky import Bluesky
from sandbox.bluesky_app import CLIENT_ID, HANDLE, App, Key, document, signing, web_app
from sandbox.oauth_client import CALLBACK

pytestmark = pytest.mark.anyio


async def test_an_application_is_known_by_its_document(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    documents[CLIENT_ID] = document()
    app = web_app(sandbox, clock)

    page = await app.visit((await app.push()).body["request_uri"])
    await app.connect()

    assert "An &lt;app&gt; asks for your account" in page.body
    assert await app.whose() == HANDLE
    assert (await app.renew()).status == 200


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (None, "invalid_client_metadata", "nothing at"),
        (b"<html>", "invalid_client_metadata", "Unable to obtain client metadata"),
        (b"[]", "invalid_client_metadata", "no JSON object"),
        (document(client_id="https://other.example/"), "invalid_client_metadata", "not match"),
        (document(dpop_bound_access_tokens=None), "invalid_client_metadata", "must be true"),
        (document(scope="transition:generic"), "invalid_client_metadata", '"atproto"'),
        (document(scope=None), "invalid_client_metadata", '"atproto"'),
        (document(scope=["atproto"]), "invalid_client_metadata", '"atproto"'),
        (document(response_types=["token"]), "invalid_client_metadata", "response_types"),
        (document(grant_types=["refresh_token"]), "invalid_client_metadata", "grant_types"),
        (document(grant_types=["authorization_code", "password"]), None, "not supported"),
        (document(redirect_uris=[]), "invalid_client_metadata", "At least one redirect_uri"),
        (document(redirect_uris=7), "invalid_client_metadata", "At least one redirect_uri"),
        (document(token_endpoint_auth_method=None), "invalid_client_metadata", "Unsupported"),
        (document(redirect_uris=["http://app.example/cb"]), "invalid_redirect_uri", '"http"'),
        (document(redirect_uris=["http://127.0.0.1/cb"]), "invalid_redirect_uri", "native apps"),
        (document(redirect_uris=["https://localhost/cb"]), "invalid_redirect_uri", "explicit IPs"),
        (document(redirect_uris=["example.app:/cb"]), "invalid_redirect_uri", "scheme"),
        (document(redirect_uris=["https://[app"]), "invalid_redirect_uri", "not an address"),
        (signing(Key(), application_type="native"), "invalid_client_metadata", "Native clients"),
        (signing(Key(), jwks_uri="https://app.example/jwks"), None, "jwks or jwks_uri"),
        ({**signing(Key()), "token_endpoint_auth_signing_alg": "RS256"}, None, "ES256"),
    ],
)
async def test_a_document_that_breaks_a_rule_is_refused(
    sandbox: Hosted,
    clock: Clock,
    documents: dict[str, Any],
    said: Any,
    error: str | None,
    words: str,
) -> None:
    if said is not None:
        documents[CLIENT_ID] = said

    refused = await web_app(sandbox, clock).push()

    assert refused.error == (400, error or "invalid_client_metadata")
    assert words in refused.body["error_description"]


@pytest.mark.parametrize(
    ("client_id", "redirect_uri", "status"),
    [
        ("http://localhost", "http://127.0.0.1:9/", 201),
        ("http://localhost/", "http://[::1]/", 201),
        ("http://localhost?scope=atproto", "http://127.0.0.1/", 201),
        ("http://localhost?redirect_uri=http://127.0.0.1:7/cb", "http://127.0.0.1:7/cb", 201),
        ("http://localhost?redirect_uri=http://127.0.0.1:7/cb", "http://127.0.0.1:8/cb", 400),
        ("http://localhost?redirect_uri=http://127.0.0.1/cb", "http://127.0.0.1/", 400),
        ("http://localhost?redirect_uri=https://app.example/cb", "https://app.example/cb", 400),
        ("http://localhost?redirect_uri=http://127.0.0.1:x/cb", "http://127.0.0.1:7/cb", 400),
        ("http://localhost?redirect_uri=https://127.0.0.1/cb", "https://127.0.0.1/cb", 400),
        ("http://localhost?redirect_uri=http://localhost/cb", "http://localhost/cb", 400),
        ("http://localhost?scope=repo:*", "http://127.0.0.1/", 400),
        ("http://localhost?scope=atproto&scope=atproto", "http://127.0.0.1/", 400),
        ("http://localhost?name=app", "http://127.0.0.1/", 400),
        ("http://app.example/client-metadata.json", "http://127.0.0.1/", 400),
        ("https://app.example/", "http://127.0.0.1/", 400),
    ],
)
async def test_an_application_under_development_says_all_in_its_id(
    app: App, client_id: str, redirect_uri: str, status: int
) -> None:
    app.client_id = client_id

    answer = await app.push(redirect_uri=redirect_uri, scope="atproto")

    assert answer.status == status, answer.body


async def test_a_document_is_fetched_over_http(clock: Clock) -> None:
    """Here the sandbox itself stands in for the application's server."""
    async with hosted(Bluesky, now=clock) as sandbox:
        app = App(sandbox, clock, f"{sandbox.url}/_sandbox/ledger", CALLBACK)
        nobody = App(sandbox, clock, f"{sandbox.url}/_sandbox/nothing", CALLBACK)
        unreachable = App(sandbox, clock, "http://127.0.0.1:1/document", CALLBACK)

        answers = [await each.push() for each in (app, nobody, unreachable)]

        words = [answer.body["error_description"] for answer in answers]
        assert words[0].endswith("it is no JSON object")
        assert words[1].endswith("answered 404")
        assert "127.0.0.1:1" in words[2]


async def test_without_the_grant_type_there_is_no_refresh_token(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    documents[CLIENT_ID] = document(grant_types=["authorization_code"])

    tokens = await web_app(sandbox, clock).connect()

    assert "refresh_token" not in tokens


async def test_a_native_application_is_reached_in_its_own_ways(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    own = "example.app:/callback"
    here = "http://127.0.0.1/callback"
    documents[CLIENT_ID] = document(application_type="native", redirect_uris=[own, here])
    app = web_app(sandbox, clock)

    app.redirect_uri = own
    await app.connect()
    assert await app.whose() == HANDLE
    app.redirect_uri = "http://127.0.0.1:4711/callback"
    await app.connect()
    assert await app.whose() == HANDLE

    documents[CLIENT_ID]["redirect_uris"] = ["https://127.0.0.1/callback"]
    assert (await app.push()).error == (400, "invalid_redirect_uri")


async def test_a_confidential_application_signs_for_itself(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    key = Key()
    jwks = "https://app.example/jwks.json"
    documents[CLIENT_ID] = signing(key, jwks_uri=jwks)
    del documents[CLIENT_ID]["jwks"]
    documents[jwks] = {"keys": [{**Key().jwk, "kid": "other"}, {**key.jwk, "kid": key.kid}]}
    app = web_app(sandbox, clock, key)

    await app.connect()

    assert await app.whose() == HANDLE
    assert (await app.renew()).status == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"iss": "https://other.example/client"}, "invalid_client"),
        ({"sub": "https://other.example/client"}, "invalid_client"),
        ({"aud": "https://bsky.social"}, "invalid_client"),
        ({"iat": 0}, "invalid_client"),
        ({"iat": "now"}, "invalid_client"),
        ({"exp": 1}, "invalid_client"),
        ({"jti": None}, "invalid_client"),
    ],
)
async def test_an_assertion_is_of_the_application_for_this_server_and_this_minute(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any], change: dict[str, Any], error: str
) -> None:
    key = Key()
    documents[CLIENT_ID] = signing(key)
    app = web_app(sandbox, clock, key)

    refused = await app.push(**app.assertion(**change))

    assert refused.error == (400, error)


async def test_an_assertion_is_good_once_and_for_no_other_key(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    key, other = Key(), Key(kid="two")
    documents[CLIENT_ID] = signing(key)
    app = web_app(sandbox, clock, key)
    once = app.assertion()

    assert (await app.push(**once)).status == 201
    again = await app.push(**once)
    none = await app.push(client_assertion_type="")
    garbled = await app.push(client_assertion="a.b")
    odd = await app.push(client_assertion_type="password")
    app.assertion_key = other
    unknown = await app.push()
    app.assertion_key = Key(kid="one")
    forged = await app.push()
    app.assertion_key = app.key = Key()
    documents[CLIENT_ID] = signing(app.key)
    same = await app.push()

    assert again.error == (400, "invalid_grant")
    assert none.error == (400, "invalid_request")
    for refused in (garbled, odd, unknown, forged):
        assert refused.error == (400, "invalid_client")
    assert same.error == (400, "invalid_request")
    assert "different key than the client assertion" in same.body["error_description"]


async def test_a_session_keeps_to_the_key_that_signed_for_it(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    old, new = Key(), Key(kid="two")
    documents[CLIENT_ID] = signing(old)
    app = web_app(sandbox, clock, old)
    await app.connect()

    documents[CLIENT_ID] = signing(new)
    app.assertion_key = new
    refused = await app.renew()

    assert refused.error == (400, "invalid_grant")
    assert "initiated with a different key" in refused.body["error_description"]
