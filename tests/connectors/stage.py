"""A network that does as it is told, and a journal in memory: what the runner's tests use."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from oncue.connectors.base import (
    Account,
    Call,
    Connector,
    Draft,
    Effect,
    Finds,
    Found,
    Identity,
    MediaRules,
    Published,
    Reply,
    Spec,
    Steps,
    TextRule,
)
from oncue.connectors.runner import Recorded, Runner

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LOOKUPS = (15.0, 60.0, 180.0)
DRAFT = Draft(text="Hello", key="key", begun_at=START)
ACCOUNT = Account(native_id="1")
SPEC = Spec(
    platform="SCRIPTED",
    name="Scripted",
    base_url="",
    text=TextRule(limit=100, unit="characters"),
    media=MediaRules(at_most=0),
    credentials=(),
)

Answer: TypeAlias = Reply | BaseException
"""What the network does with a call: answer, or be silent in some way."""


@dataclass
class Scripted(Connector):
    """A network whose conversation a test writes down."""

    play: Callable[[], Steps[Published]]
    spec = SPEC

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        return self.play()

    def identify(self, account: Account) -> Steps[Identity]:
        raise AssertionError("nobody asks")


@dataclass
class Findable(Scripted, Finds):
    """The same, and one can look for posts: each look finds what its turn has."""

    looks: list[Sequence[Found]] = field(default_factory=list)

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        yield Call("GET", "/posts")
        return self.looks.pop(0) if self.looks else ()


class MemoryJournal:
    """The step ledger without a database. What is here survives the "crashes" of a test."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.steps: dict[str, Recorded] = {}
        self.others: set[str] = set()
        self._now = now

    def recall(self, name: str) -> Recorded | None:
        return self.steps.get(name)

    async def intend(self, name: str, effect: Effect, fingerprint: str) -> Recorded:
        past, now = self.steps.get(name), self._now()
        self.steps[name] = Recorded(
            name=name,
            fingerprint=fingerprint,
            intent_at=past.intent_at if past else now,
            sent_at=now,
            sends=past.sends + 1 if past else 1,
            looks=0,
            reply=None,
        )
        return self.steps[name]

    async def record(self, name: str, reply: Reply) -> None:
        self.steps[name] = replace(self.steps[name], reply=reply)

    async def looked(self, name: str) -> Recorded:
        self.steps[name] = replace(self.steps[name], looks=self.steps[name].looks + 1)
        return self.steps[name]

    async def forget(self, name: str) -> None:
        self.steps.pop(name, None)

    def note(self, name: str, effect: Effect, fingerprint: str, reply: Reply) -> None:
        now = self._now()
        self.steps[name] = Recorded(
            name=name,
            fingerprint=fingerprint,
            intent_at=now,
            sent_at=now,
            sends=1,
            looks=0,
            reply=reply,
        )

    async def flush(self) -> None:
        pass

    async def claimed(self, native_ids: Collection[str]) -> Collection[str]:
        return self.others & set(native_ids)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Stage:
    """One publication: its network's answers, its journal, and every call that was sent."""

    connector: Scripted
    answers: Sequence[Answer]
    now: datetime = START
    sent: list[Call] = field(default_factory=list)
    journal: MemoryJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(lambda: self.now)

    async def send(self, call: Call) -> Reply:
        self.sent.append(call)
        answer, *self.answers = self.answers
        if isinstance(answer, BaseException):
            raise answer
        self.connector.judge(answer)
        return answer

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def run(self) -> Published:
        """One run, as a worker would do it, with whatever the journal has."""
        runner = Runner(
            connector=self.connector,
            account=ACCOUNT,
            journal=self.journal,
            send=self.send,
            sleep=self.sleep,
            now=lambda: self.now,
            lookup_seconds=LOOKUPS,
        )
        return await runner.run(self.connector.publish(DRAFT, ACCOUNT))

    def names(self) -> list[str]:
        """The public calls that were sent, by name."""
        return [call.name for call in self.sent if call.effect.is_public]


def made(id_: str) -> Reply:
    """The network's yes."""
    return Reply(201, {"id": id_})
