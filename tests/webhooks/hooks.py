"""Receivers of this machine, and how tests have them told."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from installation import Installation
from loopback import Names, Served, answering, hang
from oncue.lib.addresses import Allowed
from oncue.lib.outbound import GuardedClient

ANY_PORT: Final = range(65536)


@dataclass(frozen=True)
class Heard:
    """A request as it arrived."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def heard(receiver: Served) -> list[Heard]:
    """Everything a receiver was told, in order."""
    return [_read(request) for request in receiver.asked]


def types(receiver: Served) -> list[str]:
    return [each.json["type"] for each in heard(receiver)]


def _read(request: bytes) -> Heard:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return Heard({name.lower(): value for name, _, value in lines}, body)


class Expected:
    """Answers requests, and says when as many as were expected have come."""

    def __init__(self, count: int, *, answers: bool = True) -> None:
        self.all_came = asyncio.Event()
        self._left, self._answers = count, answers

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        self._left -= 1
        if self._left == 0:
            self.all_came.set()
        if not self._answers:
            await hang(writer)
        writer.write(answering())
        await writer.drain()


def to_loopback(**names: Sequence[Sequence[str]]) -> GuardedClient:
    """A client whose operator has opened 127.0.0.1, and to which names mean what is given."""
    return GuardedClient(Allowed.parse("127.0.0.1"), resolver=Names(**names), ports=ANY_PORT)


async def hook(installation: Installation, url: str, **fields: Any) -> dict[str, Any]:
    """POST /v1/webhooks; the endpoint with its secret."""
    answer = await installation.api.post("/v1/webhooks", json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def shown(installation: Installation, endpoint: Mapping[str, Any]) -> dict[str, Any]:
    answer = await installation.api.get(f"/v1/webhooks/{endpoint['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deliveries(
    installation: Installation, endpoint: Mapping[str, Any], query: str = ""
) -> list[dict[str, Any]]:
    """The endpoint's log, the newest first."""
    answer = await installation.api.get(f"/v1/webhooks/{endpoint['id']}/deliveries{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def attempts(
    installation: Installation, endpoint: Mapping[str, Any], delivery: Mapping[str, Any]
) -> list[dict[str, Any]]:
    path = f"/v1/webhooks/{endpoint['id']}/deliveries/{delivery['id']}"
    found: list[dict[str, Any]] = (await installation.api.get(path)).json()["attempts"]
    return found


async def dispatch(installation: Installation) -> None:
    """Have a batch of events become deliveries, and none of these tried."""
    [duty] = [duty for duty in installation.worker.duties if duty.name == "dispatching"]
    await duty.act()
