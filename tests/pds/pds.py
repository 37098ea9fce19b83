"""A real Bluesky server for one test, and just enough of a runner to drive a connector there."""

import os
import socket
import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import ClientResponse, ClientSession

from oncue.connectors.base import Account, Call, Exchange, Refused, Reply, Steps, Wait
from oncue.connectors.bluesky import Bluesky

T = TypeVar("T")
HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node"


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


@dataclass
class Person:
    """Somebody with an account, whose connector's steps are really taken."""

    http: ClientSession
    url: str
    secrets: Mapping[str, str]
    files: dict[str, bytes] = field(default_factory=dict)
    account: Account = field(default_factory=lambda: Account(native_id=""))
    connector: Bluesky = field(default_factory=Bluesky)

    async def sign_in(self) -> None:
        session = await self._play(self.connector.sign_in(self.secrets))
        self.secrets = {**self.secrets, **session.secrets}
        who = await self.run(self.connector.identify(self.account))
        self.account = Account(native_id=who.native_id, username=who.username, server=self.url)

    async def run(self, steps: Steps[T]) -> T:
        return await self._play(steps)

    async def ask(self, call: Call) -> Any:
        """One call of the test's own."""
        return (await self._send(call)).body

    async def _play(self, steps: Generator[Any, Reply, T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._send(step)
                except Refused as refused:
                    step = steps.throw(refused)
                else:
                    step = steps.send(reply)
        except StopIteration as finished:
            outcome: T = finished.value
            return outcome

    async def _send(self, step: Call | Exchange | Wait) -> Reply:
        assert not isinstance(step, Wait)
        call = self.connector.sign(step, self.secrets) if isinstance(step, Call) else step
        body = call.body if isinstance(call, Call) else None
        async with self.http.request(
            call.method,
            self.url + call.path,
            params=dict(call.query) if isinstance(call, Call) else None,
            json=dict(call.json) if call.json is not None else None,
            data=self.files[body.id] if body else None,
            headers=dict(call.headers),
        ) as answer:
            reply = Reply(answer.status, await _body(answer))
        self.connector.judge(reply)
        return reply


async def _body(answer: ClientResponse) -> Any:
    is_json = answer.content_type == "application/json"
    return await (answer.json() if is_json else answer.text())


async def newcomer(http: ClientSession, url: str, handle: str) -> Person:
    """A person who has just got an account, and signed in with it."""
    password = "correct horse"
    account = {"handle": handle, "email": f"{handle}@mail.test", "password": password}
    async with http.post(f"{url}/xrpc/com.atproto.server.createAccount", json=account) as answer:
        assert answer.status == 200, await answer.text()
    person = Person(http, url, {"identifier": handle, "appPassword": password})
    await person.sign_in()
    return person
