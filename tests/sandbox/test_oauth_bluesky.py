"""The simulated Bluesky as an OAuth server: pushed requests, codes, rotating sessions."""

from typing import Any

import pytest
from aiohttp import ClientError

from hosted import Hosted, hosted
from installation import Clock
from oncue.sandbox.bluesky import Bluesky
from oncue.sandbox.bluesky_names import did_of
from sandbox.bluesky_app import (
    AT,
    CLIENT_ID,
    HANDLE,
    LOOPBACK_CALLBACK,
    RECORD,
    SCOPE,
    WRITTEN,
    App,
    Key,
    s256,
    signing,
    web_app,
)
from sandbox.oauth_client import CALLBACK, send

pytestmark = pytest.mark.anyio


async def test_a_user_allows_an_application_and_it_posts_as_the_user(
    app: App, sandbox: Hosted
) -> None:
    pushed = await app.push(login_hint=HANDLE)
    page = await app.visit(pushed.body["request_uri"])
    answer = await app.visit(pushed.body["request_uri"], approve="1")
    address, result = answer.sent_back
    tokens = await app.trade(result["code"])
    app.tokens = tokens.body
    blob = await app.call(
        "POST", "repo.uploadBlob", data=b"pixels", headers={"Content-Type": "image/png"}
    )
    image = {"image": blob.body["blob"], "alt": "A cat"}
    embed = {"$type": "app.bsky.embed.images", "images": [image]}
    posted = await app.call(
        "POST", "repo.putRecord", json={**WRITTEN, "record": {**RECORD, "embed": embed}}
    )

    assert pushed.status == 201
    assert pushed.body["expires_in"] == 300
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f'value="{HANDLE}"' in page.body
    assert address == LOOPBACK_CALLBACK
    assert result.keys() == {"code", "state", "iss"}
    assert (result["state"], result["iss"]) == ("xyz", app.issuer)
    assert tokens.status == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.body.keys() == {
        "access_token",
        "token_type",
        "refresh_token",
        "scope",
        "expires_in",
        "sub",
    }
    assert (tokens.body["token_type"], tokens.body["expires_in"]) == ("DPoP", 3600)
    assert (tokens.body["scope"], tokens.body["sub"]) == (SCOPE, did_of(HANDLE))
    assert posted.status == 200
    [post] = sandbox.posts("BLUESKY")
    assert (post.account, post.text, len(post.media)) == (HANDLE, "Hello", 1)
    assert (await app.call("POST", "repo.deleteRecord", json=AT)).status == 200
    assert await app.whose() == HANDLE


async def test_the_server_tells_where_everything_is(app: App, sandbox: Hosted) -> None:
    known = "/bluesky/.well-known/oauth-"
    resource = (await send(sandbox, "GET", f"{known}protected-resource")).body
    server = (await send(sandbox, "GET", f"{known}authorization-server")).body

    assert resource["authorization_servers"] == [app.issuer]
    assert resource["resource"] == server["issuer"] == app.issuer
    for name, path in {
        "pushed_authorization_request_endpoint": "/oauth/par",
        "authorization_endpoint": "/oauth/authorize",
        "token_endpoint": "/oauth/token",
        "revocation_endpoint": "/oauth/revoke",
        "jwks_uri": "/oauth/jwks",
    }.items():
        assert server[name] == app.issuer + path
    for name in (
        "require_pushed_authorization_requests",
        "authorization_response_iss_parameter_supported",
        "client_id_metadata_document_supported",
    ):
        assert server[name] is True
    assert server["dpop_signing_alg_values_supported"] == ["ES256"]
    assert set(server["token_endpoint_auth_methods_supported"]) == {"none", "private_key_jwt"}
    assert {"atproto", "transition:generic"} <= set(server["scopes_supported"])
    assert (await send(sandbox, "GET", server["jwks_uri"])).body == {"keys": []}


async def test_a_did_leads_to_its_server(app: App, sandbox: Hosted) -> None:
    unknown = await send(sandbox, "GET", f"/bluesky/plc/{did_of(HANDLE)}")
    did = (await app.connect())["sub"]

    found = await send(sandbox, "GET", f"/bluesky/plc/{did}")

    assert unknown.status == 404
    assert (found.body["id"], found.body["alsoKnownAs"]) == (did, [f"at://{HANDLE}"])
    [service] = found.body["service"]
    assert (service["id"], service["serviceEndpoint"]) == ("#atproto_pds", app.issuer)


# Asking the user.


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"response_type": "token"}, "unsupported_response_type", "response_type"),
        ({"redirect_uri": CALLBACK}, "invalid_request", f"Invalid redirect_uri {CALLBACK}"),
        ({"redirect_uri": "http://[::1]/callback"}, "invalid_request", "Invalid redirect_uri"),
        (
            {"redirect_uri": "http://127.0.0.1:x/callback"},
            "invalid_request",
            "Invalid redirect_uri",
        ),
        ({"redirect_uri": ""}, "invalid_request", "redirect_uri is required"),
        ({"scope": "transition:generic"}, "invalid_scope", 'The "atproto" scope is required'),
        ({"scope": "atproto repo:*"}, "invalid_scope", 'Scope "repo:*" is not declared'),
        ({"scope": ""}, "invalid_scope", 'The "atproto" scope is required'),
        ({"code_challenge": ""}, "invalid_request", "Use of PKCE is required"),
        ({"code_challenge_method": "plain"}, "invalid_request", '"S256"'),
        ({"code_challenge_method": ""}, "invalid_request", '"S256"'),
        ({"login_hint": "maria"}, "invalid_request", 'Invalid login_hint "maria"'),
        ({"client_id": "app"}, "invalid_client_metadata", "Invalid URL"),
        ({"client_id": "http://a.example/it"}, "invalid_client_metadata", "Invalid client ID"),
        ({"client_id": ""}, "invalid_request", "client_id is required"),
    ],
)
async def test_a_wrong_request_cannot_be_pushed(
    app: App, change: dict[str, str], error: str, words: str
) -> None:
    refused = await app.push(**change)

    assert refused.error == (400, error)
    assert words in refused.body["error_description"]


async def test_a_request_is_for_the_key_it_names(app: App) -> None:
    other = Key()
    mismatch = await app.push(dpop_jkt="another-key")
    code = await app.code()

    app.key = other
    refused = await app.trade(code)

    assert mismatch.error == (401, "invalid_token")
    assert mismatch.body["error_description"] == "Invalid DPoP key binding"
    assert refused.error == (400, "invalid_grant")
    assert refused.body["error_description"] == "DPoP proof does not match the expected JKT"


async def test_a_request_pushed_without_a_proof_is_bound_when_it_is_traded(app: App) -> None:
    app.verifier = "v" * 43
    pushed = await app.send(
        "/oauth/par",
        {
            "response_type": "code",
            "redirect_uri": app.redirect_uri,
            "scope": SCOPE,
            "code_challenge": s256(app.verifier),
            "code_challenge_method": "S256",
        },
        proof={},
    )
    answer = await app.visit(pushed.body["request_uri"], user="maria", approve="1")
    _, result = answer.sent_back
    app.tokens = (await app.trade(result["code"])).body

    assert "state" not in result
    assert await app.whose() == HANDLE
    app.key = Key()
    assert await app.whose() == (401, "invalid_token")


@pytest.mark.parametrize(
    ("change", "minutes", "said"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:req-none"}, 0, None),
        ({"request_uri": ""}, 0, None),
        ({"client_id": "http://localhost"}, 0, "This request was initiated for another client"),
        ({}, 5, "This request has expired"),
    ],
)
async def test_only_a_fresh_request_of_the_application_is_put_to_the_user(
    app: App, clock: Clock, change: dict[str, str], minutes: int, said: str | None
) -> None:
    request_uri = (await app.push()).body["request_uri"]
    clock.advance(minutes=minutes)

    answer = await app.visit(**{"request_uri": request_uri, "approve": "1", **change})

    if said is None:
        assert answer.status == 400
        assert "Unknown request_uri" in answer.body
    else:
        _, result = answer.sent_back
        assert (result["error"], result["error_description"]) == ("access_denied", said)
        assert result["iss"] == app.issuer


async def test_a_request_is_answered_once(app: App) -> None:
    request_uri = (await app.push()).body["request_uri"]

    _, denied = (await app.visit(request_uri, deny="1")).sent_back
    again = await app.visit(request_uri, approve="1")

    assert (denied["error"], denied["state"], denied["iss"]) == ("access_denied", "xyz", app.issuer)
    assert again.status == 400


async def test_a_user_may_be_named_by_did_where_it_is_known(app: App, sandbox: Hosted) -> None:
    did = did_of(HANDLE)
    stranger = await app.visit((await app.push(login_hint=did)).body["request_uri"], approve="1")
    method = "/bluesky/xrpc/com.atproto.identity.resolveHandle"
    await send(sandbox, "GET", method, params={"handle": HANDLE})

    tokens = await app.trade(await app.code(did, login_hint=did))

    assert stranger.status == 400
    assert tokens.body["sub"] == did


# Codes and sessions.


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant", "Invalid code_verifier"),
        ({"code_verifier": "short"}, "invalid_grant", "code_verifier too short"),
        ({"redirect_uri": "http://127.0.0.1/callback"}, "invalid_grant", "must match the one"),
        ({"client_id": "http://localhost"}, "invalid_grant", "not issued to this client"),
    ],
)
async def test_a_wrong_attempt_uses_a_code_up(
    app: App, change: dict[str, str], error: str, words: str
) -> None:
    code = await app.code()

    refused = await app.trade(code, **change)

    assert refused.error == (400, error)
    assert words in refused.body["error_description"]
    assert (await app.trade(code)).error == (400, "invalid_grant")


async def test_a_code_lives_for_five_minutes(app: App, clock: Clock) -> None:
    code = await app.code()

    clock.advance(minutes=5)
    refused = await app.trade(code)

    assert refused.error == (400, "invalid_grant")
    assert refused.body["error_description"] == "This code has expired"


async def test_a_code_that_is_used_twice_takes_back_what_it_gave(app: App) -> None:
    code = await app.code()
    app.tokens = (await app.trade(code)).body
    assert await app.whose() == HANDLE

    again = await app.trade(code)

    assert again.error == (400, "invalid_grant")
    assert await app.whose() == (401, "invalid_token")
    assert (await app.renew()).error == (400, "invalid_grant")


async def test_a_challenge_is_good_once(app: App) -> None:
    await app.connect()
    verifier = app.verifier
    pushed = await app.push(code_challenge=s256(verifier))
    answer = await app.visit(pushed.body["request_uri"], approve="1")

    refused = await app.trade(answer.sent_back[1]["code"], code_verifier=verifier)

    assert refused.body["error_description"] == "Code challenge already used"


async def test_an_access_token_lives_for_an_hour_and_is_renewed(app: App, clock: Clock) -> None:
    first = await app.connect()
    clock.advance(minutes=59)
    await app.whose()  # the nonce is an old one by now
    assert await app.whose() == HANDLE

    clock.advance(minutes=1)
    expired = await app.call("GET", "server.getSession")
    renewed = await app.renew()
    app.tokens = renewed.body

    assert expired.error == (401, "invalid_token")
    assert expired.body["message"] == '"exp" claim timestamp check failed'
    assert renewed.body.keys() == first.keys()
    assert renewed.body["sub"] == first["sub"]
    assert await app.whose() == HANDLE
    assert (await app.renew()).status == 200


async def test_a_renewal_ends_the_access_token_before(app: App) -> None:
    first = await app.connect()
    app.tokens = (await app.renew()).body

    assert await app.whose(first["access_token"]) == (401, "invalid_token")
    assert await app.whose() == HANDLE


async def test_a_refresh_token_that_is_used_twice_ends_the_session(app: App) -> None:
    first = await app.connect()
    app.tokens = (await app.renew()).body

    again = await app.renew(first["refresh_token"])

    assert again.error == (400, "invalid_grant")
    assert again.body["error_description"] == "Refresh token replayed"
    assert await app.whose() == (401, "invalid_token")
    assert (await app.renew()).error == (400, "invalid_grant")


async def test_a_session_of_anybodys_application_ends_after_two_weeks(
    app: App, clock: Clock
) -> None:
    await app.connect()
    clock.advance(days=13)
    app.tokens = (await app.renew()).body

    clock.advance(days=1, seconds=1)
    over = await app.renew()

    assert over.body["error_description"] == "Session expired"


@pytest.mark.parametrize("days", [13, 15])
async def test_a_refresh_token_of_anybodys_application_lives_for_two_weeks(
    app: App, clock: Clock, days: int
) -> None:
    await app.connect()
    clock.advance(days=days)

    assert (await app.renew()).status == (200 if days < 14 else 400)


async def test_a_confidential_applications_session_lives_longer(
    sandbox: Hosted, clock: Clock, documents: dict[str, Any]
) -> None:
    key = Key()
    documents[CLIENT_ID] = signing(key)
    app = web_app(sandbox, clock, key)
    await app.connect()

    for _ in range(8):  # 720 days
        clock.advance(days=90)
        app.tokens = (await app.renew()).body
    clock.advance(days=11)
    over = await app.renew()
    await app.connect()
    clock.advance(days=91)
    idle = await app.renew()

    assert over.body["error_description"] == "Session expired"
    assert idle.body["error_description"] == "Refresh token expired"


async def test_a_wrong_attempt_ends_the_session(app: App, sandbox: Hosted, clock: Clock) -> None:
    await app.connect()
    thief = App(sandbox, clock)

    refused = await thief.renew(app.tokens["refresh_token"])

    assert refused.error == (400, "invalid_grant")
    assert (await app.renew()).error == (400, "invalid_grant")


async def test_a_request_for_tokens_says_what_it_wants(app: App, sandbox: Hosted) -> None:
    token = (await app.connect())["refresh_token"]

    without = await app.send("/oauth/token", {"grant_type": "refresh_token"}, proof={})
    password = await app.persist("/oauth/token", grant_type="password")
    nothing = await app.persist("/oauth/token")
    nonsense = await app.renew("nonsense")
    url = f"{app.issuer}/oauth/token"
    fields = {"client_id": app.client_id, "grant_type": "refresh_token", "refresh_token": token}
    headers = {"DPoP": app.proof("POST", url)}
    array = await send(sandbox, "POST", url, json=[], headers=headers)
    as_json = await send(sandbox, "POST", url, json=fields, headers=headers)

    assert without.error == (401, "invalid_dpop_proof")
    assert password.error == nonsense.error == (400, "invalid_grant")
    assert nothing.error == array.error == (400, "invalid_request")
    assert as_json.status == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_revoked_session_is_over(app: App, which: str) -> None:
    tokens = await app.connect()

    without = await app.send("/oauth/revoke", {"token": tokens[which]}, proof={})
    foreign = await app.persist("/oauth/revoke", token=tokens[which], client_id="http://localhost")
    assert await app.whose() == HANDLE
    revoked = await app.persist("/oauth/revoke", token=tokens[which])
    unknown = await app.persist("/oauth/revoke", token="nonsense")

    assert without.error == (401, "invalid_dpop_proof")
    assert foreign.status == unknown.status == 200
    assert (revoked.status, revoked.body) == (200, {})
    assert await app.whose() == (401, "invalid_token")
    assert (await app.renew()).error == (400, "invalid_grant")


async def test_a_restart_forgets_nobody(clock: Clock) -> None:
    async with hosted(Bluesky, now=clock) as sandbox:
        app = App(sandbox, clock)
        await app.connect()

    async with hosted(Bluesky, now=clock) as sandbox:
        app.sandbox = sandbox
        assert await app.whose() == (401, "use_dpop_nonce")
        assert await app.whose() == HANDLE
        assert (await app.renew()).status == 200


# Misfortunes.


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("expired_token", (400, "invalid_grant")),
        ("revoked_token", (400, "invalid_grant")),
        ("reject", (400, "invalid_client")),
        ("rate_limit", (429, "RateLimitExceeded")),
        ("unavailable", (503, "NotEnoughResources")),
    ],
)
async def test_a_renewal_may_be_refused_by_order_and_leaves_the_session_as_it_was(
    app: App, sandbox: Hosted, clock: Clock, kind: str, error: tuple[int, str]
) -> None:
    ines = App(sandbox, clock)
    await app.connect()
    await ines.connect("ines")
    await sandbox.fault(kind=kind, platform="bluesky", account=HANDLE, effect="token")

    assert (await ines.renew()).status == 200
    assert (await app.renew()).error == error
    assert await app.whose() == HANDLE
    assert (await app.renew()).status == 200


async def test_the_answer_to_a_renewal_may_be_lost_after_the_token_rotated(
    app: App, sandbox: Hosted
) -> None:
    await app.connect()
    app.nonce = ""
    await sandbox.fault(kind="accept_then_drop", platform="bluesky", effect="token")

    with pytest.raises(ClientError):
        await app.renew()  # the fault waits for the second request, with the nonce

    assert await app.whose() == (401, "invalid_token")
    again = await app.renew()
    assert again.body["error_description"] == "Refresh token replayed"


@pytest.mark.parametrize("kind", ["expired_token", "revoked_token"])
async def test_a_fault_at_the_api_waits_until_the_nonce_is_right(
    app: App, sandbox: Hosted, kind: str
) -> None:
    await app.connect()
    app.nonce = "made-up"
    await sandbox.fault(kind=kind, account=HANDLE, effect="publish")

    answers = [await app.call("POST", "repo.putRecord", json=WRITTEN) for _ in range(3)]

    assert [answer.status for answer in answers] == [401, 401, 200]
    assert [answer.body.get("error") for answer in answers[:2]] == [
        "use_dpop_nonce",
        "invalid_token",
    ]


async def test_other_faults_at_the_api_are_as_with_a_password(app: App, sandbox: Hosted) -> None:
    await app.connect()
    await app.whose()
    await sandbox.fault(kind="unavailable", platform="bluesky")
    await sandbox.fault(kind="accept_then_500", platform="bluesky")

    answers = [await app.call("POST", "repo.putRecord", json=WRITTEN) for _ in range(3)]

    assert [answer.status for answer in answers] == [503, 500, 200]
    assert len(sandbox.posts("BLUESKY")) == 1
