"""Refresh tokens that are good once: whoever renews them, and however many, none is lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from accounts.rotating import LIVES, LOOK, Counter, Gate, Rotating
from accounts.visitor import always, hang_up, no_file
from installation import MASTER_KEY, Clock, no_names
from oncue.accounts import service as accounts
from oncue.accounts.credentials import Held, Nothing
from oncue.accounts.line import Line
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.service import NewAccount
from oncue.accounts.tokens import Owner, load, renew, turn
from oncue.accounts.vault import parse_keys
from oncue.accounts.wire import Wire
from oncue.connectors.answers import Refusal, Refused
from oncue.connectors.base import Identity
from oncue.db.database import Database
from oncue.db.open import open_database
from oncue.lib.addresses import NOTHING
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient
from oncue.lib.outbound import GuardedClient
from oncue.outbox import Event
from oncue.settings import Settings
from oncue.workspaces import service as workspaces

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=4)
MARIA = Identity(native_id="7", username="maria", display_name="Maria")


@dataclass
class Stage:
    """An account of the network with the first pair of tokens, and two processes' wires."""

    db: Database
    clock: Clock
    network: Counter
    wire: Wire
    other: Wire
    account: Account

    @property
    def owner(self) -> Owner:
        return Owner(
            connector=Rotating(),
            workspace_id=self.account.workspace_id,
            account_id=self.account.id,
            server="",
        )

    def line(self, wire: Wire | None = None) -> Line:
        owner = self.owner
        return Line(
            wire or self.wire, owner.connector, owner.account_id, owner.workspace_id, owner.server
        )

    async def connect(self, number: int) -> None:
        """Have somebody connect the account with this pair of tokens."""
        secrets = {
            "accessToken": f"a{number}",
            "refreshToken": f"r{number}",
            "clientId": "oncue",
        }
        new = NewAccount(platform="TWITTER", credentials=secrets, expires_at=self.clock() + LIVES)
        self.network.newest = number
        vault, owner = self.wire.vault, self.account.workspace_id
        await self.db.write(
            lambda session: accounts.connect(session, vault, owner, new, MARIA, self.clock())
        )

    async def kept(self) -> tuple[str, str] | None:
        """The tokens that are kept."""
        held = await load(self.wire, self.account.workspace_id, self.account.id)
        if isinstance(held, Nothing):
            return None
        return held.secrets["accessToken"], held.secrets["refreshToken"]

    async def row(self) -> Any:
        wanted = select(AccountSecret).where(AccountSecret.account_id == self.account.id)
        return await self.db.read(lambda session: session.scalars(wanted).one())

    async def status(self) -> str:
        account = await self.db.read(lambda session: session.get_one(Account, self.account.id))
        return account.status

    async def told(self) -> list[str]:
        mine = Event.workspace_id == self.account.workspace_id
        wanted = select(Event.type).where(mine).order_by(Event.seq)
        return list(await self.db.read(lambda session: session.scalars(wanted).all()))


@pytest.fixture
async def stage(settings: Settings, clock: Clock) -> AsyncIterator[Stage]:
    network, vault, http = Counter(), parse_keys(MASTER_KEY), HttpClient(timeout=5)
    db, second = open_database(settings), open_database(settings)
    async with network.open() as server:
        network.url = str(server.make_url("")).rstrip("/")
        known = replace(
            settings,
            platform_urls={"TWITTER": network.url},
            platform_apps={"TWITTER": ("oncue", "secret")},
            heartbeat=LEASE,
        )
        wire = Wire(
            http=http,
            guarded=GuardedHttp(GuardedClient(NOTHING, resolver=no_names)),
            settings=known,
            db=db,
            vault=vault,
            now=clock,
            chance=lambda: 0.5,
            media_file=no_file,
            media_address=str,
        )
        new = NewAccount(
            platform="TWITTER",
            credentials={"accessToken": "a1", "refreshToken": "r1", "clientId": "oncue"},
            expires_at=clock() + LIVES,
        )

        def connect(session: Any) -> Account:
            owner = workspaces.create(session, "Test", clock()).id
            return accounts.connect(session, vault, owner, new, MARIA, clock())

        account = await db.write(connect)
        yield Stage(db, clock, network, wire, replace(wire, db=second), account)
    await http.close()
    await second.close()
    await db.close()


async def test_of_many_who_renew_at_once_in_two_processes_one_asks_the_network(
    stage: Stage,
) -> None:
    stage.clock.now += LIVES

    await asyncio.gather(
        *(stage.line(wire).send(LOOK) for wire in (stage.wire, stage.other) for _ in range(4))
    )

    assert stage.network.asked.count("r1") == 1
    assert stage.network.asked == ["r1", *["/look"] * 8]
    assert await stage.kept() == ("a2", "r2")


async def test_a_token_that_is_renewed_again_and_again_by_two_is_never_lost(stage: Stage) -> None:
    for _ in range(15):
        stage.clock.now += LIVES
        await asyncio.gather(
            *(stage.line(wire).send(LOOK) for wire in (stage.wire, stage.other) for _ in range(2))
        )

    assert await stage.kept() == ("a16", "r16")
    assert [each for each in stage.network.asked if each[0] == "r"] == [
        f"r{number}" for number in range(1, 16)
    ]
    assert await stage.told() == ["account.connected"]


async def test_who_comes_later_waits_for_what_the_first_is_given(stage: Stage) -> None:
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.after = gate.wait

    first = asyncio.create_task(stage.line().send(LOOK))
    await gate.reached.wait()
    second = asyncio.create_task(stage.line(stage.other).send(LOOK))
    await asyncio.sleep(0.1)
    assert not second.done()
    gate.opened.set()

    assert [reply.status for reply in await asyncio.gather(first, second)] == [200, 200]
    assert stage.network.asked == ["r1", "/look", "/look"]


async def test_tokens_are_kept_before_they_are_used(stage: Stage) -> None:
    kept_when_used: list[object] = []

    async def look(_request: Any) -> Any:
        kept_when_used.append(await stage.kept())
        return await always(200, {})(_request)

    stage.network.answers["/look"] = look
    stage.clock.now += LIVES

    await stage.line().send(LOOK)

    assert kept_when_used == [("a2", "r2")]


async def test_a_token_that_the_network_ended_early_is_renewed_and_the_call_repeated(
    stage: Stage,
) -> None:
    stage.network.answers["/look"] = always(401)

    with pytest.raises(Refused) as refused:
        await stage.line().send(LOOK)

    assert refused.value.meaning is Refusal.EXPIRED
    assert stage.network.asked == ["/look", "r1", "/look"]


async def test_of_two_whose_token_ended_early_the_second_uses_what_the_first_was_given(
    stage: Stage,
) -> None:
    first, second = stage.line(), stage.line(stage.other)
    for line in (first, second):
        await line.send(LOOK)
    await renew(stage.wire, stage.owner, (await stage.row()).generation)
    before = list(stage.network.asked)

    await second.send(LOOK)

    assert stage.network.asked[len(before) :] == ["/look", "/look"]


async def test_what_nobody_waits_for_any_more_is_kept_all_the_same(stage: Stage) -> None:
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.after = gate.wait
    waiting = asyncio.create_task(stage.line().send(LOOK))
    await gate.reached.wait()

    waiting.cancel()
    await asyncio.sleep(0)
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await stage.kept() == ("a2", "r2")


async def test_the_right_of_one_who_died_goes_to_the_next_when_its_time_is_over(
    stage: Stage,
) -> None:
    dead = await turn(stage.wire, stage.owner)
    row = await stage.row()
    assert (row.lease, row.renew_at) == (dead.lease, stage.clock() + LEASE)

    stage.clock.now += LIVES
    await stage.line(stage.other).send(LOOK)

    assert await stage.kept() == ("a2", "r2")
    row = await stage.row()
    assert (row.lease, row.lease_until, row.tries) == (None, None, 0)


async def test_who_waits_too_long_for_another_comes_back_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oncue.accounts.tokens.PATIENCE", (0.01, 0.01))
    stage.clock.now += LIVES
    await turn(stage.wire, stage.owner)

    with pytest.raises(Refused) as refused:
        await stage.line(stage.other).send(LOOK)

    assert refused.value.meaning is Refusal.TRY_LATER
    assert stage.network.asked == []


async def test_a_token_used_up_by_one_who_died_ends_in_connecting_again_and_in_no_loop(
    stage: Stage,
) -> None:
    await turn(stage.wire, stage.owner)
    stage.network.newest += 1  # the network gave the next one away, and nobody kept it
    stage.clock.now += LIVES

    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await stage.line(stage.other).send(LOOK)
        assert refused.value.meaning is Refusal.RECONNECT
        stage.clock.now += LIVES

    assert await stage.status() == "expired"
    assert await stage.told() == ["account.connected", "account.error"]
    assert (await stage.row()).renew_at is None


async def test_one_that_was_only_slow_brings_the_account_back(stage: Stage) -> None:
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.after = gate.wait
    slow = asyncio.create_task(stage.line().send(LOOK))
    await gate.reached.wait()

    stage.clock.now += LEASE
    with pytest.raises(Refused):  # it takes the right over, and its token is used up
        await stage.line(stage.other).send(LOOK)
    assert await stage.status() == "expired"
    gate.opened.set()
    await slow

    assert await stage.kept() == ("a2", "r2")
    assert await stage.status() == "active"
    assert await stage.told() == ["account.connected", "account.error", "account.connected"]


async def test_a_refusal_that_comes_late_does_not_expire_what_is_newer(stage: Stage) -> None:
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.before = gate.wait
    late = asyncio.create_task(stage.line().send(LOOK))
    await gate.reached.wait()

    await stage.connect(5)
    gate.opened.set()
    with pytest.raises(Refused):
        await late

    assert await stage.kept() == ("a5", "r5")
    assert await stage.status() == "active"


async def answered_late(stage: Stage) -> tuple["asyncio.Task[Held]", Gate]:
    """A renewal of what was connected first; its answer is on its way until the gate is opened."""
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.after = gate.wait
    late = asyncio.create_task(renew(stage.wire, stage.owner, 1))
    await gate.reached.wait()
    return late, gate


async def test_tokens_that_come_late_do_not_replace_what_was_connected_meanwhile(
    stage: Stage,
) -> None:
    late, gate = await answered_late(stage)

    await stage.connect(5)
    gate.opened.set()

    assert (await late).secrets["accessToken"] == "a5"
    assert await stage.kept() == ("a5", "r5")


async def test_an_account_that_is_disconnected_meanwhile_stays_so(stage: Stage) -> None:
    gate, stage.clock.now = Gate(), stage.clock.now + LIVES
    stage.network.after = gate.wait
    late = asyncio.create_task(stage.line().send(LOOK))
    await gate.reached.wait()

    owner, account_id = stage.account.workspace_id, stage.account.id
    await stage.db.write(
        lambda session: accounts.disconnect(session, owner, account_id, stage.clock())
    )
    gate.opened.set()
    with pytest.raises(Refused) as refused:
        await late

    assert refused.value.meaning is Refusal.RECONNECT
    assert (await stage.kept(), await stage.status()) == (None, "disconnected")


async def test_nor_do_they_replace_what_was_connected_after_it_was_disconnected(
    stage: Stage,
) -> None:
    late, gate = await answered_late(stage)

    owner, account_id = stage.account.workspace_id, stage.account.id
    await stage.db.write(
        lambda session: accounts.disconnect(session, owner, account_id, stage.clock())
    )
    await stage.connect(5)
    gate.opened.set()

    assert (await late).secrets["accessToken"] == "a5"
    assert await stage.kept() == ("a5", "r5")


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (always(500), Refusal.TRY_LATER),
        (always(503), Refusal.TRY_LATER),
        (always(429), Refusal.RATE_LIMITED),
        (hang_up, Refusal.TRY_LATER),
        (always(200, {"no": "token"}), Refusal.TRY_LATER),
        (always(200, ["no", "object"]), Refusal.TRY_LATER),
        (always(302), Refusal.TRY_LATER),
        (always(401, {"error": "invalid_client"}), Refusal.REJECTED),
        (always(400, {"error": "invalid_request"}), Refusal.REJECTED),
    ],
    ids=["500", "503", "429", "cut", "no token", "no object", "redirect", "client", "request"],
)
async def test_what_is_not_the_end_of_the_grant_leaves_it_for_later(
    stage: Stage, answer: Any, meaning: Refusal
) -> None:
    stage.network.answers["/token"] = answer
    stage.clock.now += LIVES

    with pytest.raises(Refused) as refused:
        await stage.line().send(LOOK)

    row = await stage.row()
    assert refused.value.meaning is meaning
    assert (row.lease, row.tries) == (None, 1)
    assert timedelta(minutes=1) <= row.renew_at - stage.clock() <= timedelta(minutes=2)
    assert await stage.kept() == ("a1", "r1")
    assert await stage.status() == "active"


async def test_an_answer_that_takes_too_long_is_none(stage: Stage) -> None:
    short = replace(
        stage.wire, settings=replace(stage.wire.settings, heartbeat=timedelta(seconds=0.2))
    )
    gate = Gate()
    stage.network.before = gate.wait
    stage.clock.now += LIVES

    with pytest.raises(Refused, match="in time") as refused:
        await stage.line(short).send(LOOK)
    gate.opened.set()

    assert refused.value.meaning is Refusal.TRY_LATER


async def test_without_an_app_nothing_is_renewed_and_the_words_say_so(stage: Stage) -> None:
    bare = replace(stage.wire, settings=replace(stage.wire.settings, platform_apps={}))
    stage.clock.now += LIVES

    with pytest.raises(Refused, match="ONCUE_TWITTER_CLIENT_ID"):
        await stage.line(bare).send(LOOK)

    assert await stage.kept() == ("a1", "r1")
    assert await stage.status() == "active"


async def test_pauses_between_tries_grow_to_an_hour(stage: Stage) -> None:
    stage.network.answers["/token"] = always(503)
    stage.clock.now += LIVES
    pauses = []

    for _ in range(9):
        with pytest.raises(Refused):
            await stage.line().send(LOOK)
        row = await stage.row()
        pauses.append((row.renew_at - stage.clock()) / timedelta(minutes=1))
        stage.clock.now = row.renew_at

    assert pauses == [1.125 * minutes for minutes in (1, 2, 4, 8, 16, 32, 60, 60, 60)]
