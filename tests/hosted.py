"""A sandbox on a free local port, for one test."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from oncue.lib.clock import utc_now
from oncue.sandbox.app import NETWORKS, create_app
from oncue.sandbox.fetching import fetch
from oncue.sandbox.ledger import Entry, Ledger
from oncue.sandbox.network import Fetch, Network


@dataclass
class Hosted:
    url: str
    http: ClientSession
    ledger: Ledger

    async def fault(self, **order: object) -> None:
        async with self.http.post(f"{self.url}/_sandbox/faults", json=order) as answer:
            assert answer.status == 201, await answer.text()

    def posts(self, platform: str) -> list[Entry]:
        return self.ledger.entries(platform=platform, kind="post")


@asynccontextmanager
async def hosted(
    *networks: type[Network],
    file: Path | None = None,
    now: Callable[[], datetime] = utc_now,
    fetch: Fetch = fetch,
) -> AsyncIterator[Hosted]:
    ledger = Ledger(file)
    server = TestServer(create_app(ledger, networks=networks or NETWORKS, now=now, fetch=fetch))
    await server.start_server()
    async with ClientSession() as http:
        yield Hosted(str(server.make_url("")).rstrip("/"), http, ledger)
    await server.close()
    ledger.close()
