"""Tokens of the simulated Bluesky: worth nothing without a proof of their key."""

from collections.abc import Mapping
from typing import Any

import pytest

from hosted import Hosted
from installation import Clock
from sandbox.bluesky_app import AT, CLIENT_ID, HANDLE, POST, WRITTEN, App, Key, document, web_app
from sandbox.oauth_client import send

pytestmark = pytest.mark.anyio


async def test_a_proof_needs_the_servers_nonce_at_both_ends(app: App) -> None:
    first = await app.send("/oauth/par", {"response_type": "code"})
    second = await app.send("/oauth/par", {"response_type": "code"})
    await app.connect()
    app.nonce = "made-up"
    third = await app.call("GET", "server.getSession")
    fourth = await app.call("GET", "server.getSession")

    assert first.error == (400, "use_dpop_nonce")
    assert first.headers["DPoP-Nonce"]
    assert second.error == (400, "invalid_request")  # the request itself
    assert third.error == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in third.headers["WWW-Authenticate"]
    assert third.headers["WWW-Authenticate"].startswith('DPoP algs="ES256"')
    assert (fourth.status, bool(fourth.headers["DPoP-Nonce"])) == (200, True)


async def test_a_nonce_is_good_for_three_minutes_at_most(app: App, clock: Clock) -> None:
    await app.connect()
    given = app.nonce

    clock.advance(minutes=2)
    timely = await app.call("GET", "server.getSession")
    clock.advance(minutes=1)
    app.nonce = given
    late = await app.call("GET", "server.getSession")

    assert (timely.status, late.error) == (200, (401, "use_dpop_nonce"))
    assert await app.whose() == HANDLE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"header": {"typ": "JWT"}}, 'unexpected "typ" JWT header value'),
        ({"header": {"alg": "none"}}, "Failed to verify DPoP proof"),
        ({"header": {"jwk": None}}, "must be a JSON object"),
        ({"header": {"jwk": Key().jwk}}, "signature verification failed"),
        ({"header": {"jwk": {**Key().jwk, "x": "AA"}}}, "coordinates of a wrong length"),
        ({"header": {"jwk": {**Key().jwk, "y": Key().jwk["x"]}}}, "Failed to verify DPoP proof"),
        ({"header": {"jwk": {**Key().jwk, "d": "AA"}}}, "not a public one"),
        ({"header": {"jwk": {"kty": "RSA"}}}, "not a public one"),
        ({"iat": None}, 'missing required "iat" claim'),
        ({"iat": True}, '"iat" claim must be a number'),
        ({"iat": 0}, "too far in the past"),
        ({"iat": 9_999_999_999}, "it should be in the past"),
        ({"jti": None}, 'DPoP "jti" missing'),
        ({"jti": 7}, 'DPoP "jti" missing'),
        ({"nonce": 7}, 'Invalid DPoP "nonce" type'),
        ({"htm": "GET"}, 'DPoP "htm" mismatch'),
        ({"htu": "https://other.example/oauth/token"}, 'DPoP "htu" mismatch'),
        ({"ath": "abc"}, 'DPoP "ath" claim not allowed'),
    ],
)
async def test_a_proof_that_proves_nothing_is_refused(
    app: App, change: dict[str, Any], words: str
) -> None:
    await app.connect()
    fields = {"grant_type": "refresh_token", "refresh_token": app.tokens["refresh_token"]}

    refused = await app.send("/oauth/token", fields, change)

    assert refused.error == (401, "invalid_dpop_proof")
    assert words in refused.body["error_description"]
    assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"]
    assert (await app.renew()).status == 200


async def test_there_is_one_proof_and_it_is_signed(app: App, sandbox: Hosted) -> None:
    await app.connect()
    url = f"{app.issuer}/xrpc/com.atproto.server.getSession"
    good = app.proof("GET", url, app.tokens["access_token"])
    authorization = ("Authorization", f"DPoP {app.tokens['access_token']}")
    for proofs in (["a.b"], [""], ["a.b.c"], ["e30.W10.AA"], ["e30.e30.A"], [good, good]):
        headers = [authorization, *(("DPoP", proof) for proof in proofs)]
        answer = await send(sandbox, "GET", url, headers=headers)
        assert answer.error == (401, "invalid_dpop_proof"), proofs
    assert (await send(sandbox, "GET", url, headers=[authorization, ("DPoP", good)])).status == 200


async def test_a_proof_is_good_once(app: App) -> None:
    await app.connect()

    first = await app.call("GET", "server.getSession", proof={"jti": "the-same"})
    again = await app.call("GET", "server.getSession", proof={"jti": "the-same"})

    assert first.status == 200
    assert again.error == (401, "invalid_dpop_proof")
    assert again.body["message"] == "DPoP proof replayed"


async def test_a_token_is_nothing_without_its_key(app: App, sandbox: Hosted, clock: Clock) -> None:
    tokens = await app.connect()
    other = App(sandbox, clock)
    await other.connect("ines")

    without = await app.call("GET", "server.getSession", proof={})
    stolen = await other.call("GET", "server.getSession", tokens["access_token"])
    unhashed = await app.call("GET", "server.getSession", proof={"token": None})
    mishashed = await app.call("GET", "server.getSession", proof={"token": "another"})
    bearer = await send(
        sandbox,
        "GET",
        "/bluesky/xrpc/com.atproto.server.getSession",
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )

    assert without.error == (401, "invalid_dpop_proof")
    assert without.body["message"] == "DPoP proof required"
    assert stolen.error == (401, "invalid_token")
    assert stolen.body["message"] == "Invalid DPoP key binding"
    assert unhashed.error == mishashed.error == (401, "invalid_dpop_proof")
    assert bearer.error == (400, "InvalidToken")


async def test_a_token_is_good_for_what_it_is(app: App) -> None:
    tokens = await app.connect()

    for text in ("nonsense", "oauth.nonsense", tokens["refresh_token"]):
        answer = await app.call("GET", "server.getSession", text)
        assert answer.error == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("scopes", "blob", "put", "delete"),
    [
        ("", 403, 403, 403),
        ("transition:email", 403, 403, 403),
        ("transition:generic", 200, 200, 200),
        (f"repo:{POST} blob:image/*", 200, 200, 200),
        (f"repo:{POST}?action=create&action=update blob?accept=*/*", 200, 200, 403),
        ("repo?collection=app.bsky.feed.like&collection=* blob:video/*", 403, 200, 200),
        ("repo:app.bsky.feed.like", 403, 403, 403),
    ],
)
async def test_a_token_is_good_for_its_scopes(
    sandbox: Hosted,
    clock: Clock,
    documents: dict[str, Any],
    scopes: str,
    blob: int,
    put: int,
    delete: int,
) -> None:
    documents[CLIENT_ID] = document(scope=f"atproto {scopes}")
    app = web_app(sandbox, clock)
    await app.connect(scope=f"atproto {scopes}")
    png: Mapping[str, str] = {"Content-Type": "image/png"}

    answers = [
        await app.call("POST", "repo.uploadBlob", data=b"pixels", headers=png),
        await app.call("POST", "repo.putRecord", json=WRITTEN),
        await app.call("POST", "repo.deleteRecord", json=AT),
    ]

    assert [answer.status for answer in answers] == [blob, put, delete]
    for answer in answers:
        if answer.status == 403:
            assert answer.body["error"] == "ScopeMissingError"
            assert "Missing required scope" in answer.body["message"]
