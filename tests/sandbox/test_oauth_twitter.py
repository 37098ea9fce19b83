"""The simulated X as an OAuth server: what it gives to whom, for how long, and what it refuses."""

import base64
import json
from typing import Any

import pytest
from aiohttp import ServerDisconnectedError

from hosted import Hosted, hosted
from installation import Clock
from oncue.sandbox.twitter import Twitter
from oncue.sandbox.twitter_views import user_id
from sandbox.oauth_client import CALLBACK, CHALLENGE, VERIFIER, Answer, call, post, send

pytestmark = pytest.mark.anyio

APP = ("app", "its-secret")
TOKEN = "/twitter/2/oauth2/token"
ME = "/twitter/2/users/me"
SCOPES = "tweet.read tweet.write users.read media.write offline.access"
UNAUTHORIZED = (401, "Unauthorized")
ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "scope": SCOPES,
    "state": "s t&te",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


async def ask(sandbox: Hosted, **change: str | None) -> Answer:
    """What the authorise page says to a question, or to one with an answer in it."""
    query = {name: value for name, value in {**ASKED, **change}.items() if value is not None}
    return await send(sandbox, "GET", "/twitter/i/oauth2/authorize", params=query)


async def code_of(sandbox: Hosted, **change: str | None) -> str:
    answer = await ask(sandbox, **{"user": "maria", "approve": "1", **change})
    return answer.sent_back[1]["code"]


async def trade(sandbox: Hosted, code: str, auth: Any = APP, **change: str) -> Answer:
    fields = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **change}
    return await post(sandbox, TOKEN, auth, grant_type="authorization_code", **fields)


async def connect(sandbox: Hosted, **change: str | None) -> dict[str, Any]:
    answer = await trade(sandbox, await code_of(sandbox, **change))
    assert answer.status == 200, answer.body
    tokens: dict[str, Any] = answer.body
    return tokens


async def renew(sandbox: Hosted, token: str, auth: Any = APP, **more: str) -> Answer:
    return await post(sandbox, TOKEN, auth, grant_type="refresh_token", refresh_token=token, **more)


async def whose(sandbox: Hosted, token: str) -> Any:
    """The user name that a token has, or status and title of the refusal."""
    answer = await call(sandbox, "GET", ME, token)
    if answer.status == 200:
        return answer.body["data"]["username"]
    return answer.status, answer.body["title"]


def tampered(token: str, **change: Any) -> str:
    """A token that says something else."""
    body = token.removeprefix("oauth.")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    return "oauth." + base64.urlsafe_b64encode(json.dumps({**said, **change}).encode()).decode()


async def test_a_user_allows_an_application_and_it_posts_as_the_user() -> None:
    async with hosted(Twitter) as sandbox:
        page = await ask(sandbox)
        answer = await send(
            sandbox,
            "POST",
            "/twitter/i/oauth2/authorize",
            params=ASKED,
            data={"user": "@maria", "approve": "1"},
        )
        address, result = answer.sent_back
        tokens = await trade(sandbox, result["code"])
        posted = await call(
            sandbox,
            "POST",
            "/twitter/2/tweets",
            tokens.body["access_token"],
            json={"text": "Hello"},
        )

        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "tweet.write" in page.body
        assert address == CALLBACK
        assert result.keys() == {"code", "state"}
        assert result["state"] == "s t&te"
        assert tokens.status == 200
        assert tokens.headers["Cache-Control"] == "no-store"
        assert tokens.body.keys() == {
            "token_type",
            "expires_in",
            "access_token",
            "scope",
            "refresh_token",
        }
        assert (tokens.body["token_type"], tokens.body["expires_in"]) == ("bearer", 7200)
        assert tokens.body["scope"] == SCOPES
        assert posted.status == 201
        assert [(post.account, post.text) for post in sandbox.posts("TWITTER")] == [
            ("maria", "Hello")
        ]
        me = await call(sandbox, "GET", ME, tokens.body["access_token"])
        assert me.body["data"]["id"] == user_id("maria")


async def test_a_page_shows_what_it_is_given_as_text() -> None:
    async with hosted(Twitter) as sandbox:
        page = await ask(sandbox, client_id="<b>app", user='"><script>')

        assert "<b>app" not in page.body
        assert "<script>" not in page.body
        assert "&lt;b&gt;app" in page.body


async def test_a_user_who_refuses_is_sent_back_with_an_error() -> None:
    async with hosted(Twitter) as sandbox:
        address, result = (await ask(sandbox, deny="1")).sent_back

        assert address == CALLBACK
        assert (result["error"], result["state"]) == ("access_denied", "s t&te")
        assert "code" not in result


async def test_the_query_of_a_redirect_uri_stays() -> None:
    async with hosted(Twitter) as sandbox:
        uri = f"{CALLBACK}?a=b"
        address, result = (
            await ask(sandbox, redirect_uri=uri, user="maria", approve="1")
        ).sent_back

        assert (address, result["a"]) == (CALLBACK, "b")
        assert (await trade(sandbox, result["code"], redirect_uri=uri)).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"response_type": "token"},
        {"response_type": None},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "/callback"},
        {"redirect_uri": f"{CALLBACK}#part"},
        {"redirect_uri": "http://[app"},
        {"state": None},
        {"state": "x" * 501},
        {"scope": None},
        {"scope": "tweet.read tweet.rite"},
        {"code_challenge": None},
        {"code_challenge_method": "s256"},
        {"user": " "},
    ],
)
async def test_a_wrong_question_is_not_put_to_the_user(change: dict[str, str | None]) -> None:
    async with hosted(Twitter) as sandbox:
        answer = await ask(sandbox, **{"user": "maria", "approve": "1", **change})

        assert answer.status == 400
        assert "You cannot allow this" in answer.body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code_verifier": "w" * 43}, "code verifier did not match the code challenge."),
        ({"code_verifier": ""}, "Missing required parameter [code_verifier]."),
        ({"redirect_uri": CALLBACK + "/"}, "redirect uri did not match"),
        ({"auth": ("other", "its-secret")}, "authorization code was invalid."),
        ({"auth": None, "client_id": "other"}, "authorization code was invalid."),
        ({"auth": None}, "Missing required parameter [client_id]."),
        ({"code": "nonsense"}, "authorization code was invalid."),
        ({"code": "oauth.nonsense"}, "authorization code was invalid."),
        ({"code": ""}, "Missing required parameter [code]."),
    ],
)
async def test_a_code_is_only_for_who_asked_for_it(change: dict[str, Any], words: str) -> None:
    async with hosted(Twitter) as sandbox:
        code = await code_of(sandbox)

        refused = await trade(sandbox, **{"code": code, **change})

        assert refused.error == (400, "invalid_request")
        assert words in refused.body["error_description"]
        assert (await trade(sandbox, code)).status == 200


async def test_a_plain_challenge_is_its_verifier() -> None:
    async with hosted(Twitter) as sandbox:
        code = await code_of(sandbox, code_challenge="plain-one", code_challenge_method="plain")

        assert (await trade(sandbox, code, code_verifier=VERIFIER)).status == 400
        assert (await trade(sandbox, code, code_verifier="plain-one")).status == 200


async def test_a_code_lives_for_thirty_seconds(clock: Clock) -> None:
    async with hosted(Twitter, now=clock) as sandbox:
        late, timely = await code_of(sandbox), await code_of(sandbox)

        clock.advance(seconds=29)
        assert (await trade(sandbox, timely)).status == 200
        clock.advance(seconds=1)
        refused = await trade(sandbox, late)

        assert refused.error == (400, "invalid_request")


async def test_a_code_that_is_used_twice_takes_back_what_it_gave() -> None:
    async with hosted(Twitter) as sandbox:
        code = await code_of(sandbox)
        tokens = (await trade(sandbox, code)).body
        assert await whose(sandbox, tokens["access_token"]) == "maria"

        again = await trade(sandbox, code)

        assert again.error == (400, "invalid_request")
        assert await whose(sandbox, tokens["access_token"]) == UNAUTHORIZED
        assert (await renew(sandbox, tokens["refresh_token"])).status == 400


async def test_an_access_token_lives_for_two_hours_and_is_renewed(clock: Clock) -> None:
    async with hosted(Twitter, now=clock) as sandbox:
        first = await connect(sandbox)
        clock.advance(hours=2, seconds=-1)
        assert await whose(sandbox, first["access_token"]) == "maria"
        clock.advance(seconds=1)
        assert await whose(sandbox, first["access_token"]) == UNAUTHORIZED

        second = (await renew(sandbox, first["refresh_token"])).body

        assert second.keys() == first.keys()
        assert await whose(sandbox, second["access_token"]) == "maria"
        assert second["refresh_token"] != first["refresh_token"]
        assert (await renew(sandbox, second["refresh_token"])).status == 200


async def test_a_renewal_ends_the_access_token_before() -> None:
    async with hosted(Twitter) as sandbox:
        first = await connect(sandbox)

        second = (await renew(sandbox, first["refresh_token"])).body

        assert await whose(sandbox, first["access_token"]) == UNAUTHORIZED
        assert await whose(sandbox, second["access_token"]) == "maria"


async def test_a_refresh_token_that_is_used_twice_ends_everything() -> None:
    async with hosted(Twitter) as sandbox:
        first = await connect(sandbox)
        second = (await renew(sandbox, first["refresh_token"])).body

        again = await renew(sandbox, first["refresh_token"])

        assert again.error == (400, "invalid_request")
        assert again.body["error_description"] == "Value passed for the token was invalid."
        assert await whose(sandbox, second["access_token"]) == UNAUTHORIZED
        assert (await renew(sandbox, second["refresh_token"])).status == 400


async def test_a_refresh_token_lives_for_half_a_year(clock: Clock) -> None:
    async with hosted(Twitter, now=clock) as sandbox:
        tokens = await connect(sandbox)

        clock.advance(days=182)

        assert (await renew(sandbox, tokens["refresh_token"])).status == 400


async def test_without_offline_access_there_is_nothing_to_renew() -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox, scope="tweet.read users.read")

        assert "refresh_token" not in tokens


async def test_an_application_shows_who_it_is_as_it_did_the_first_time() -> None:
    async with hosted(Twitter) as sandbox:
        token = (await connect(sandbox))["refresh_token"]
        public = (await trade(sandbox, await code_of(sandbox), None, client_id="app")).body

        other = await renew(sandbox, token, ("other", "its-secret"))
        secret = await renew(sandbox, token, ("app", "wrong"))
        without = await renew(sandbox, token, None, client_id="app")
        two = await renew(sandbox, token, APP, client_id="other")
        garbled = await send(sandbox, "POST", TOKEN, headers={"Authorization": "Basic !"})
        bearer = await send(sandbox, "POST", TOKEN, headers={"Authorization": "Bearer YTpi"})
        suddenly = await renew(sandbox, public["refresh_token"], APP)

        assert other.error == (400, "invalid_request")
        for answer in (secret, without, two, garbled, bearer, suddenly):
            assert answer.error == (401, "unauthorized_client")
        assert (await renew(sandbox, token)).status == 200
        public_again = await renew(sandbox, public["refresh_token"], None, client_id="app")
        assert public_again.status == 200


async def test_a_request_for_tokens_is_a_form_with_everything_once() -> None:
    async with hosted(Twitter) as sandbox:
        token = (await connect(sandbox))["refresh_token"]
        fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"}

        as_json = await send(sandbox, "POST", TOKEN, json=fields)
        twice = await send(sandbox, "POST", TOKEN, data=[*fields.items(), ("client_id", "app")])
        unknown = await post(sandbox, TOKEN, APP, grant_type="password")

        assert as_json.error == twice.error == (400, "invalid_request")
        assert unknown.error == (400, "unsupported_grant_type")


async def test_a_token_is_good_for_what_it_is_and_for_its_scopes_only() -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox, scope="tweet.read users.read offline.access")
        code = await code_of(sandbox)

        odd = tampered(tokens["access_token"], made="yesterday")
        for text in (tokens["refresh_token"], code, "oauth.bm9uc2Vuc2U", "oauth.e30", odd):
            assert await whose(sandbox, text) == UNAUTHORIZED
        forbidden = await call(
            sandbox, "POST", "/twitter/2/tweets", tokens["access_token"], json={"text": "Hello"}
        )
        assert (forbidden.status, forbidden.body["title"]) == (403, "Forbidden")
        assert sandbox.posts("TWITTER") == []
        assert await whose(sandbox, "sandbox:ines") == "ines"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_revoked_grant_is_over(which: str) -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox)
        revoke = "/twitter/2/oauth2/revoke"

        foreign = await post(sandbox, revoke, ("other", "secret"), token=tokens[which])
        assert foreign.status == 400
        assert await whose(sandbox, tokens["access_token"]) == "maria"
        answer = await post(sandbox, revoke, APP, token=tokens[which])
        unknown = await post(sandbox, revoke, APP, token="nonsense")

        assert (answer.status, answer.body) == (200, {"revoked": True})
        assert unknown.status == 200
        assert await whose(sandbox, tokens["access_token"]) == UNAUTHORIZED
        assert (await renew(sandbox, tokens["refresh_token"])).status == 400


async def test_a_user_may_withdraw_what_was_allowed_at_the_network() -> None:
    async with hosted() as sandbox:
        maria, ines = await connect(sandbox), await connect(sandbox, user="ines")
        query = {"platform": "twitter", "account": "maria"}

        elsewhere = await send(
            sandbox, "DELETE", "/_sandbox/grants", params={**query, "platform": "mastodon"}
        )
        withdrawn = await send(sandbox, "DELETE", "/_sandbox/grants", params=query)

        assert (elsewhere.body, withdrawn.body) == ({"withdrawn": 0}, {"withdrawn": 1})
        assert await whose(sandbox, maria["access_token"]) == UNAUTHORIZED
        assert (await renew(sandbox, maria["refresh_token"])).status == 400
        assert await whose(sandbox, ines["access_token"]) == "ines"
        again = await connect(sandbox)
        assert await whose(sandbox, again["access_token"]) == "maria"
        assert (await send(sandbox, "DELETE", "/_sandbox/grants")).body == {"withdrawn": 2}


async def test_a_restart_forgets_nobody() -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox)

    async with hosted(Twitter) as sandbox:
        assert await whose(sandbox, tokens["access_token"]) == "maria"
        renewed = await renew(sandbox, tokens["refresh_token"])
        assert await whose(sandbox, renewed.body["access_token"]) == "maria"
        assert (await renew(sandbox, tokens["refresh_token"])).status == 400


# Misfortunes.


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("expired_token", 400, "invalid_request"),
        ("revoked_token", 400, "invalid_request"),
        ("reject", 401, "unauthorized_client"),
        ("rate_limit", 429, None),
        ("unavailable", 503, None),
    ],
)
async def test_a_renewal_may_be_refused_by_order_and_leaves_the_token_as_it_was(
    kind: str, status: int, error: str | None
) -> None:
    async with hosted(Twitter) as sandbox:
        maria, ines = await connect(sandbox), await connect(sandbox, user="ines")
        await sandbox.fault(kind=kind, platform="twitter", account="maria", effect="token")

        assert (await renew(sandbox, ines["refresh_token"])).status == 200
        refused = await renew(sandbox, maria["refresh_token"])

        assert (refused.status, refused.body.get("error")) == (status, error)
        assert await whose(sandbox, maria["access_token"]) == "maria"
        assert (await renew(sandbox, maria["refresh_token"])).status == 200


async def test_the_answer_to_a_renewal_may_be_lost_after_the_token_rotated() -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox)
        await sandbox.fault(kind="accept_then_drop", platform="twitter", effect="token")

        with pytest.raises(ServerDisconnectedError):
            await renew(sandbox, tokens["refresh_token"])

        assert await whose(sandbox, tokens["access_token"]) == UNAUTHORIZED
        assert (await renew(sandbox, tokens["refresh_token"])).status == 400


async def test_a_server_error_may_hide_that_a_code_was_traded() -> None:
    async with hosted(Twitter) as sandbox:
        code = await code_of(sandbox)
        await sandbox.fault(kind="accept_then_500", platform="twitter", effect="token")

        hidden = await trade(sandbox, code)

        assert hidden.status == 500
        assert (await trade(sandbox, code)).error == (400, "invalid_request")


async def test_a_refused_renewal_uses_up_no_fault_of_acceptance() -> None:
    async with hosted(Twitter) as sandbox:
        tokens = await connect(sandbox)
        await sandbox.fault(kind="slow", seconds=0, platform="twitter", effect="token")
        await sandbox.fault(kind="garbage", platform="twitter", effect="token")

        slow = await renew(sandbox, tokens["refresh_token"])
        garbage = await renew(sandbox, slow.body["refresh_token"])

        assert slow.status == 200
        assert (garbage.status, garbage.body[:6]) == (200, "<html>")
        assert (await renew(sandbox, slow.body["refresh_token"])).status == 200
