"""Somebody on the real server's page, who signs in and allows what is asked there."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientResponse, ClientSession, DummyCookieJar

from browser import Back
from pds.pds import PASSWORD, Person

PAGE: Final = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
SCRIPT: Final = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "same-origin"}
API: Final = "/@atproto/oauth-provider/~api"


class Page:
    """The page of one request, with the cookies that it sets."""

    def __init__(self, http: ClientSession, person: Person, url: str) -> None:
        self._http = http
        self._person = person
        self._url = url
        self._cookies: dict[str, str] = {}
        self.pass_token = ""  # that the script was given for signing in

    async def open(self) -> None:
        async with self._http.get(self._url, headers=self._headers(PAGE)) as page:
            assert page.status == 200, await page.text()
            self._keep_cookies(page)

    async def press(self, button: str, **fields: Any) -> Mapping[str, Any]:
        """What the page's own script does when a button is pressed."""
        headers = self._headers(SCRIPT) | {
            "origin": self._person.url,
            "referer": self._url,
            "x-csrf-token": self._cookies["csrf-token"],
        }
        if self.pass_token:
            headers["authorization"] = f"Bearer {self.pass_token}"
        async with self._http.post(
            f"{self._person.url}{API}/{button}", json=fields, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            self._keep_cookies(answer)
            found: Mapping[str, Any] = await answer.json()
            return found

    async def follow(self, url: str) -> Back:
        headers = self._headers(PAGE | {"sec-fetch-site": "same-origin"}) | {"referer": self._url}
        async with self._http.get(url, headers=headers, allow_redirects=False) as page:
            assert page.status == 303, await page.text()
            parts = urlsplit(page.headers["location"])
        return Back(parts._replace(query="").geturl(), dict(parse_qsl(parts.query)))

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        """The server marks its cookies as secure, and a test speaks plain HTTP to it."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {**more, "cookie": cookies} if cookies else dict(more)

    def _keep_cookies(self, answer: ClientResponse) -> None:
        self._cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}


async def allow(person: Person, url: str) -> Back:
    """Sign in and say yes."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        page = Page(http, person, url)
        await page.open()
        signed_in = await page.press(
            "sign-in", locale="en", username=person.handle, password=PASSWORD
        )
        page.pass_token = signed_in["ephemeralToken"]
        allowed = await page.press("consent", sub=person.did)
        return await page.follow(allowed["url"])


async def refuse(person: Person, url: str) -> Back:
    """Say no."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        page = Page(http, person, url)
        await page.open()
        refused = await page.press("reject")
        return await page.follow(refused["url"])
