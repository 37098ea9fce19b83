"""An application that asks the sandbox's users for their accounts, over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import FormData, encode_basic_auth

from hosted import Hosted
from oncue.sandbox.grants import challenge_of

CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 43
CHALLENGE = challenge_of(VERIFIER)


@dataclass
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def sent_back(self) -> tuple[str, dict[str, str]]:
        """Where the user was sent, and with what."""
        assert self.status == 302
        parts = urlsplit(self.headers["Location"])
        assert not parts.fragment
        return parts._replace(query="").geturl(), dict(parse_qsl(parts.query))

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.body["error"]


async def send(sandbox: Hosted, method: str, path: str, **request: Any) -> Answer:
    url = path if path.startswith("http") else sandbox.url + path
    async with sandbox.http.request(method, url, allow_redirects=False, **request) as answer:
        is_json = answer.content_type.endswith("json")
        body = await (answer.json(content_type=None) if is_json else answer.text())
        return Answer(answer.status, body, answer.headers)


async def post(
    sandbox: Hosted, path: str, auth: tuple[str, str] | None = None, **fields: str
) -> Answer:
    """A form, and HTTP Basic where `auth` is given."""
    headers = {"Authorization": encode_basic_auth(*auth)} if auth else {}
    return await send(sandbox, "POST", path, data=FormData(fields), headers=headers)


async def call(sandbox: Hosted, method: str, path: str, token: str, **request: Any) -> Answer:
    """A call of a network's API with a bearer token."""
    headers = {"Authorization": f"Bearer {token}"}
    return await send(sandbox, method, path, headers=headers, **request)
