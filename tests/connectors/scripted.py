"""A network, a connector and a journal of our own making, to watch the runner by.

The network keeps what it made public, and knows a key it has seen. It can be told to make
trouble, before it accepts a call or after. A Fuse ends the "process" at any point.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from installation import Clock
from oncue.connectors.answers import Reply
from oncue.connectors.base import (
    Account,
    Call,
    Connector,
    Effect,
    Finds,
    Found,
    Identity,
    Published,
    Steps,
    Wait,
)
from oncue.connectors.journal import Parked, Recorded
from oncue.connectors.runner import Runner
from oncue.connectors.spec import Draft, MediaRules, Spec, TextRule

ACCOUNT: Final = Account(native_id="7")
DRAFT: Final = Draft(text="Hi", key="pp_1", begun_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
LOOKUP_SECONDS: Final = (15.0, 60.0, 180.0)


class Crash(BaseException):
    """The process is gone. No code of ours may catch this."""


@dataclass
class Fuse:
    """Counts the points where a process may die, and dies at number `length` (0: at none)."""

    length: int = 0
    burnt: int = 0

    def burn(self) -> None:
        self.burnt += 1
        if self.burnt == self.length:
            raise Crash

    @property
    def is_spent(self) -> bool:
        return self.burnt >= self.length


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to a call instead of its answer, and whether the network accepts it first."""

    problem: Exception | Reply
    accepted: bool = False


class Scripted(Connector):
    """Yields what it was made with, and calls the post what the last call was answered."""

    spec: ClassVar[Spec] = Spec(
        platform="SCRIPTED",
        name="Scripted",
        base_url="https://scripted.test",
        text=TextRule(limit=10, unit="characters"),
        media=MediaRules(at_most=1, image_types=frozenset({"image/png"}), image_bytes=10),
        credentials=(),
    )

    def __init__(self, *plan: Call | Wait) -> None:
        self.plan = plan

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        last = ""
        for step in self.plan:
            reply = yield step
            if isinstance(step, Call):
                last = reply.text("id")
        return Published(id=last, url=None)

    def identify(self, account: Account) -> Steps[Identity]:
        me = yield Call("GET", "/me")
        return Identity(native_id=me.text("id"), username="maria", display_name="Maria")


class Finding(Scripted, Finds):
    """The same on a network where an account's own posts can be listed."""

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        listed = yield Call("GET", "/mine")
        return [
            Found(id=each, reply=Reply(200, {"id": each}))
            for each in listed.at("ids")
            if each.startswith(f"{call.name}#")
        ]


@dataclass
class World:
    """The network's side. Every call that arrives is in `asked`, what it made in `public`."""

    fuse: Fuse = field(default_factory=Fuse)
    asked: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    troubles: dict[str, list[Trouble]] = field(default_factory=lambda: defaultdict(list))
    connector: Connector = field(default_factory=Scripted)
    _by_key: dict[str, str] = field(default_factory=dict)

    async def send(self, call: Call) -> Reply:
        self.fuse.burn()
        name = call.name or call.path
        self.asked.append(name)
        waiting = self.troubles[name]
        trouble = waiting.pop(0) if waiting else None
        if trouble is None or trouble.accepted:
            reply = self._accept(call, name)
        self.fuse.burn()
        if trouble is None:
            return reply
        if isinstance(trouble.problem, Exception):
            raise trouble.problem
        self.connector.judge(trouble.problem)
        return trouble.problem

    def _accept(self, call: Call, name: str) -> Reply:
        if call.path == "/mine":
            return Reply(200, {"ids": list(self.public)})
        if not call.effect.is_public:
            return Reply(200, {"id": name})
        key = call.headers.get("Idempotency-Key", "") if call.effect is Effect.KEYED else ""
        if not key or key not in self._by_key:
            self.public.append(f"{name}#{len(self.public) + 1}")
            self._by_key[key] = self.public[-1]
        return Reply(200, {"id": self._by_key[key] if key else self.public[-1]})


class MemoryJournal:
    """What is durable survives `reopened`; what was only noted does not, as in the ledger."""

    def __init__(self, clock: Clock, fuse: Fuse | None = None) -> None:
        self.steps: dict[str, Recorded] = {}
        self.taken: dict[str, datetime] = {}  # what others made, and when we were told
        self._clock, self._fuse = clock, fuse or Fuse()
        self._noted: dict[str, Recorded] = {}

    def reopened(self, fuse: Fuse | None = None) -> "MemoryJournal":
        again = MemoryJournal(self._clock, fuse)
        again.steps, again.taken = dict(self.steps), self.taken
        return again

    def recall(self, name: str) -> Recorded | None:
        return self._noted.get(name) or self.steps.get(name)

    async def intend(self, name: str, effect: Effect, fingerprint: str) -> Recorded:
        now, past = self._clock(), self.steps.get(name)
        self._keep(
            Recorded(
                name=name,
                fingerprint=fingerprint,
                intent_at=past.intent_at if past else now,
                sent_at=now,
                sends=past.sends + 1 if past else 1,
                looks=0,
                reply=None,
            )
        )
        return self.steps[name]

    async def record(self, name: str, reply: Reply) -> None:
        self._keep(replace(self.steps[name], reply=reply))

    async def looked(self, name: str) -> Recorded:
        step = self.steps[name]
        self._keep(replace(step, looks=step.looks + 1))
        return self.steps[name]

    async def forget(self, name: str) -> None:
        self.steps.pop(name, None)
        self._noted.pop(name, None)

    def note(self, name: str, effect: Effect, fingerprint: str, reply: Reply) -> None:
        now = self._clock()
        self._noted[name] = Recorded(
            name=name,
            fingerprint=fingerprint,
            intent_at=now,
            sent_at=now,
            sends=1,
            looks=0,
            reply=reply,
        )

    async def flush(self) -> None:
        self.steps |= self._noted
        self._noted = {}

    async def claimed(self, native_ids: Collection[str], since: datetime) -> Collection[str]:
        return {each for each in native_ids if each in self.taken and self.taken[each] >= since}

    def _keep(self, step: Recorded) -> None:
        """One durable write, with whatever was noted; the process may die before or after it."""
        self._fuse.burn()
        self.steps |= {**self._noted, step.name: step}
        self._noted = {}
        self._fuse.burn()


@dataclass
class Stage:
    """One publication, as often as its process is started again."""

    connector: Scripted
    clock: Clock = field(default_factory=Clock)
    world: World = field(default_factory=World)
    journal: MemoryJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.clock)
        self.world.connector = self.connector

    def trouble(self, name: str, *troubles: Trouble) -> None:
        """Order what the next calls of this name meet."""
        self.world.troubles[name] += troubles

    async def run(self) -> Published:
        """One run: what is only noted by then does not outlive it."""
        self.journal = self.journal.reopened(self.world.fuse)
        runner = Runner(
            connector=self.connector,
            account=ACCOUNT,
            journal=self.journal,
            send=self.world.send,
            sleep=self.clock.sleep,
            now=self.clock,
            lookup_seconds=LOOKUP_SECONDS,
        )
        return await runner.run(self.connector.publish(DRAFT, ACCOUNT))

    async def finish(self) -> Published:
        """Run, and run again whenever it is time, until there is an end."""
        for _ in range(200):
            try:
                return await self.run()
            except Parked as parked:
                self.clock.now = max(self.clock.now, parked.until)
        raise AssertionError("it parks for ever")


def upload(number: int = 1) -> Call:
    return Call("POST", f"/upload/{number}")


def public(effect: Effect, name: str = "post", key_lives: timedelta | None = None) -> Call:
    headers = {"Idempotency-Key": f"key of {name}"} if effect is Effect.KEYED else {}
    return Call("POST", "/post", effect=effect, name=name, headers=headers, key_lives=key_lives)
