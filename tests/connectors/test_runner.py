"""Kill a publication anywhere, leave it unanswered in any way: each post is made once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connectors.stage import LOOKUPS, Crash, Findable, Scripted, Stage, made
from oncue.connectors.base import (
    Call,
    Effect,
    Found,
    Published,
    Refusal,
    Refused,
    Reply,
    Steps,
    Unclear,
    Wait,
)
from oncue.connectors.runner import NoAnswer, NotSent, OutcomeUnknown, Parked

pytestmark = pytest.mark.anyio

SILENCE = (NoAnswer("reset"), Unclear("500"))
OURS = Found(id="9", reply=made("9"))


def one(effect: Effect, **more: object) -> Callable[[], Steps[Published]]:
    """A network with a single public call."""

    def play() -> Steps[Published]:
        reply = yield Call("POST", "/post", effect=effect, name="post", **more)  # type: ignore[arg-type]
        return Published(id=reply.text("id"), url=None)

    return play


def uploaded() -> Steps[Published]:
    """An upload, then the post, then a look at it."""
    file = yield Call("POST", "/upload")
    reply = yield Call("POST", f"/post/{file.text('id')}", effect=Effect.REVIEW, name="post")
    shown = yield Call("GET", f"/post/{reply.text('id')}")
    return Published(id=reply.text("id"), url=shown.text("url"))


def thread() -> Steps[Published]:
    """A thread of twenty-five."""
    first = ""
    for number in range(1, 26):
        reply = yield Call("POST", "/item", effect=Effect.FIND, name=f"item {number}")
        first = first or reply.text("id")
    return Published(id=first, url=None)


@pytest.mark.parametrize("crash_at", [1, 2, 3])
async def test_a_crash_at_any_request_never_makes_a_second_post(crash_at: int) -> None:
    shown = Reply(200, {"url": "https://example.org/1"})
    answers = [made("u"), made("1"), shown]
    stage = Stage(Scripted(uploaded), [*answers[: crash_at - 1], Crash(), *answers[crash_at - 1 :]])
    with pytest.raises(Crash):
        await stage.run()

    if crash_at == 2:  # between the intent and the answer, and nobody can tell
        with pytest.raises(OutcomeUnknown):
            await stage.run()
    else:
        assert await stage.run() == Published(id="1", url="https://example.org/1")

    assert stage.names() == ["post"]


@pytest.mark.parametrize("reached", range(25))
async def test_a_thread_goes_on_at_the_first_item_that_was_not_sent(reached: int) -> None:
    down = [NotSent("refused")]
    stage = Stage(Findable(thread), [*map(made, "x" * reached), *down, *map(made, "y" * 25)])
    with pytest.raises(Refused):
        await stage.run()

    await stage.run()

    wanted = [f"item {number}" for number in range(1, 26)]
    assert stage.names() == [*wanted[:reached], wanted[reached], *wanted[reached:]]


@pytest.mark.parametrize("effect", [Effect.KEYED, Effect.FIND, Effect.REVIEW])
async def test_what_was_never_sent_is_forgotten_and_may_be_tried_again(effect: Effect) -> None:
    stage = Stage(Findable(one(effect)), [NotSent("no connection")])

    with pytest.raises(Refused) as refused:
        await stage.run()

    assert refused.value.is_transient
    assert stage.journal.steps == {}


@pytest.mark.parametrize("meaning", sorted(set(Refusal) - {Refusal.EXPIRED}))
async def test_a_refusal_is_certain_and_leaves_no_open_intent(meaning: Refusal) -> None:
    stage = Stage(Scripted(one(Effect.REVIEW)), [Refused("no", meaning)])

    with pytest.raises(Refused):
        await stage.run()

    assert stage.journal.steps == {}


@pytest.mark.parametrize("silence", SILENCE)
async def test_review_is_never_sent_again(silence: Exception) -> None:
    stage = Stage(Scripted(one(Effect.REVIEW)), [silence, made("2")])

    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            await stage.run()

    assert stage.names() == ["post"]


@pytest.mark.parametrize("silence", SILENCE)
async def test_keyed_is_sent_again_at_once_with_the_same_call(silence: Exception) -> None:
    stage = Stage(Scripted(one(Effect.KEYED)), [silence, made("1")])

    assert (await stage.run()).id == "1"

    first, second = stage.sent
    assert first == second


async def test_keyed_gives_the_worker_back_while_the_network_stays_silent() -> None:
    stage = Stage(Scripted(one(Effect.KEYED)), [NoAnswer("timeout")] * 7 + [made("1")])

    parked = []
    for _ in range(2):
        with pytest.raises(Parked) as waiting:
            await stage.run()
        parked.append((waiting.value.until - stage.now).total_seconds())
        stage.now = waiting.value.until

    assert parked == [5, 30]
    assert (await stage.run()).id == "1"


async def test_keyed_ends_as_unknown_when_the_network_never_answers() -> None:
    stage = Stage(Scripted(one(Effect.KEYED)), [NoAnswer("timeout")] * 1_000)

    with pytest.raises(OutcomeUnknown):
        await settle(stage)

    pursued = stage.now - stage.journal.steps["post"].intent_at
    assert timedelta(minutes=30) < pursued < timedelta(hours=2)


async def test_a_passing_no_to_a_key_sent_again_leaves_the_question_open() -> None:
    limited = Refused("slow down", Refusal.RATE_LIMITED)
    stage = Stage(Scripted(one(Effect.KEYED)), [NoAnswer("cut"), limited, made("1")])

    with pytest.raises(Parked) as parked:
        await stage.run()
    stage.now = parked.value.until

    assert (await stage.run()).id == "1"


async def test_a_key_the_network_has_forgotten_is_looked_for_instead() -> None:
    play = one(Effect.KEYED, key_lives=timedelta(hours=1))
    stage = Stage(Findable(play, looks=[[OURS]]), [NoAnswer("cut"), Crash()])
    with pytest.raises(Crash):
        await stage.run()

    stage.now += timedelta(hours=1)
    stage.answers = [Reply(200, [])]

    assert (await stage.run()).id == "9"
    assert stage.sent[-1].method == "GET"


async def settle(stage: Stage) -> Published:
    """Run, and come back whenever the run says when."""
    for _ in range(20):
        try:
            return await stage.run()
        except Parked as parked:
            stage.now = parked.until
    raise AssertionError("it never ends")


async def test_find_waits_before_it_looks() -> None:
    stage = Stage(Findable(one(Effect.FIND)), [NoAnswer("cut")])

    with pytest.raises(Parked) as parked:
        await stage.run()

    assert parked.value.until == stage.now + timedelta(seconds=LOOKUPS[0])
    assert stage.names() == ["post"]


@pytest.mark.parametrize("empty_looks", [0, 1, 2])
async def test_a_post_that_is_found_is_ours_and_not_sent_again(empty_looks: int) -> None:
    looks: list[list[Found]] = [[]] * empty_looks + [[OURS]]
    stage = Stage(
        Findable(one(Effect.FIND), looks=[*looks]), [NoAnswer("cut"), *[Reply(200, [])] * 3]
    )

    assert (await settle(stage)).id == "9"
    assert stage.names() == ["post"]


async def test_a_post_without_a_trace_is_sent_once_more() -> None:
    stage = Stage(Findable(one(Effect.FIND)), [NoAnswer("cut"), *[Reply(200, [])] * 3, made("2")])

    assert (await settle(stage)).id == "2"
    assert stage.names() == ["post", "post"]


async def test_twice_without_a_trace_is_for_a_person() -> None:
    looks = [Reply(200, [])] * 3
    stage = Stage(
        Findable(one(Effect.FIND)), [NoAnswer("cut"), *looks, NoAnswer("cut"), *looks, made("3")]
    )

    with pytest.raises(OutcomeUnknown):
        await settle(stage)
    assert stage.names() == ["post", "post"]


async def test_several_that_match_are_for_a_person() -> None:
    twins = [OURS, Found(id="10", reply=made("10"))]
    stage = Stage(Findable(one(Effect.FIND), looks=[twins]), [NoAnswer("cut"), Reply(200, [])])

    with pytest.raises(OutcomeUnknown):
        await settle(stage)


async def test_a_match_that_another_publication_made_is_not_ours() -> None:
    twins = [OURS, Found(id="10", reply=made("10"))]
    stage = Stage(Findable(one(Effect.FIND), looks=[twins]), [NoAnswer("cut"), Reply(200, [])])
    stage.journal.others = {"9"}

    assert (await settle(stage)).id == "10"


async def test_a_look_that_fails_is_repeated_and_counts_as_none() -> None:
    stage = Stage(
        Findable(one(Effect.FIND), looks=[[OURS]]),
        [NoAnswer("cut"), *[NotSent("down")] * 3, Reply(200, [])],
    )

    assert (await settle(stage)).id == "9"


async def test_a_network_that_calls_it_a_duplicate_after_no_trace_is_for_a_person() -> None:
    duplicate = Refused("you said that", Refusal.DUPLICATE)
    stage = Stage(Findable(one(Effect.FIND)), [NoAnswer("cut"), *[Reply(200, [])] * 3, duplicate])

    with pytest.raises(OutcomeUnknown):
        await settle(stage)


async def test_an_answer_that_cannot_be_read_leaves_the_outcome_open() -> None:
    stage = Stage(Scripted(one(Effect.REVIEW)), [Reply(200, {"surprise": True})])

    with pytest.raises(OutcomeUnknown):
        await stage.run()


async def test_a_harmless_request_is_tried_three_times_and_then_later() -> None:
    stage = Stage(Scripted(uploaded), [NoAnswer("cut")] * 3)

    with pytest.raises(Refused) as refused:
        await stage.run()

    assert refused.value.is_transient
    assert [call.path for call in stage.sent] == ["/upload"] * 3


async def test_a_long_wait_gives_the_worker_back_and_a_short_one_does_not() -> None:
    def waits() -> Steps[Published]:
        yield Wait(2)
        yield Wait(60)
        reply = yield Call("POST", "/post", effect=Effect.REVIEW, name="post")
        return Published(id=reply.text("id"), url=None)

    stage = Stage(Scripted(waits), [made("1")])

    with pytest.raises(Parked) as parked:
        await stage.run()
    assert parked.value.until - stage.now == timedelta(seconds=60)

    stage.now = parked.value.until
    assert (await stage.run()).id == "1"


async def test_a_refusal_the_connector_takes_for_an_answer_is_taken_again_after_a_crash() -> None:
    def tolerant() -> Steps[Published]:
        try:
            reply = yield Call("POST", "/post", effect=Effect.KEYED, name="post")
        except Refused:
            reply = yield Call("GET", "/post")
        return Published(id=reply.text("id"), url=None)

    stage = Stage(Scripted(tolerant), [Reply(400, {"error": "already there"}), Crash(), made("7")])
    with pytest.raises(Crash):
        await stage.run()

    assert (await stage.run()).id == "7"
    assert stage.names() == ["post"]


async def test_a_public_step_that_is_done_stays_done_though_the_call_has_changed() -> None:
    text = ["before"]

    def edited() -> Steps[Published]:
        harmless = yield Call("POST", "/upload", json={"text": text[0]})
        public = yield Call(
            "POST", "/post", json={"text": text[0]}, effect=Effect.REVIEW, name="post"
        )
        shown = yield Call("GET", f"/{harmless.text('id')}")
        return Published(id=public.text("id"), url=shown.text("id"))

    stage = Stage(Scripted(edited), [made("u1"), made("1"), Crash(), made("u2"), made("s")])
    with pytest.raises(Crash):
        await stage.run()

    text[0] = "after"
    await stage.run()

    assert [call.path for call in stage.sent] == ["/upload", "/post", "/u1", "/upload", "/u2"]
