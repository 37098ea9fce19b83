"""Somebody at a browser, who signs in to a real Bluesky server and allows an application."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import ClientSession, DummyCookieJar

from pds.pds import PASSWORD, Person

API: Final = "/@atproto/oauth-provider/~api"
CSRF: Final = "csrf-token"
NAVIGATING: Final = {
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


async def allow(person: Person, client_id: str, request_uri: str) -> dict[str, str]:
    """What the application gets back in the query of its redirect_uri."""
    query = urlencode({"client_id": client_id, "request_uri": request_uri})
    page = f"{person.url}/oauth/authorize?{query}"
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        async with http.get(page, headers=NAVIGATING) as answer:
            assert answer.status == 200, await answer.text()
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
        headers = {
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "same-origin",
            "Origin": person.url,
            "Referer": page,
            f"x-{CSRF}": cookies[CSRF],
        }

        async def ask(endpoint: str, body: dict[str, str], **more: str) -> dict[str, str]:
            cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
            url = person.url + API + endpoint
            sent = {**headers, "Cookie": cookie, **more}
            async with http.post(url, json=body, headers=sent) as answer:
                assert answer.status == 200, await answer.text()
                cookies.update({name: it.value for name, it in answer.cookies.items()})
                said: dict[str, str] = await answer.json()
                return said

        signed_in = await ask(
            "/sign-in", {"locale": "en-US", "username": person.handle, "password": PASSWORD}
        )
        bearer = f"Bearer {signed_in['ephemeralToken']}"
        consented = await ask("/consent", {"sub": person.did}, Authorization=bearer)
    return dict(parse_qsl(urlsplit(consented["url"]).query))
