"""The simulated Mastodon server gives applications tokens that live until somebody revokes them."""

from typing import Any

import pytest
from aiohttp import FormData, ServerDisconnectedError

from hosted import Hosted, hosted
from installation import Clock
from oncue.sandbox.mastodon import Mastodon
from sandbox.oauth_client import CALLBACK, CHALLENGE, VERIFIER, Answer, call, post, send

pytestmark = pytest.mark.anyio

SCOPES = "read:accounts write:statuses write:media"
APPS = "/mastodon/api/v1/apps"
TOKEN = "/mastodon/oauth/token"
REVOKE = "/mastodon/oauth/revoke"
NOWHERE = "urn:ietf:wg:oauth:2.0:oob"
INVALID = (401, "The access token is invalid")
REVOKED = (401, "The access token was revoked")
FORBIDDEN = (403, "This action is outside the authorized scopes")


async def register(sandbox: Hosted, **change: str) -> tuple[str, str]:
    """A new application's id and secret."""
    fields = {"client_name": "App", "redirect_uris": CALLBACK, "scopes": SCOPES, **change}
    answer = await post(sandbox, APPS, None, **fields)
    assert answer.status == 200, answer.body
    return answer.body["client_id"], answer.body["client_secret"]


async def ask(sandbox: Hosted, client_id: str | None, **change: str | None) -> Answer:
    """What the authorise page says to a question, or to one with an answer in it."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": SCOPES,
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **change,
    }
    query = {name: value for name, value in asked.items() if value is not None}
    return await send(sandbox, "GET", "/mastodon/oauth/authorize", params=query)


async def code_of(sandbox: Hosted, client_id: str, **change: str | None) -> str:
    answer = await ask(sandbox, client_id, **{"user": "maria", "approve": "1", **change})
    return answer.sent_back[1]["code"]


async def trade(sandbox: Hosted, app: tuple[str, str], code: str, **change: str) -> Answer:
    fields = {
        "grant_type": "authorization_code",
        "client_id": app[0],
        "client_secret": app[1],
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **change,
    }
    return await post(sandbox, TOKEN, None, **{name: it for name, it in fields.items() if it})


async def connect(sandbox: Hosted, app: tuple[str, str], **change: str | None) -> str:
    answer = await trade(sandbox, app, await code_of(sandbox, app[0], **change))
    assert answer.status == 200, answer.body
    token: str = answer.body["access_token"]
    return token


async def whose(sandbox: Hosted, token: str) -> Any:
    path = "/mastodon/api/v1/accounts/verify_credentials"
    answer = await call(sandbox, "GET", path, token)
    return answer.body["username"] if answer.status == 200 else answer.error


async def test_an_application_registers_asks_and_posts_as_the_user(clock: Clock) -> None:
    async with hosted(Mastodon, now=clock) as sandbox:
        registered = await send(
            sandbox,
            "POST",
            APPS,
            json={
                "client_name": "An <app>",
                "redirect_uris": [CALLBACK, "https://app.example/other"],
                "scopes": SCOPES,
                "website": "https://app.example",
            },
        )
        app = registered.body["client_id"], registered.body["client_secret"]
        page = await ask(sandbox, app[0])
        address, result = (await ask(sandbox, app[0], user="maria", approve="1")).sent_back
        tokens = await trade(sandbox, app, result["code"])
        posted = await call(
            sandbox,
            "POST",
            "/mastodon/api/v1/statuses",
            tokens.body["access_token"],
            json={"status": "Hello"},
        )

        assert registered.body["scopes"] == SCOPES.split()
        assert registered.body["redirect_uris"] == [CALLBACK, "https://app.example/other"]
        assert registered.body["website"] == "https://app.example"
        assert "An &lt;app&gt; asks for your account" in page.body
        assert (address, result["state"]) == (CALLBACK, "xyz")
        assert result.keys() == {"code", "state"}
        assert tokens.headers["Cache-Control"] == "no-store"
        assert tokens.body == {
            "access_token": tokens.body["access_token"],
            "token_type": "Bearer",
            "scope": SCOPES,
            "created_at": int(clock().timestamp()),
        }
        assert posted.status == 200
        assert [(post.account, post.text) for post in sandbox.posts("MASTODON")] == [
            ("maria", "Hello")
        ]


async def test_the_server_tells_where_everything_is() -> None:
    async with hosted(Mastodon) as sandbox:
        known = "/mastodon/.well-known/oauth-authorization-server"
        server = (await send(sandbox, "GET", known)).body

        assert server["issuer"] == f"{sandbox.url}/mastodon/"
        assert server["authorization_endpoint"] == f"{sandbox.url}/mastodon/oauth/authorize"
        assert server["token_endpoint"] == sandbox.url + TOKEN
        assert server["revocation_endpoint"] == sandbox.url + REVOKE
        assert server["app_registration_endpoint"] == sandbox.url + APPS
        assert server["code_challenge_methods_supported"] == ["S256"]
        assert set(SCOPES.split()) <= set(server["scopes_supported"])


async def test_the_server_tells_who_a_token_belongs_to() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        token = await connect(sandbox, app)
        info = f"{sandbox.url}/mastodon/oauth/userinfo"

        found = await call(sandbox, "GET", info, token)
        nobody = await send(sandbox, "GET", info)

        assert found.body["preferred_username"] == "maria"
        assert found.body["iss"] == f"{sandbox.url}/mastodon/"
        assert nobody.error == INVALID


@pytest.mark.parametrize(
    "form",
    [
        [("redirect_uris", f"{CALLBACK}\n{NOWHERE}")],
        [("redirect_uris[]", CALLBACK), ("redirect_uris[]", NOWHERE)],
    ],
)
async def test_an_application_has_several_addresses(form: list[tuple[str, str]]) -> None:
    async with hosted(Mastodon) as sandbox:
        answer = await send(sandbox, "POST", APPS, data=FormData([("client_name", "App"), *form]))

        assert answer.body["redirect_uris"] == [CALLBACK, NOWHERE]
        assert answer.body["redirect_uri"] == f"{CALLBACK}\n{NOWHERE}"
        assert answer.body["scopes"] == ["read"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_name": " "}, "Application name can't be blank"),
        ({"redirect_uris": ""}, "Redirect URI can't be blank"),
        ({"redirect_uris": "/callback"}, "Redirect URI must be an absolute URI."),
        ({"redirect_uris": "javascript:alert(1)"}, "Redirect URI is forbidden by the server."),
        ({"scopes": "read wriet"}, "Scopes doesn't match configured on the server."),
        ({"scopes": ""}, "Scopes doesn't match configured on the server."),
    ],
)
async def test_an_odd_application_is_not_registered(change: dict[str, str], words: str) -> None:
    async with hosted(Mastodon) as sandbox:
        fields = {"client_name": "App", "redirect_uris": CALLBACK, "scopes": SCOPES, **change}

        answer = await post(sandbox, APPS, None, **fields)

        assert (answer.status, answer.body) == (422, {"error": f"Validation failed: {words}"})


async def test_what_is_no_json_is_no_application() -> None:
    async with hosted(Mastodon) as sandbox:
        as_json = {"Content-Type": "application/json"}

        answer = await send(sandbox, "POST", APPS, data=b"{", headers=as_json)

        assert answer.error == (400, "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "unknown"},
        {"client_id": "W10"},
        {"client_id": "eyJuYW1lIjoiYSIsInJlZGlyZWN0X3VyaXMiOjcsInNjb3BlcyI6NywibnVtYmVyIjoiIn0"},
        {"client_id": None},
        {"redirect_uri": f"{CALLBACK}/other"},
        {"redirect_uri": None},
    ],
)
async def test_a_user_is_not_sent_to_a_stranger(change: dict[str, str | None]) -> None:
    async with hosted(Mastodon) as sandbox:
        client_id, _ = await register(sandbox)

        query = {"client_id": client_id, "approve": "1", **change}
        answer = await ask(sandbox, query.pop("client_id"), **query)

        assert answer.status in (400, 401)
        assert "You cannot allow this" in answer.body


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "read write"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),  # means "read", and that was not registered
        ({"code_challenge_method": "plain"}, "invalid_code_challenge_method"),
        ({"code_challenge_method": None}, "invalid_code_challenge_method"),
        ({"deny": "1"}, "access_denied"),
    ],
)
async def test_a_user_is_sent_back_with_an_error(change: dict[str, str | None], error: str) -> None:
    async with hosted(Mastodon) as sandbox:
        client_id, _ = await register(sandbox)

        address, result = (await ask(sandbox, client_id, **change)).sent_back

        assert (address, result["error"], result["state"]) == (CALLBACK, error, "xyz")
        assert "code" not in result


async def test_without_an_address_the_user_copies_the_code() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox, redirect_uris=NOWHERE)

        page = await ask(sandbox, app[0], redirect_uri=NOWHERE, user="maria", approve="1")
        code = page.body.partition("code: <code>")[2].partition("<")[0]

        assert page.status == 200
        assert (await trade(sandbox, app, code, redirect_uri=NOWHERE)).status == 200


async def test_pkce_may_be_left_out_but_not_by_half() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        plain: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}

        without = await trade(
            sandbox, app, await code_of(sandbox, app[0], **plain), code_verifier=""
        )
        uncalled = await trade(sandbox, app, await code_of(sandbox, app[0], **plain))
        forgotten = await trade(sandbox, app, await code_of(sandbox, app[0]), code_verifier="")

        assert without.status == 200
        assert uncalled.error == (400, "invalid_grant")
        assert forgotten.error == (400, "invalid_request")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
        ({"redirect_uri": NOWHERE}, (400, "invalid_grant")),
        ({"redirect_uri": ""}, (400, "invalid_request")),
        ({"code": "nonsense"}, (400, "invalid_grant")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "unknown"}, (401, "invalid_client")),
        ({"client_id": ""}, (401, "invalid_client")),
        ({"grant_type": "refresh_token"}, (400, "unsupported_grant_type")),
        ({"grant_type": ""}, (400, "invalid_request")),
    ],
)
async def test_a_code_is_only_for_who_asked_for_it(
    change: dict[str, str], error: tuple[int, str]
) -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        code = await code_of(sandbox, app[0])

        refused = await trade(sandbox, app, **{"code": code, **change})

        assert refused.error == error
        assert refused.body["error_description"]
        assert (await trade(sandbox, app, code)).status == 200


async def test_a_code_is_for_no_other_application() -> None:
    async with hosted(Mastodon) as sandbox:
        app, other = await register(sandbox), await register(sandbox)
        assert app[0] != other[0]

        refused = await trade(sandbox, other, await code_of(sandbox, app[0]))

        assert refused.error == (400, "invalid_grant")


async def test_an_application_may_show_who_it_is_by_basic_authentication() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        fields = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        code = await code_of(sandbox, app[0])

        wrong = await post(sandbox, TOKEN, (app[0], "wrong"), code=code, **fields)
        tokens = await post(
            sandbox, TOKEN, app, grant_type="authorization_code", code=code, **fields
        )

        assert wrong.error == (401, "invalid_client")
        assert await whose(sandbox, tokens.body["access_token"]) == "maria"


async def test_a_code_lives_for_ten_minutes_and_a_token_for_ever(clock: Clock) -> None:
    async with hosted(Mastodon, now=clock) as sandbox:
        app = await register(sandbox)
        code = await code_of(sandbox, app[0])
        token = await connect(sandbox, app)

        clock.advance(minutes=10)
        assert (await trade(sandbox, app, code)).error == (400, "invalid_grant")
        clock.advance(days=10_000)
        assert await whose(sandbox, token) == "maria"


async def test_a_code_that_is_used_twice_takes_back_what_it_gave() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        code = await code_of(sandbox, app[0])
        token = (await trade(sandbox, app, code)).body["access_token"]

        again = await trade(sandbox, app, code)

        assert again.error == (400, "invalid_grant")
        assert await whose(sandbox, token) == REVOKED


async def test_allowing_the_same_again_brings_the_same_token(clock: Clock) -> None:
    async with hosted(Mastodon, now=clock) as sandbox:
        app, other = await register(sandbox), await register(sandbox)
        token = await connect(sandbox, app)
        clock.advance(hours=1)

        code = await code_of(sandbox, app[0])
        again = await trade(sandbox, app, code)

        assert again.body["access_token"] == token
        assert again.body["created_at"] == int(clock().timestamp()) - 3600
        assert (await trade(sandbox, app, code)).error == (400, "invalid_grant")
        assert await connect(sandbox, app, user="ines") != token
        assert await connect(sandbox, app, scope="read:accounts") != token
        assert await connect(sandbox, other) != token


async def test_a_revoked_token_is_over_for_everybody_who_has_it() -> None:
    async with hosted(Mastodon) as sandbox:
        app, other = await register(sandbox), await register(sandbox)
        token = await connect(sandbox, app)
        secrets = {"client_id": app[0], "client_secret": app[1]}

        foreign = await post(sandbox, REVOKE, other, token=token)
        stranger = await post(sandbox, REVOKE, None, token=token)
        assert await whose(sandbox, token) == "maria"
        revoked = await post(sandbox, REVOKE, None, token=token, **secrets)
        again = await post(sandbox, REVOKE, None, token=token, **secrets)
        unknown = await post(sandbox, REVOKE, None, token="nonsense", **secrets)

        assert foreign.error == stranger.error == (403, "unauthorized_client")
        assert [answer.status for answer in (revoked, again, unknown)] == [200, 200, 200]
        assert revoked.body == {}
        assert await whose(sandbox, token) == REVOKED
        new = await connect(sandbox, app)
        assert new != token
        assert await whose(sandbox, new) == "maria"


@pytest.mark.parametrize(
    ("scope", "me", "status", "media"),
    [
        ("read:accounts", "maria", FORBIDDEN, FORBIDDEN),
        ("profile", "maria", FORBIDDEN, FORBIDDEN),
        ("read", "maria", FORBIDDEN, FORBIDDEN),
        ("write:statuses", FORBIDDEN, 200, FORBIDDEN),
        ("write", FORBIDDEN, 200, 422),
        ("write:media read:statuses", FORBIDDEN, FORBIDDEN, 422),
    ],
)
async def test_a_token_is_good_for_its_scopes(scope: str, me: Any, status: Any, media: Any) -> None:
    async with hosted(Mastodon) as sandbox:
        token = await connect(sandbox, await register(sandbox, scopes=scope), scope=scope)

        async def of(path: str, **request: Any) -> Any:
            answer = await call(sandbox, "POST", f"/mastodon/api/{path}", token, **request)
            return answer.error if answer.status == 403 else answer.status

        assert await whose(sandbox, token) == me
        assert await of("v1/statuses", json={"status": "Hello"}) == status
        assert await of("v2/media") == media  # with no file in it


async def test_a_token_is_good_for_what_it_is() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        code = await code_of(sandbox, app[0])

        assert await whose(sandbox, code) == INVALID
        assert await whose(sandbox, "oauth.nonsense") == INVALID
        assert await whose(sandbox, "sandbox:ines") == "ines"


async def test_a_restart_forgets_nobody() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        token = await connect(sandbox, app)

    async with hosted(Mastodon) as sandbox:
        assert await whose(sandbox, token) == "maria"
        assert await whose(sandbox, await connect(sandbox, app, user="ines")) == "ines"


async def test_tokens_are_of_one_network_only() -> None:
    async with hosted() as sandbox:
        token = await connect(sandbox, await register(sandbox))

        elsewhere = await call(sandbox, "GET", "/twitter/2/users/me", token)

        assert elsewhere.status == 401


# Misfortunes.


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("expired_token", (400, "invalid_grant")),
        ("revoked_token", (400, "invalid_grant")),
        ("reject", (401, "invalid_client")),
        ("rate_limit", (429, "Too many requests")),
        ("unavailable", (503, "There was a temporary problem serving your request")),
        ("accept_then_500", (500, "Internal Server Error")),
    ],
)
async def test_a_trade_may_be_refused_by_order(kind: str, error: tuple[int, str]) -> None:
    async with hosted(Mastodon) as sandbox:
        app = await register(sandbox)
        maria, ines = [await code_of(sandbox, app[0], user=user) for user in ("maria", "ines")]
        await sandbox.fault(kind=kind, platform="mastodon", account="maria", effect="token")

        assert (await trade(sandbox, app, ines)).status == 200
        assert (await trade(sandbox, app, maria)).error == error
        is_used = kind == "accept_then_500"
        assert (await trade(sandbox, app, maria)).status == (400 if is_used else 200)


async def test_an_application_may_be_registered_without_learning_of_it() -> None:
    async with hosted(Mastodon) as sandbox:
        await sandbox.fault(kind="accept_then_drop", platform="mastodon", effect="token")

        with pytest.raises(ServerDisconnectedError):
            await register(sandbox)

        assert await whose(sandbox, await connect(sandbox, await register(sandbox))) == "maria"
