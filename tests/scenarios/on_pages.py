"""Accounts connected on the networks' pages while somebody looks for what is secret about it."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from browser import Back, allow, come_back, hand_in, refuse, secrets_of, speak_for
from installation import Installation
from oncue.connectors.base import BINDING_KEY

ON_PAGES: Final = ("TWITTER", "MASTODON", "BLUESKY")
THEIRS: Final = "http://127.0.0.1:3000/back"
APP_SECRET: Final = "canary-of-the-app-6e2f"
TROUBLES: Final = (
    "reject",
    "revoked_token",
    "expired_token",
    "unavailable",
    "accept_then_500",
    "accept_then_drop",
    "garbage",
)


class Scene(Protocol):
    """What is looked at, and what is known to be secret."""

    oncue: Installation
    secrets: set[str]

    async def asks(self, method: str, path: str, **request: Any) -> Any: ...

    async def is_begun(self, path: str, **request: Any) -> Any: ...


async def connect_on_pages(scene: Scene) -> list[str]:
    """Go every way through OAuth, also those that lead nowhere; the accounts it ends with."""
    app = {"clientId": "ours", "clientSecret": APP_SECRET}
    scene.secrets.add(APP_SECRET)
    await scene.asks("PUT", "/v1/apps/twitter", json=app)
    await scene.asks("PUT", "/v1/apps/mastodon", json=app)
    await scene.asks("GET", "/v1/apps")
    return [await _everywhere_on(scene, platform) for platform in ON_PAGES]


async def _everywhere_on(scene: Scene, platform: str) -> str:
    await _fail(scene, platform)
    back = await _there(scene, platform)
    account = (await hand_in(scene.oncue, platform, back)).json()["account"]
    await hand_in(scene.oncue, platform, back)
    await come_back(scene.oncue, back)
    await _use(scene, platform, account)
    again = await _there(scene, platform, here=True)
    assert (await come_back(scene.oncue, again)).status_code == 200
    await note_grant(scene, account)
    await speak_for(scene.oncue, platform, account)
    return str(account["id"])


async def _there(scene: Scene, platform: str, *, here: bool = False, no: bool = False) -> Back:
    """Be sent to the page and come back, with what nobody else is to know."""
    body = {} if here else {"redirectUri": THEIRS}
    path = f"/v1/accounts/connect/{platform.lower()}"
    begun = await scene.is_begun(path, json=body)
    back = await (refuse if no else allow)(begun["authorizationUrl"])
    scene.secrets |= {back.said[name] for name in ("state", "code") if name in back.said}
    return back


async def _fail(scene: Scene, platform: str) -> None:
    """A no on the page, an answer that was tampered with, and a network in every trouble."""
    oncue = scene.oncue
    await hand_in(oncue, platform, await _there(scene, platform, no=True))
    await come_back(oncue, await _there(scene, platform, here=True, no=True))
    for changed in (
        {"redirectUri": "https://elsewhere.example/"},
        {"iss": "https://elsewhere.example"},
        {"code": "canary-wrong-code-1b77"},
        {"code": ""},
        {"state": 5},
        {"code": ["canary-wrong-code-1b77"]},
    ):
        await hand_in(oncue, platform, await _there(scene, platform), **changed)
    if platform == "BLUESKY":  # where the request is handed in first
        for kind in ("reject", "unavailable", "accept_then_500"):
            await oncue.fault(kind=kind, platform=platform, effect="token")
            told = await scene.asks("POST", "/v1/accounts/connect/bluesky", json={})
            assert "error" in told
            await oncue.forgive()
    for kind in TROUBLES:
        back = await _there(scene, platform)
        await oncue.fault(kind=kind, platform=platform, effect="token", times=4)
        await hand_in(oncue, platform, back)
        await oncue.forgive()
    back = await _there(scene, platform, here=True)
    await oncue.fault(kind="reject", platform=platform, effect="token")
    await come_back(oncue, back)
    await oncue.forgive()


async def _use(scene: Scene, platform: str, account: Mapping[str, Any]) -> None:
    """Renew what was given, and publish with it, in every trouble."""
    oncue, path = scene.oncue, f"/v1/accounts/{account['id']}"
    await note_grant(scene, account)
    post = {"content": "Hello", "accountIds": [account["id"]]}
    for kind in ("", "reject", "accept_then_500", "revoked_token"):
        if kind:
            await oncue.fault(kind=kind, platform=platform, effect="token", times=2)
            await oncue.fault(kind=kind, platform=platform, times=2)
        await scene.asks("POST", f"{path}/refresh")
        await scene.asks("POST", f"{path}/test")
        made = await scene.asks("POST", "/v1/posts", json=post)
        await scene.asks("POST", f"/v1/posts/{made['id']}/publish")
        await oncue.run_due()
        oncue.clock.advance(hours=1)
        await oncue.forgive()
        await scene.asks("GET", f"/v1/posts/{made['id']}")
        await note_grant(scene, account)
    await oncue.errands()
    await scene.asks("DELETE", path)


async def note_grant(scene: Scene, account: Mapping[str, Any]) -> None:
    """The tokens that are kept now, and the longest line of the key they are bound to."""
    held = await secrets_of(scene.oncue, account)
    scene.secrets |= {held[name] for name in ("accessToken", "refreshToken") if name in held}
    if key := held.get(BINDING_KEY):
        scene.secrets.add(max(key.splitlines(), key=len))
