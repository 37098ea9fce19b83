"""What became of a request that was never answered: the key is sent again, the post looked for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from connectors.scripted import Finding, Scripted, Stage, Trouble, public
from installation import START
from oncue.connectors.answers import Refusal, Refused, Unclear
from oncue.connectors.base import Account, Call, Effect, Found, Steps
from oncue.connectors.journal import NoAnswer, NotSent, OutcomeUnknown, Parked
from oncue.connectors.runner import CLOCKS_DIFFER

pytestmark = pytest.mark.anyio

E = Effect
HOUR: Final = timedelta(hours=1)
LOST: Final = Trouble(NoAnswer("TimeoutError"))
ACCEPTED: Final = Trouble(NoAnswer("TimeoutError"), accepted=True)


def no(meaning: Refusal) -> Trouble:
    return Trouble(Refused(f"Scripted says {meaning}", meaning))


async def parks(stage: Stage) -> tuple[list[float], str]:
    """The seconds since the beginning to which it parks, and why it gives up in the end."""
    until: list[float] = []
    while True:
        try:
            await stage.run()
        except Parked as parked:
            stage.clock.now = parked.until
            until.append((parked.until - START).total_seconds())
        except OutcomeUnknown as unknown:
            return until, str(unknown)


async def crashed(stage: Stage) -> Stage:
    """`stage` with an open intent: its process died while it waited for the answer."""
    call = stage.connector.plan[0]
    assert isinstance(call, Call)
    await stage.journal.intend(call.name, call.effect, "")
    return stage


async def test_a_key_is_sent_again_at_once_and_then_ever_more_slowly_for_about_an_hour() -> None:
    stage = Stage(Scripted(public(E.KEYED)))
    stage.trouble("post", *[LOST] * 100)

    until, why = await parks(stage)

    pauses = [later - earlier for earlier, later in zip([0.0, *until], until, strict=False)]
    assert pauses == [7.5, 32.5, 122.5, *[602.5] * 6]  # each round takes 2.5 seconds by itself
    assert why == "Scripted did not answer 31 times"
    assert stage.world.asked == ["post"] * 31


async def test_a_network_that_answers_the_same_key_in_the_end_has_the_post_once() -> None:
    stage = Stage(Scripted(public(E.KEYED)))
    stage.trouble("post", ACCEPTED, *[LOST] * 5)

    await stage.finish()

    assert stage.world.asked == ["post"] * 7
    assert stage.world.public == ["post#1"]


@pytest.mark.parametrize("meaning", [Refusal.REJECTED, Refusal.DUPLICATE])
async def test_a_definite_no_to_the_key_closes_the_question(meaning: Refusal) -> None:
    stage = await crashed(Stage(Scripted(public(E.KEYED))))
    stage.trouble("post", no(meaning))

    with pytest.raises(Refused) as refused:
        await stage.run()

    assert refused.value.meaning is meaning
    assert stage.journal.steps == {}


@pytest.mark.parametrize("meaning", [Refusal.TRY_LATER, Refusal.RATE_LIMITED, Refusal.EXPIRED])
async def test_a_no_for_now_leaves_the_question_open_for_a_little_while(meaning: Refusal) -> None:
    stage = await crashed(Stage(Scripted(public(E.KEYED))))
    stage.trouble("post", no(meaning))

    with pytest.raises(Parked) as parked:
        await stage.run()

    assert parked.value.until == START + timedelta(seconds=5)
    assert stage.world.asked == ["post"]
    assert stage.journal.steps["post"].sends == 2


async def test_a_network_that_says_how_long_to_wait_is_left_alone_that_long() -> None:
    stage = await crashed(Stage(Scripted(public(E.KEYED))))
    busy = Refused("slow down", Refusal.RATE_LIMITED, retry_after=timedelta(minutes=15))
    stage.trouble("post", Trouble(busy))

    with pytest.raises(Parked) as parked:
        await stage.run()

    assert parked.value.until == START + timedelta(minutes=15)


@pytest.mark.parametrize("effect", [E.KEYED, E.FIND])
async def test_without_authorisation_nobody_can_be_asked(effect: Effect) -> None:
    stage = await crashed(Stage(Finding(public(effect))))
    for name in ("post", "/mine"):
        stage.trouble(name, no(Refusal.RECONNECT))
    stage.clock.advance(minutes=5)

    with pytest.raises(OutcomeUnknown, match="reconnect"):
        await stage.run()

    assert stage.journal.steps["post"].reply is None


@pytest.mark.parametrize(
    ("passed", "asked"),
    [
        (HOUR - CLOCKS_DIFFER, ["post"]),
        (HOUR - CLOCKS_DIFFER + timedelta(seconds=1), ["/mine"]),
    ],
)
async def test_a_key_the_network_may_have_forgotten_is_not_sent_again(
    passed: timedelta, asked: list[str]
) -> None:
    stage = await crashed(Stage(Finding(public(E.KEYED, key_lives=HOUR))))
    stage.world.public.append("post#1")
    stage.clock.now += passed

    await stage.run()

    assert stage.world.asked == asked


async def test_a_forgotten_key_on_a_network_that_cannot_be_searched_is_for_a_person() -> None:
    stage = await crashed(Stage(Scripted(public(E.KEYED, key_lives=HOUR))))
    stage.clock.now += HOUR

    with pytest.raises(OutcomeUnknown):
        await stage.run()

    assert stage.world.asked == []


async def test_a_post_is_looked_for_three_times_sent_once_more_and_looked_for_again() -> None:
    stage = Stage(Finding(public(E.FIND)))
    stage.trouble("post", LOST, LOST)

    until, why = await parks(stage)

    assert until == [15, 75, 255, 270, 330, 510]
    assert why == "Scripted shows no trace of it, twice"
    assert stage.world.asked == ["post", *["/mine"] * 3, "post", *["/mine"] * 3]


@pytest.mark.parametrize("look", [1, 2, 3])
async def test_the_post_that_is_found_is_ours(look: int) -> None:
    stage = Stage(Finding(public(E.FIND)))
    stage.trouble("post", LOST)
    for _ in range(look):
        with pytest.raises(Parked) as parked:
            await stage.run()
        stage.clock.now = parked.value.until
    stage.world.public.append("post#1")  # it took the network a while to show it

    published = await stage.run()

    assert published.id == "post#1"
    assert stage.world.asked == ["post", *["/mine"] * look]


async def test_several_that_match_are_for_a_person_to_tell_apart() -> None:
    stage = await crashed(Stage(Finding(public(E.FIND))))
    stage.world.public += ["post#1", "post#2"]
    stage.clock.advance(seconds=15)

    with pytest.raises(OutcomeUnknown, match="2 posts"):
        await stage.run()


async def test_what_other_publications_made_is_not_ours_as_far_back_as_we_look() -> None:
    stage = await crashed(Stage(Finding(public(E.FIND))))
    stage.world.public += ["post#1", "post#2"]
    stage.journal.taken["post#1"] = START - 2 * CLOCKS_DIFFER  # the network's may be ahead
    stage.clock.advance(seconds=15)

    assert (await stage.run()).id == "post#2"


async def test_after_a_crash_it_is_not_looked_for_before_the_network_had_time() -> None:
    stage = await crashed(Stage(Finding(public(E.FIND))))

    with pytest.raises(Parked) as parked:
        await stage.run()

    assert parked.value.until == START + timedelta(seconds=15)
    assert stage.world.asked == []


async def test_a_look_that_fails_is_repeated_every_minute_for_an_hour() -> None:
    stage = await crashed(Stage(Finding(public(E.FIND))))
    stage.trouble("/mine", *[no(Refusal.RATE_LIMITED)] * 100)

    until, why = await parks(stage)

    assert until == [15 + 60 * minute for minute in range(61)]
    assert why == "Scripted: Scripted says rate_limited"
    assert stage.world.asked == ["/mine"] * 61


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        (no(Refusal.DUPLICATE), OutcomeUnknown),  # so it is there, and hides from us
        (no(Refusal.REJECTED), Refused),
        (Trouble(NotSent("ClientConnectorError")), Refused),
    ],
)
async def test_the_answer_to_the_second_sending_counts(
    trouble: Trouble, end: type[Exception]
) -> None:
    stage = Stage(Finding(public(E.FIND)))
    stage.trouble("post", LOST, trouble)

    with pytest.raises(end):
        await stage.finish()

    assert stage.world.asked == ["post", *["/mine"] * 3, "post"]


class Overwhelmed(Finding):
    """Lists so much that it cannot say; notes since when it was asked to look."""

    since: datetime | None = None

    def find(self, call: Call, account: Account, since: datetime) -> Steps[Sequence[Found]]:
        self.since = since
        yield Call("GET", "/mine")
        raise Unclear("more than a thousand posts")


async def test_a_look_that_cannot_tell_leaves_it_to_a_person() -> None:
    connector = Overwhelmed(public(E.FIND))
    stage = await crashed(Stage(connector))
    stage.clock.advance(minutes=5)

    with pytest.raises(OutcomeUnknown, match="a thousand"):
        await stage.run()

    assert connector.since == START - CLOCKS_DIFFER
