"""A real Bluesky server for the tests, somebody with an account there, and a line that fails."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
import pytest
from aiohttp import ClientSession

from installation import Installation
from oncue.lib.http import Answer, HttpClient, Request

HERE: Final = Path(__file__).parent
INSTALLED: Final = (
    HERE / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node"
)
PASSWORD: Final = "correct horse"
PATIENCE_SECONDS: Final = 30


def need_installation() -> None:
    """Skip where the server is not installed; in CI that is a failure."""
    if INSTALLED.exists():
        return
    if os.environ.get("CI"):
        raise AssertionError("CI needs the real Bluesky server: run `make pds`")
    pytest.skip("the real Bluesky server is not installed (run `make pds`)")


def free_ports(count: int) -> list[int]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server that keeps everything in `folder`."""
    pds, plc = free_ports(2)
    command = ["node", str(HERE / "server.mjs"), str(folder), str(pds), str(plc)]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", (folder / "log").read_text()
            yield f"http://localhost:{pds}"
        finally:
            process.kill()
            process.communicate()


class LossyClient(HttpClient):
    """The outbound client, but the answer to a post can get lost: the server has it by then."""

    def __init__(self) -> None:
        super().__init__(timeout=PATIENCE_SECONDS)
        self.loses: BaseException | None = None
        self.posts_sent = 0

    async def send(self, request: Request) -> Answer:
        answer = await super().send(request)
        if request.is_decisive:
            self.posts_sent += 1
            lost, self.loses = self.loses, None
            if lost is not None:
                raise lost
        return answer


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account on the server, seen without any code of ours."""

    http: ClientSession
    url: str
    handle: str
    did: str

    @property
    def credentials(self) -> Mapping[str, str]:
        return {"identifier": self.handle, "appPassword": PASSWORD}

    async def records(self) -> list[dict[str, Any]]:
        """The posts that are in the person's repository."""
        query = {"repo": self.did, "collection": "app.bsky.feed.post"}
        address = f"{self.url}/xrpc/com.atproto.repo.listRecords"
        async with self.http.get(address, params=query) as answer:
            assert answer.status == 200, await answer.text()
            found: list[dict[str, Any]] = (await answer.json())["records"]
        return found


async def sign_up(http: ClientSession, url: str, handle: str) -> Person:
    """A person who has just got an account."""
    account = {"handle": handle, "email": f"{handle}@mail.test", "password": PASSWORD}
    async with http.post(f"{url}/xrpc/com.atproto.server.createAccount", json=account) as answer:
        assert answer.status == 200, await answer.text()
        did: str = (await answer.json())["did"]
    return Person(http=http, url=url, handle=handle, did=did)


async def ask_to_connect(oncue: Installation, person: Person, **changed: str) -> httpx.Response:
    """POST /v1/accounts with the person's credentials."""
    return await oncue.api.post(
        "/v1/accounts",
        json={
            "platform": "BLUESKY",
            "credentials": {**person.credentials, **changed},
            "serverUrl": person.url,
        },
    )
