"""Proofs with requests: a nonce is learnt from any answer, and asked for once at most."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from accounts.test_signing import decoded
from installation import Clock
from oncue.accounts.proofs import NONCES, Bound, Nonces, send_proved
from oncue.accounts.signing import Key
from oncue.lib.http import Answer, Request

pytestmark = pytest.mark.anyio

REQUEST: Final = Request(method="POST", url="https://pds.test/a", headers={"x": "kept"})
FINE: Final = Answer(status=200, headers={}, body={})
WANTS: Final = Answer(status=400, headers={"dpop-nonce": "n1"}, body={"error": "use_dpop_nonce"})
CHALLENGES: Final = Answer(
    status=401,
    headers={"dpop-nonce": "n1", "www-authenticate": 'DPoP error="use_dpop_nonce"'},
    body=None,
)


@dataclass
class Server:
    """Answers one after the other, and remembers the proofs."""

    answers: Sequence[Answer]
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        self.sent.append(request)
        return self.answers[min(len(self.sent), len(self.answers)) - 1]

    @property
    def claims(self) -> list[Any]:
        return [json.loads(decoded(each.headers["dpop"].split(".")[1])) for each in self.sent]

    @property
    def nonces(self) -> list[str | None]:
        return [claims.get("nonce") for claims in self.claims]


@pytest.fixture
def nonces() -> Nonces:
    return Nonces()


async def ask(
    server: Server, nonces: Nonces, key: Key, request: Request = REQUEST, token: str | None = None
) -> Answer:
    bound = Bound(key=key, token=token)
    return await send_proved(request, bound, server.send, nonces=nonces, now=Clock())


async def test_a_request_goes_with_a_proof_and_all_else_it_had(nonces: Nonces) -> None:
    server = Server([FINE])

    answer = await ask(server, nonces, Key.new(), token="t")

    [sent], [claims] = server.sent, server.claims
    assert answer is FINE
    assert sent.headers["x"] == "kept"
    assert (claims["htm"], claims["htu"], "ath" in claims) == ("POST", REQUEST.url, True)


@pytest.mark.parametrize("wants", [WANTS, CHALLENGES])
async def test_a_server_that_wants_a_nonce_is_asked_again_with_it(
    nonces: Nonces, wants: Answer
) -> None:
    server = Server([wants, FINE])

    answer = await ask(server, nonces, Key.new())

    assert answer is FINE
    assert server.nonces == [None, "n1"]
    assert len({claims["jti"] for claims in server.claims}) == 2


async def test_a_server_that_is_never_content_is_asked_twice(nonces: Nonces) -> None:
    server = Server([WANTS])

    answer = await ask(server, nonces, Key.new())

    assert answer is WANTS
    assert len(server.sent) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(status=401, headers={"dpop-nonce": "n"}, body={"error": "invalid_token"}),
        Answer(status=400, headers={"dpop-nonce": "n"}, body={"error": "invalid_grant"}),
        Answer(status=400, headers={"dpop-nonce": "n"}, body="use_dpop_nonce"),
        Answer(status=400, headers={}, body={"error": "use_dpop_nonce"}),
        Answer(status=403, headers={"dpop-nonce": "n"}, body={"error": "use_dpop_nonce"}),
    ],
)
async def test_any_other_refusal_is_the_answer(nonces: Nonces, refusal: Answer) -> None:
    server = Server([refusal])

    assert await ask(server, nonces, Key.new()) is refusal
    assert len(server.sent) == 1


async def test_the_newest_nonce_is_remembered_for_each_server_and_each_key(
    nonces: Nonces,
) -> None:
    key, other = Key.new(), Key.new()
    server = Server([Answer(status=200, headers={"dpop-nonce": "n2"}, body={}), FINE])
    elsewhere = Request(method="GET", url="https://other.test/a")
    path = Request(method="GET", url="https://pds.test/b?c")

    await ask(server, nonces, key)
    await ask(server, nonces, key, path)
    await ask(server, nonces, key, elsewhere)
    await ask(server, nonces, other)

    assert server.nonces == [None, "n2", None, None]


def test_nonces_are_not_remembered_without_end() -> None:
    nonces, key = Nonces(), Key.new()

    for number in range(NONCES + 5):
        nonces.learn(key, f"https://pds-{number}.test/", "n")

    assert nonces.of(key, "https://pds-4.test/") is None
    assert nonces.of(key, "https://pds-5.test/") == "n"
