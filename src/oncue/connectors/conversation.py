"""The mechanics of talking with a connector's generator."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from oncue.connectors.answers import Refusal, Refused, Reply, Unreadable
from oncue.connectors.base import Call, Exchange, Steps, Wait
from oncue.connectors.oauth import Exchanges
from oncue.connectors.spec import Media

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The generator has ended. (Its StopIteration must not pass through a coroutine.)."""

    result: T


def begin(steps: Steps[T]) -> Call | Wait | Done[T]:
    try:
        return next(steps)
    except StopIteration as finished:
        return Done(finished.value)


def reply_to(steps: Steps[T], reply: Reply) -> Call | Wait | Done[T]:
    try:
        return steps.send(reply)
    except StopIteration as finished:
        return Done(finished.value)


def refuse(steps: Steps[T], refused: Refused) -> Call | Wait | Done[T]:
    try:
        return steps.throw(refused)
    except StopIteration as finished:
        return Done(finished.value)


async def drive(
    steps: Steps[T],
    send: Callable[[Call], Awaitable[Reply]],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Run steps that nobody needs to remember: look-ups, deletions."""
    step = begin(steps)
    while not isinstance(step, Done):
        if isinstance(step, Wait):
            await sleep(step.seconds)
            step = reply_to(steps, Reply(204))
            continue
        try:
            reply = await send(step)
        except Refused as refused:
            step = refuse(steps, refused)
            continue
        try:
            step = reply_to(steps, reply)
        except Unreadable as garbled:
            raise Refused(str(garbled), Refusal.TRY_LATER) from garbled
    return step.result


async def earn(steps: Exchanges[T], ask: Callable[[Exchange], Awaitable[Reply]]) -> T:
    """Run steps that earn secrets. Nothing of them is recorded, for they are full of them.

    What `ask` raises as Refused is the steps' to deal with.
    """
    going_on: Callable[[], Exchange] = partial(next, steps)
    while True:
        step = _step(going_on)
        if isinstance(step, Done):
            result: T = step.result
            return result
        try:
            going_on = partial(steps.send, await ask(step))
        except Refused as refused:
            going_on = partial(steps.throw, refused)


def _step(going_on: Callable[[], Exchange]) -> Exchange | Done[Any]:
    try:
        return going_on()
    except StopIteration as finished:
        return Done(finished.value)
    except Unreadable as garbled:
        raise Refused(str(garbled), Refusal.TRY_LATER) from garbled


def fingerprint(call: Call) -> str:
    """What tells one call from another: everything that goes out but the credentials."""
    parts = [
        call.method,
        call.path,
        dict(call.query),
        dict(call.json) if call.json is not None else None,
        dict(call.form) if call.form is not None else None,
        {name: _print(media) for name, media in call.files.items()},
        _print(call.body) if call.body else None,
    ]
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=_plain)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _print(media: Media) -> str:
    return f"{media.id}:{media.sha256}"


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a call")
