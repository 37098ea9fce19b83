"""The sandbox's Bluesky answers applications as the real server does, in the same words."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import pytest
from aiohttp import ClientSession

from hosted import Hosted, hosted
from oncue.lib.clock import utc_now
from oncue.sandbox.bluesky import Bluesky
from oncue.sandbox.ledger import Ledger
from pds.browser import allow
from pds.pds import Person
from sandbox.bluesky_app import POST, RECORD, App, Key, s256
from sandbox.oauth_client import Answer, send

pytestmark = pytest.mark.anyio

PAR: Final = "/oauth/par"
TOKEN: Final = "/oauth/token"


class RealApp(App):
    """The same application, whose user is at the real server."""

    person: Person

    @property
    def issuer(self) -> str:
        return self.sandbox.url

    async def code(self, user: str = "maria", **change: str) -> str:
        pushed = await self.push(**change)
        assert pushed.status == 201, pushed.body
        result = await allow(self.person, self.client_id, pushed.body["request_uri"])
        return result["code"]


Trial: TypeAlias = Callable[[App], Awaitable[Answer]]


@pytest.fixture
async def apps(maria: Person) -> AsyncIterator[tuple[App, App]]:
    """One at the real server, one at the sandbox."""
    async with ClientSession() as http, hosted(Bluesky) as sandbox:
        real = RealApp(Hosted(maria.url, http, Ledger()), utc_now)
        real.person = maria
        yield real, App(sandbox, utc_now)


def pushing(**change: str) -> Trial:
    async def trial(app: App) -> Answer:
        return await app.push(**change)

    return trial


def proving(**change: Any) -> Trial:
    """A request that is wrong in its proof, to the authorization server."""

    async def trial(app: App) -> Answer:
        await app.push()
        return await app.send(PAR, {"response_type": "code"}, change)

    return trial


def trading(**change: str) -> Trial:
    async def trial(app: App) -> Answer:
        return await app.trade(await app.code(), **change)

    return trial


def calling(**change: Any) -> Trial:
    """A call of the API that is wrong in its proof."""

    async def trial(app: App) -> Answer:
        await app.connect()
        return await app.call("GET", "server.getSession", proof=change)

    return trial


def with_scope(scope: str, method: str, **request: Any) -> Trial:
    async def trial(app: App) -> Answer:
        app.client_id = app.client_id.partition("&")[0] + f"&scope={scope.replace(' ', '%20')}"
        tokens = await app.connect(scope=scope)
        if "json" in request:
            request["json"] = {**request["json"], "repo": tokens["sub"]}
        return await app.call("POST", method, **request)

    return trial


async def stale(app: App) -> Answer:
    return await app.send(PAR, {"response_type": "code"})


async def stale_at_the_api(app: App) -> Answer:
    await app.connect()
    app.nonce = ""
    return await app.call("GET", "server.getSession")


async def mismatched_at_the_api(app: App) -> Answer:
    await app.connect()
    app.nonce = "made-up"
    return await app.call("GET", "server.getSession")


async def replayed_code(app: App) -> Answer:
    code = await app.code()
    await app.trade(code)
    return await app.trade(code)


async def after_a_replayed_code(app: App) -> Answer:
    code = await app.code()
    app.tokens = (await app.trade(code)).body
    await app.trade(code)
    return await app.call("GET", "server.getSession")


async def after_a_wrong_attempt(app: App) -> Answer:
    code = await app.code()
    await app.trade(code, code_verifier="w" * 43)
    return await app.trade(code)


async def another_key(app: App) -> Answer:
    code = await app.code()
    app.key = Key()
    return await app.trade(code)


async def same_challenge(app: App) -> Answer:
    await app.connect()
    verifier = app.verifier
    code = await app.code(code_challenge=s256(verifier))
    return await app.trade(code, code_verifier=verifier)


async def renewed(app: App) -> Answer:
    await app.connect()
    return await app.renew()


async def replaced(app: App) -> Answer:
    first = await app.connect()
    await app.renew()
    return await app.call("GET", "server.getSession", first["access_token"])


async def replayed(app: App) -> Answer:
    await app.connect()
    await app.renew()
    return await app.renew()


async def after_a_replay(app: App) -> Answer:
    first = await app.connect()
    app.tokens = (await app.renew()).body
    await app.renew(first["refresh_token"])
    return await app.renew()


async def stolen(app: App) -> Answer:
    await app.connect()
    app.key = Key()
    return await app.renew()


async def after_a_theft(app: App) -> Answer:
    await app.connect()
    key, app.key = app.key, Key()
    await app.renew()
    app.key = key
    return await app.renew()


async def foreign(app: App) -> Answer:
    await app.connect()
    return await app.renew(client_id="http://localhost")


async def stolen_at_the_api(app: App) -> Answer:
    await app.connect()
    app.key = Key()
    return await app.call("GET", "server.getSession")


async def replayed_proof(app: App) -> Answer:
    await app.connect()
    await app.call("GET", "server.getSession", proof={"jti": "the-same"})
    return await app.call("GET", "server.getSession", proof={"jti": "the-same"})


async def unproven(app: App) -> Answer:
    await app.connect()
    return await app.send(TOKEN, {"grant_type": "refresh_token", "refresh_token": "x"}, {})


async def unproven_at_the_api(app: App) -> Answer:
    await app.connect()
    return await app.call("GET", "server.getSession", proof={})


async def as_bearer(app: App) -> Answer:
    tokens = await app.connect()
    url = f"{app.issuer}/xrpc/com.atproto.server.getSession"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return await send(app.sandbox, "GET", url, headers=headers)


async def revoked(app: App) -> Answer:
    tokens = await app.connect()
    return await app.persist("/oauth/revoke", token=tokens["refresh_token"])


async def after_a_revocation(app: App) -> Answer:
    tokens = await app.connect()
    await app.persist("/oauth/revoke", token=tokens["access_token"])
    return await app.renew()


async def after_a_revocation_at_the_api(app: App) -> Answer:
    tokens = await app.connect()
    await app.persist("/oauth/revoke", token=tokens["refresh_token"])
    return await app.call("GET", "server.getSession")


WRITING: Final = {"collection": POST, "rkey": "3l3qo2vuowo2b", "record": RECORD}
PNG: Final = {"data": b"pixels", "headers": {"Content-Type": "image/png"}}
TRIALS: Final[dict[str, Trial]] = {
    "pushed": pushing(),
    "response_type": pushing(response_type="token"),
    "redirect_uri": pushing(redirect_uri="https://app.example/callback"),
    "path": pushing(redirect_uri="http://127.0.0.1:8080/elsewhere"),
    "undeclared scope": pushing(scope="atproto transition:email"),
    "no atproto": pushing(scope="transition:generic"),
    "no challenge": pushing(code_challenge="", code_challenge_method=""),
    "plain challenge": pushing(code_challenge_method="plain"),
    "dpop_jkt": pushing(dpop_jkt="another-key"),
    "login_hint": pushing(login_hint="maria"),
    "client_id": pushing(client_id="app"),
    "http client_id": pushing(client_id="http://app.example/client-metadata.json"),
    "loopback elsewhere": pushing(client_id="http://localhost?redirect_uri=https://a.example/"),
    "loopback localhost": pushing(client_id="http://localhost?redirect_uri=http://localhost/"),
    "loopback scope": pushing(client_id="http://localhost?scope=transition:generic"),
    "stale": stale,
    "stale at the API": stale_at_the_api,
    "mismatched at the API": mismatched_at_the_api,
    "typ": proving(header={"typ": "JWT"}),
    "alg": proving(header={"alg": "none"}),
    "another jwk": proving(header={"jwk": Key().jwk}),
    "no jwk": proving(header={"jwk": None}),
    "no jti": proving(jti=None),
    "htm": proving(htm="GET"),
    "htu": proving(htu="https://other.example/oauth/par"),
    "no iat": proving(iat=None),
    "old": proving(iat=0),
    "early": proving(iat=9_999_999_999),
    "needless ath": proving(ath="abc"),
    "traded": trading(),
    "verifier": trading(code_verifier="w" * 43),
    "short verifier": trading(code_verifier="short"),
    "trade redirect": trading(redirect_uri="http://127.0.0.1:9/callback"),
    "trade client": trading(client_id="http://localhost"),
    "grant_type": trading(grant_type="password"),
    "replayed code": replayed_code,
    "after a replayed code": after_a_replayed_code,
    "after a wrong attempt": after_a_wrong_attempt,
    "another key": another_key,
    "same challenge": same_challenge,
    "renewed": renewed,
    "replaced": replaced,
    "replayed": replayed,
    "after a replay": after_a_replay,
    "stolen": stolen,
    "after a theft": after_a_theft,
    "foreign": foreign,
    "called": calling(jti="called"),
    "no ath": calling(ath=None),
    "wrong ath": calling(ath="abc"),
    "stolen at the API": stolen_at_the_api,
    "replayed proof": replayed_proof,
    "unproven": unproven,
    "unproven at the API": unproven_at_the_api,
    "as bearer": as_bearer,
    "revoked": revoked,
    "after a revocation": after_a_revocation,
    "after a revocation at the API": after_a_revocation_at_the_api,
    "no scope to write": with_scope("atproto", "repo.putRecord", json=WRITING),
    "no scope to create": with_scope(
        f"atproto repo:{POST}?action=update", "repo.putRecord", json=WRITING
    ),
    "scope to write": with_scope(f"atproto repo:{POST}", "repo.putRecord", json=WRITING),
    "no scope to upload": with_scope("atproto blob:video/*", "repo.uploadBlob", **PNG),
    "scope to upload": with_scope("atproto blob:*/*", "repo.uploadBlob", **PNG),
}


WORDED_OTHERWISE: Final = {  # there by the libraries that read requests and signatures
    "loopback elsewhere",
    "loopback localhost",
    "alg",
    "short verifier",
    "grant_type",
}


def told(answer: Answer) -> dict[str, Any]:
    """What an application can tell two answers apart by."""
    body = answer.body
    is_token = "access_token" in body
    return {
        "status": answer.status,
        "error": body.get("error"),
        "words": body.get("error_description", body.get("message")),
        "names": sorted(body) if is_token else [],
        "type": body.get("token_type"),
        "is challenged": 'error="' in answer.headers.get("WWW-Authenticate", ""),
        "has nonce": "DPoP-Nonce" in answer.headers,
    }


@pytest.mark.parametrize("name", TRIALS)
async def test_an_application_is_told_the_same(name: str, apps: tuple[App, App]) -> None:
    real, ours = [told(await TRIALS[name](app)) for app in apps]

    if name in WORDED_OTHERWISE:
        assert ours.pop("words")
        assert real.pop("words")
    assert ours == real


async def test_the_same_is_said_of_what_the_server_can(apps: tuple[App, App]) -> None:
    known = "/.well-known/oauth-authorization-server"
    real, ours = [(await send(app.sandbox, "GET", app.issuer + known)).body for app in apps]
    known = "/.well-known/oauth-protected-resource"
    holders = [(await send(app.sandbox, "GET", app.issuer + known)).body for app in apps]

    assert real.keys() >= ours.keys() - {"protected_resources"}
    for name, value in ours.items():
        if isinstance(value, list) and name != "protected_resources":
            assert set(value) <= set(real[name]), name
        elif isinstance(value, bool) and name != "request_parameter_supported":
            assert value == real[name], name
        elif isinstance(value, str):
            path = value.removeprefix(apps[1].issuer)
            assert real[name].removesuffix("/") == apps[0].issuer + path, name
    assert sorted(holders[0]) == sorted(holders[1])
