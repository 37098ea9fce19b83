"""End the process at every point there is, start it again: each public call is made once."""

from collections.abc import Iterator

import pytest

from connectors.scripted import Crash, Finding, Fuse, Scripted, Stage, public, upload
from oncue.connectors.base import Call, Effect, Wait
from oncue.connectors.journal import OutcomeUnknown

pytestmark = pytest.mark.anyio


def thread(effect: Effect, items: int = 25) -> list[Call | Wait]:
    """A thread whose every third item has a file."""
    return [
        step
        for number in range(1, items + 1)
        for step in (
            *([upload(number)] if number % 3 == 0 else []),
            public(effect, f"item {number}"),
        )
    ]


PLANS = {
    "a post": [public(Effect.KEYED)],
    "with a file": [upload(), Wait(2), public(Effect.KEYED)],
    "with a long wait": [upload(), Wait(60), public(Effect.KEYED)],
    "a thread": thread(Effect.KEYED),
    "to be found": [upload(), public(Effect.FIND)],
    "a thread to be found": thread(Effect.FIND),
}


def fuses() -> Iterator[Fuse]:
    """Ever longer ones, until a publication ends before its fuse does."""
    length = 0
    while True:
        length += 1
        fuse = Fuse(length)
        yield fuse
        if not fuse.is_spent:
            return


async def killed_once(connector: Scripted, fuse: Fuse) -> Stage:
    """A publication that dies as the fuse says, or ends before that."""
    stage = Stage(connector)
    stage.world.fuse = fuse
    try:
        await stage.finish()
    except Crash:
        stage.world.fuse = Fuse()
    return stage


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_wherever_it_dies_every_public_call_is_accepted_once_and_in_order(
    plan: list[Call | Wait],
) -> None:
    names = [step.name for step in plan if isinstance(step, Call) and step.name]

    for fuse in fuses():
        stage = await killed_once(Finding(*plan), fuse)

        published = await stage.finish()

        accepted = [each.partition("#")[0] for each in stage.world.public]
        assert accepted == names, f"killed at point {fuse.length}"
        assert published.id == stage.world.public[-1]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_what_was_answered_before_the_crash_is_not_asked_again(
    plan: list[Call | Wait],
) -> None:
    for fuse in fuses():
        stage = await killed_once(Finding(*plan), fuse)
        answered = {name for name, step in stage.journal.steps.items() if step.reply}
        before = len(stage.world.asked)

        await stage.finish()

        assert answered.isdisjoint(stage.world.asked[before:])


async def test_where_nobody_can_tell_it_is_sent_once_or_left_to_a_person() -> None:
    ends = []

    for fuse in fuses():
        stage = await killed_once(Scripted(upload(), public(Effect.REVIEW)), fuse)
        try:
            await stage.finish()
        except OutcomeUnknown:
            ends.append((stage.world.asked.count("post"), "unknown"))
        else:
            ends.append((stage.world.asked.count("post"), "published"))

    # Two points while the file goes out, one before the intent is kept; then intent, request
    # and answer; then the answer is kept. The last run met no crash.
    assert ends == [
        *[(1, "published")] * 3,
        *[(0, "unknown")] * 2,
        *[(1, "unknown")] * 2,
        *[(1, "published")] * 2,
    ]


async def test_a_thread_goes_on_at_the_first_item_that_is_not_done() -> None:
    stage = Stage(Finding(*thread(Effect.FIND)))
    per_item = 6  # intent, request and answer, each before and after
    stage.world.fuse = Fuse(12 * per_item + 4 * 2)  # twelve items and four files are done
    with pytest.raises(Crash):
        await stage.run()
    stage.world.fuse, stage.world.asked = Fuse(), []

    await stage.finish()

    assert stage.world.asked[0] == "item 13"
    assert len(stage.world.public) == 25


async def test_dying_again_and_again_still_ends_with_each_once() -> None:
    plan = thread(Effect.KEYED, items=6)

    for length in range(7, 16):  # with fewer no run could get anything done
        stage = Stage(Finding(*plan))
        for _ in range(100):
            stage.world.fuse = Fuse(length)
            try:
                await stage.finish()
            except Crash:
                continue
            break

        accepted = [each.partition("#")[0] for each in stage.world.public]
        assert accepted == [f"item {number}" for number in range(1, 7)]
