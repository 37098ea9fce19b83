"""The sandbox's controls and the faults every network shares, over real HTTP."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, web

from hosted import Hosted, hosted
from oncue.sandbox.faults import Effect, Fault, Kind
from oncue.sandbox.network import FAULT, Network, bearer, username_of

pytestmark = pytest.mark.anyio


class Wall(Network):
    """The smallest network there can be: people write on it, and every file is processed."""

    platform = "WALL"

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/posts", self.meets(Effect.PUBLISH, self.write)),
            web.post("/files", self.meets(Effect.UPLOAD, self.process)),
        ]

    def error(self, kind: Kind | str, fault: Fault | None = None) -> web.Response:
        after = fault.retry_after if fault else None
        return web.json_response({"wall": str(kind), "after": after}, status=418)

    def account(self, request: web.Request) -> str | None:
        token = bearer(request)
        return username_of(token) if token else None

    async def write(self, request: web.Request) -> web.StreamResponse:
        account = self.account(request)
        if account is None:
            return web.json_response({"wall": "who is there?"}, status=401)
        number = str(self.world.serial())
        self.record(account, "post", number, text=await request.text())
        return web.json_response({"id": number})

    async def process(self, request: web.Request) -> web.StreamResponse:
        fault = request.get(FAULT)
        return web.json_response({"state": fault.kind if fault else "ready"})


async def write(sandbox: Hosted, text: str, *, who: str = "maria") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer sandbox:{who}"} if who else {}
    url = f"{sandbox.url}/wall/posts"
    async with sandbox.http.post(url, data=text, headers=headers) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.text()


async def ledger(http: ClientSession, url: str, **wanted: str) -> list[str]:
    async with http.get(f"{url}/_sandbox/ledger", params=wanted) as answer:
        return [entry["text"] for entry in await answer.json()]


async def test_the_ledger_is_shown_narrowed_and_cleared() -> None:
    async with hosted(Wall) as sandbox:
        await write(sandbox, "Hello")
        await write(sandbox, "Ahoy", who="ines")

        assert await ledger(sandbox.http, sandbox.url) == ["Hello", "Ahoy"]
        assert await ledger(sandbox.http, sandbox.url, platform="wall", account="ines") == ["Ahoy"]
        assert await ledger(sandbox.http, sandbox.url, platform="TWITTER") == []

        async with sandbox.http.delete(f"{sandbox.url}/_sandbox/ledger") as answer:
            assert answer.status == 200
        assert await ledger(sandbox.http, sandbox.url) == []


async def test_an_entry_is_shown_with_every_field_the_operator_is_promised() -> None:
    async with hosted(Wall) as sandbox:
        await write(sandbox, "Hello")

        async with sandbox.http.get(f"{sandbox.url}/_sandbox/ledger") as answer:
            [entry] = await answer.json()

    assert entry.pop("at").endswith("Z")
    assert entry == {
        "seq": 1,
        "platform": "WALL",
        "account": "maria",
        "kind": "post",
        "id": "1",
        "parent": None,
        "text": "Hello",
        "media": [],
        "key": None,
    }


async def test_what_was_accepted_outlives_the_server(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    async with hosted(Wall, file=file) as sandbox:
        await write(sandbox, "Hello")

    async with hosted(Wall, file=file) as sandbox:
        await write(sandbox, "again")
        assert [(post.seq, post.text) for post in sandbox.posts("WALL")] == [
            (1, "Hello"),
            (2, "again"),
        ]


async def test_a_fault_meets_only_the_account_it_names() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="reject", platform="wall", account="maria")

        assert await write(sandbox, "Ahoy", who="ines") == (200, {"id": "1"})
        assert await write(sandbox, "Hello") == (418, {"wall": "reject", "after": None})
        assert await write(sandbox, "Hello") == (200, {"id": "2"})


@pytest.mark.parametrize(
    "kind",
    ["reject", "rate_limit", "unavailable", "expired_token", "revoked_token", "duplicate"],
)
async def test_a_refusal_is_the_networks_own_and_leaves_nothing_behind(kind: str) -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind=kind, retryAfter=9)

        assert await write(sandbox, "Hello") == (418, {"wall": kind, "after": 9})
        assert sandbox.posts("WALL") == []


async def test_accept_then_drop_records_the_post_and_cuts_the_connection() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="accept_then_drop")

        with pytest.raises(ServerDisconnectedError):
            await write(sandbox, "Hello")

        assert [post.text for post in sandbox.posts("WALL")] == ["Hello"]
        assert await write(sandbox, "Still here?") == (200, {"id": "2"})


async def test_accept_then_500_records_the_post_and_denies_it() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="accept_then_500")

        assert await write(sandbox, "Hello") == (418, {"wall": "server_error", "after": None})
        assert [post.text for post in sandbox.posts("WALL")] == ["Hello"]


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_500"])
async def test_what_the_network_refuses_anyway_was_not_accepted(kind: str) -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind=kind)

        assert await write(sandbox, "Boo", who="") == (401, {"wall": "who is there?"})
        assert sandbox.posts("WALL") == []


async def test_garbage_is_a_page_where_json_was_expected_and_records_nothing() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="garbage")

        status, page = await write(sandbox, "Hello")

        assert (status, page[:6]) == (200, "<html>")
        assert sandbox.posts("WALL") == []


async def test_slow_answers_late_but_well() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="slow", seconds=0.05)
        asked_at = monotonic()

        assert await write(sandbox, "Hello") == (200, {"id": "1"})
        assert monotonic() - asked_at >= 0.05


@pytest.mark.parametrize("kind", ["processing_failed", "processing_forever"])
async def test_a_processing_fault_is_handed_to_the_network(kind: str) -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind=kind, effect="upload")

        async with sandbox.http.post(f"{sandbox.url}/wall/files") as answer:
            assert await answer.json() == {"state": kind}


async def test_orders_can_be_withdrawn() -> None:
    async with hosted(Wall) as sandbox:
        await sandbox.fault(kind="reject", times=5)

        async with sandbox.http.delete(f"{sandbox.url}/_sandbox/faults") as answer:
            assert answer.status == 200

        assert await write(sandbox, "Hello") == (200, {"id": "1"})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"kind": "explode"}', "'explode' is not a valid Kind"),
        (b'{"kind": "slow", "seconds": 1e999}', "seconds at least 0"),
        (b'["reject"]', "a fault is a JSON object"),
        (b"reject, please", "Expecting value"),
    ],
)
async def test_an_order_that_makes_no_sense_is_answered_400_with_words(
    body: bytes, words: str
) -> None:
    async with (
        hosted(Wall) as sandbox,
        sandbox.http.post(f"{sandbox.url}/_sandbox/faults", data=body) as answer,
    ):
        assert answer.status == 400
        assert words in (await answer.json())["error"]
