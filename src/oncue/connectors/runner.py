"""Drives a connector's steps and remembers every reply, so that no step is done twice.

Before a request that makes something public its intent is durable; after it, its reply. What
to do when the reply never came is the step's own class (see Effect): send again with the same
key, look for the post, or stop and let a person look.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Account, Call, Connector, Effect, Finds, Found, Steps, Wait
from oncue.connectors.conversation import Done, begin, drive, fingerprint, refuse, reply_to
from oncue.connectors.journal import (
    Journal,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    Parked,
    Recorded,
    Unanswered,
)
from oncue.lib.clock import Clock
from oncue.lib.crashpoints import reach

T = TypeVar("T")

SHORT_WAIT: Final = 5  # seconds; a longer one gives the worker back
ASKS: Final = (0.0, 0.5, 2.0)  # seconds before each try of a request that is safe to repeat
PATIENCE: Final = timedelta(hours=1)  # how long a look-up that fails is tried again
LOOK_AGAIN: Final = timedelta(seconds=60)
KEYED_PAUSES: Final = (5, 30, 120, 600)  # seconds between rounds of sending a key again
MAX_ROUNDS: Final = 9  # about an hour of them
CLOCKS_DIFFER: Final = timedelta(seconds=60)
DEFINITE: Final = frozenset({Refusal.REJECTED, Refusal.DUPLICATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """One run of one publication. `send` signs a call and raises what the network refused.

    One that `only_replays` asks the network nothing: where the journal has no answer, it raises
    Unanswered.
    """

    connector: Connector
    account: Account
    journal: Journal
    send: Callable[[Call], Awaitable[Reply]]
    sleep: Callable[[float], Awaitable[None]]
    now: Clock
    lookup_seconds: Sequence[float]
    only_replays: bool = False
    _taken: dict[Refused, str] = field(default_factory=dict)  # for answers, by their step

    async def run(self, steps: Steps[T]) -> T:
        """The generator's result. Raises Refused, Parked, OutcomeUnknown or Fenced."""
        try:
            return await self._drive(steps)
        except Refused as refused:
            if name := self._taken.get(refused):  # taken for an answer at first, but it was none
                await self.journal.forget(name)
            raise

    async def _drive(self, steps: Steps[T]) -> T:
        number, step = 0, begin(steps)
        while not isinstance(step, Done):
            number += 1
            if isinstance(step, Wait):
                await self._wait(step, f"wait {number}")
                step = reply_to(steps, Reply(204))
            else:
                step = await self._take(steps, step, step.name or f"step {number}")
        return step.result

    async def _take(self, steps: Steps[T], call: Call, name: str) -> "Call | Wait | Done[T]":
        """Answer one call and move the generator on; a refusal may be an answer to it too."""
        try:
            reply = await self._answer(call, name)
        except Refused as refused:
            try:
                following = refuse(steps, refused)
            except Refused:
                await self.journal.forget(name)
                raise
            await self._remember_refusal(call, name, refused)
            return following
        try:
            following = reply_to(steps, reply)
        except Unreadable as garbled:
            if call.effect.is_public:
                raise OutcomeUnknown(f"{self.connector.spec.name}: {garbled}") from garbled
            raise Refused(str(garbled), Refusal.TRY_LATER) from garbled
        except Refused:
            await self._keep(call, name, reply)
            raise
        await self._keep(call, name, reply)
        return following

    async def _keep(self, call: Call, name: str, reply: Reply) -> None:
        """Keep an answer that the connector could read, unless it comes from the journal."""
        past = self.journal.recall(name)
        if past is not None and past.reply is reply:
            return
        if call.effect.is_public:
            reach("after_accept")
            await self.journal.record(name, reply)
            reach("after_reply")
        else:
            self.journal.note(name, call.effect, fingerprint(call), reply)

    async def _remember_refusal(self, call: Call, name: str, refused: Refused) -> None:
        """Keep a refusal the connector took for an answer, so that a replay goes the same way."""
        self._taken[refused] = name
        past = self.journal.recall(name)
        if refused.reply is None or (past is not None and past.reply is not None):
            return
        if call.effect.is_public:
            await self.journal.record(name, refused.reply)
        else:
            self.journal.note(name, call.effect, fingerprint(call), refused.reply)

    async def _wait(self, wait: Wait, name: str) -> None:
        if wait.seconds <= SHORT_WAIT:
            await self.sleep(wait.seconds)
            return
        begun = self.journal.recall(name)
        since = begun.intent_at if begun else self.now()
        until = since + timedelta(seconds=wait.seconds)
        if begun is None:
            self.journal.note(name, Effect.REPEAT, "", Reply(204))
            await self.journal.flush()
        if self.now() < until:
            raise Parked(until)

    async def _answer(self, call: Call, name: str) -> Reply:
        print_ = fingerprint(call)
        past = self.journal.recall(name)
        if past is not None and past.reply is not None:
            if call.effect.is_public or past.fingerprint == print_:
                self.connector.judge(past.reply)
                return past.reply
            past = None
        if self.only_replays:
            raise Unanswered(name)
        if not call.effect.is_public:
            return await self._ask(call)
        if past is not None:
            return await self._pursue(call, past)
        reach("before_intent")
        intent = await self.journal.intend(name, call.effect, print_)
        reach("after_intent")
        return await self._make_public(call, intent)

    async def _ask(self, call: Call) -> Reply:
        """Send what may be sent any number of times; no answer is a no for now."""
        problem: Exception = AssertionError("ASKS is empty")
        for pause in ASKS:
            if pause:
                await self.sleep(pause)
            try:
                return await self.send(call)
            except (NotSent, NoAnswer, Unclear) as error:
                problem = error
        raise Refused(str(problem), Refusal.TRY_LATER) from problem

    async def _make_public(self, call: Call, intent: Recorded) -> Reply:
        try:
            return await self.send(call)
        except NotSent as error:
            raise Refused(str(error), Refusal.TRY_LATER) from error
        except (NoAnswer, Unclear):
            return await self._pursue(call, intent)

    async def _pursue(self, call: Call, intent: Recorded) -> Reply:
        """Find out what became of a public request that was never answered."""
        effect = call.effect
        if effect is Effect.KEYED and self._key_is_gone(call, intent):
            effect = Effect.FIND
        if effect is Effect.KEYED:
            return await self._send_key_again(call, intent)
        if effect is Effect.FIND and isinstance(self.connector, Finds):
            return await self._look(self.connector, call, intent)
        raise OutcomeUnknown(f"{self.connector.spec.name} did not answer, and cannot be asked")

    def _key_is_gone(self, call: Call, intent: Recorded) -> bool:
        """Whether the network may have forgotten the key (a minute early, to be safe)."""
        lives = call.key_lives
        return lives is not None and self.now() - intent.intent_at > lives - CLOCKS_DIFFER

    async def _send_key_again(self, call: Call, intent: Recorded) -> Reply:
        asked_for = timedelta(0)
        for pause in ASKS:
            if pause:
                await self.sleep(pause)
            intent = await self.journal.intend(intent.name, call.effect, intent.fingerprint)
            try:
                return await self.send(call)
            except (NotSent, NoAnswer, Unclear):
                continue
            except Refused as refused:
                if refused.meaning in DEFINITE:
                    raise
                self._no_way_to_ask(refused)
                asked_for = refused.retry_after or asked_for
                break
        rounds = intent.sends // len(ASKS)
        if rounds > MAX_ROUNDS:
            raise OutcomeUnknown(f"{self.connector.spec.name} did not answer {intent.sends} times")
        seconds = KEYED_PAUSES[min(max(rounds, 1), len(KEYED_PAUSES)) - 1]
        raise Parked(self.now() + max(timedelta(seconds=seconds), asked_for))

    def _no_way_to_ask(self, refused: Refused) -> None:
        """An open outcome cannot be pursued without authorisation."""
        if refused.meaning is Refusal.RECONNECT:
            raise OutcomeUnknown(f"{refused}; what was sent before may be public") from refused

    async def _look(self, finder: Finds, call: Call, intent: Recorded) -> Reply:
        """Three looks, spread out; one match is ours, none is sent once more, several is open."""
        due = intent.sent_at + timedelta(seconds=sum(self.lookup_seconds[: intent.looks + 1]))
        if self.now() < due:
            raise Parked(due)
        matches = await self._matches(finder, call, intent)
        if len(matches) > 1:
            raise OutcomeUnknown(f"{len(matches)} posts on {self.connector.spec.name} match")
        if matches:
            return matches[0].reply
        intent = await self.journal.looked(intent.name)
        if intent.looks < len(self.lookup_seconds):
            return await self._look(finder, call, intent)
        if intent.sends > 1:
            raise OutcomeUnknown(f"{self.connector.spec.name} shows no trace of it, twice")
        intent = await self.journal.intend(intent.name, call.effect, intent.fingerprint)
        return await self._make_public_again(call, intent)

    async def _make_public_again(self, call: Call, intent: Recorded) -> Reply:
        """Send once more what left no trace. Only a definite no closes the question."""
        try:
            return await self._make_public(call, intent)
        except Refused as refused:
            if refused.meaning is Refusal.DUPLICATE:
                raise OutcomeUnknown(f"{refused}, yet it was not to be found") from refused
            raise

    async def _matches(self, finder: Finds, call: Call, intent: Recorded) -> Sequence[Found]:
        """What a look-up finds, less what other publications of the account account for."""
        since = intent.intent_at - CLOCKS_DIFFER
        try:
            found = await drive(finder.find(call, self.account, since), self._ask, self.sleep)
        except Unclear as unclear:
            raise OutcomeUnknown(str(unclear)) from unclear
        except Refused as refused:
            self._no_way_to_ask(refused)
            if self.now() - intent.sent_at > PATIENCE:
                raise OutcomeUnknown(f"{self.connector.spec.name}: {refused}") from refused
            raise Parked(self.now() + LOOK_AGAIN) from refused
        answered_since = since - CLOCKS_DIFFER  # by our clock; `since` is by the network's
        taken = await self.journal.claimed([match.id for match in found], answered_since)
        return [match for match in found if match.id not in taken]
