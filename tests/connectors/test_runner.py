"""What the runner remembers: done is done, changed is asked anew, a wait gives the worker back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from connectors.scripted import DRAFT, Finding, Scripted, Stage, Trouble, public, upload
from installation import START
from oncue.connectors.answers import Refusal, Refused, Reply, Unreadable
from oncue.connectors.base import Account, Call, Effect, Published, Steps, Wait
from oncue.connectors.conversation import drive, fingerprint
from oncue.connectors.journal import NoAnswer, Parked, Recorded
from oncue.connectors.spec import Draft, Media

pytestmark = pytest.mark.anyio

E = Effect
FILE: Final = Media(id="m1", type="image/png", bytes=3, sha256="a" * 64)


async def test_a_publication_is_what_the_connector_says_it_is() -> None:
    stage = Stage(Scripted(upload(), public(E.KEYED)))

    assert await stage.run() == Published(id="post#1", url=None)

    assert stage.world.asked == ["/upload/1", "post"]


async def test_the_same_publication_again_sends_nothing() -> None:
    stage = Stage(Scripted(upload(), public(E.REVIEW)))
    published = await stage.run()
    stage.world.asked.clear()

    assert await stage.run() == published

    assert stage.world.asked == []


async def test_the_intent_is_durable_before_the_request_and_the_answer_after_it() -> None:
    stage = Stage(Scripted(public(E.REVIEW)))
    seen: list[Recorded | None] = []
    send = stage.world.send

    async def watched(call: Call) -> Reply:
        seen.append(stage.journal.reopened().recall("post"))
        return await send(call)

    stage.world.send = watched  # type: ignore[method-assign]
    await stage.run()

    intent = Recorded(
        name="post",
        fingerprint=fingerprint(public(E.REVIEW)),
        intent_at=START,
        sent_at=START,
        sends=1,
        looks=0,
        reply=None,
    )
    assert seen == [intent]
    assert stage.journal.steps == {"post": replace(intent, reply=Reply(200, {"id": "post#1"}))}


async def test_a_public_step_that_is_done_is_not_done_again_even_if_it_would_differ() -> None:
    stage = Stage(Scripted(public(E.KEYED, "item 1"), public(E.KEYED, "item 2")))
    stage.trouble("item 2", Trouble(Refused("too long")))
    with pytest.raises(Refused):
        await stage.run()

    edited = Call("POST", "/post", json={"text": "edited"}, effect=E.KEYED, name="item 1")
    stage.connector.plan = (edited, public(E.KEYED, "item 2"))
    await stage.run()

    assert stage.world.asked == ["item 1", "item 2", "item 2"]


async def test_a_harmless_step_is_done_again_only_if_it_differs() -> None:
    stage = Stage(Scripted(upload(1), upload(2), public(E.KEYED, "item 1"), public(E.KEYED)))
    stage.trouble("post", Trouble(Refused("too long")))
    with pytest.raises(Refused):
        await stage.run()
    stage.world.asked.clear()

    stage.connector.plan = (upload(1), upload(3), *stage.connector.plan[2:])
    await stage.run()

    assert stage.world.asked == ["/upload/3", "post"]


async def test_a_refused_call_leaves_nothing_behind() -> None:
    stage = Stage(Scripted(public(E.REVIEW)))
    stage.trouble("post", Trouble(Refused("no")))
    with pytest.raises(Refused):
        await stage.run()

    assert stage.journal.steps == {}

    await stage.run()
    assert stage.world.asked == ["post", "post"]


@pytest.mark.parametrize("seconds", [1, 5])
async def test_a_short_wait_is_waited_out(seconds: int) -> None:
    stage = Stage(Scripted(upload(), Wait(seconds), public(E.KEYED)))

    await stage.run()

    assert stage.clock.now == START + timedelta(seconds=seconds)


async def test_a_long_wait_gives_the_worker_back_and_is_counted_from_its_beginning() -> None:
    stage = Stage(Scripted(upload(), Wait(60), public(E.KEYED)))

    with pytest.raises(Parked) as parked:
        await stage.run()
    stage.clock.advance(seconds=20)
    with pytest.raises(Parked) as still:
        await stage.run()
    stage.clock.advance(seconds=40)
    published = await stage.run()

    assert parked.value.until == still.value.until == START + timedelta(seconds=60)
    assert published.id == "post#1"
    assert stage.world.asked == ["/upload/1", "post"]


class Forgiving(Scripted):
    """Takes a refusal of the first call for an answer, and says the rest differently then."""

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        first, plain, fancy = self.plan
        try:
            yield first
        except Refused as refused:
            if refused.meaning is not Refusal.REJECTED:
                raise
            reply = yield plain
        else:
            reply = yield fancy
        return Published(id=reply.text("id"), url=None)


LOOK: Final = Call("GET", "/who")
PLAIN: Final = public(E.KEYED, "plain")
FANCY: Final = public(E.KEYED, "fancy")


@pytest.mark.parametrize("first", [LOOK, public(E.KEYED, "first")], ids=["harmless", "public"])
async def test_a_refusal_taken_for_an_answer_is_one_in_a_replay_too(first: Call) -> None:
    stage = Stage(Forgiving(first, PLAIN, FANCY))
    name = first.name or first.path
    stage.trouble(name, Trouble(Reply(404)))
    stage.trouble("plain", *[Trouble(NoAnswer("reset"))] * 4)
    with pytest.raises(Parked):
        await stage.run()
    assert stage.world.asked == [name, *["plain"] * 4]
    stage.world.asked.clear()

    await stage.finish()  # by now the network would say yes to the first

    assert stage.world.asked == ["plain"]
    assert stage.world.public == ["plain#1"]


async def test_a_refusal_the_connector_passes_on_is_the_end() -> None:
    stage = Stage(Forgiving(LOOK, PLAIN, FANCY))
    stage.trouble("/who", Trouble(Reply(429)))

    with pytest.raises(Refused) as refused:
        await stage.run()

    assert refused.value.meaning is Refusal.RATE_LIMITED
    assert stage.world.asked == ["/who"]


class Hesitant(Scripted):
    """Looks around when it is refused, and passes the refusal on."""

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        first, look = self.plan
        try:
            reply = yield first
        except Refused:
            yield look
            raise
        return Published(id=reply.text("id"), url=None)


async def test_a_refusal_that_was_no_answer_after_all_leaves_nothing_behind() -> None:
    stage = Stage(Hesitant(public(E.KEYED), LOOK))
    stage.trouble("post", Trouble(Reply(409)))

    with pytest.raises(Refused):
        await stage.run()
    await stage.journal.flush()

    assert stage.journal.recall("post") is None
    assert (await stage.run()).id == "post#1"
    assert stage.world.asked == ["post", "/who", "post"]


class Doubtful(Scripted):
    """Refuses by itself, after it has read what the network answered."""

    def publish(self, draft: Draft, account: Account) -> Steps[Published]:
        for step in self.plan:
            (yield step).text("id")
        raise Refused("processing failed")


async def test_what_is_public_stays_done_when_the_connector_refuses_afterwards() -> None:
    stage = Stage(Doubtful(public(E.REVIEW)))

    for _ in range(2):
        with pytest.raises(Refused, match="processing failed"):
            await stage.run()

    assert stage.world.asked == ["post"]


@pytest.mark.parametrize(
    "other",
    [
        Call("PUT", "/a"),
        Call("POST", "/b"),
        Call("POST", "/a", query={"q": "1"}),
        Call("POST", "/a", json={}),
        Call("POST", "/a", json={"text": "Hi", "media": ["1", "2"]}),
        Call("POST", "/a", form={"text": "Hi"}),
        Call("POST", "/a", files={"photo": FILE}),
        Call("POST", "/a", body=FILE),
    ],
)
def test_everything_that_goes_out_tells_calls_apart(other: Call) -> None:
    assert fingerprint(other) != fingerprint(Call("POST", "/a"))


def test_neither_headers_nor_the_order_of_keys_do() -> None:
    one = Call("POST", "/a", json={"a": 1, "b": {"c": [1]}}, headers={"x": "1"}, name="one")
    other = Call("POST", "/a", json={"b": {"c": (1,)}, "a": 1}, headers={"x": "2"}, name="two")

    assert fingerprint(one) == fingerprint(other)


def test_what_has_no_place_in_a_call_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="datetime"):
        fingerprint(Call("POST", "/a", json={"at": DRAFT.begun_at}))


async def test_steps_nobody_has_to_remember_are_simply_driven() -> None:
    stage = Stage(Finding())
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    def steps() -> Steps[Sequence[str]]:
        one = yield Call("GET", "/one")
        yield Wait(90)
        try:
            yield Call("GET", "/two")
        except Refused:
            return [one.text("id")]
        return []

    stage.trouble("/two", Trouble(Reply(404)))

    assert await drive(steps(), stage.world.send, sleep) == ["/one"]
    assert waited == [90]


async def test_what_cannot_be_read_while_driving_is_a_no_for_now() -> None:
    stage = Stage(Finding())
    stage.trouble("/me", Trouble(Reply(200, {})))

    with pytest.raises(Refused) as refused:
        await drive(
            stage.connector.identify(Account(native_id="")), stage.world.send, stage.clock.sleep
        )

    assert refused.value.meaning is Refusal.TRY_LATER
    assert isinstance(refused.value.__cause__, Unreadable)
