"""Every effect meets every trouble: how a run ends, and what was sent until then."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest

from connectors.scripted import Finding, Scripted, Stage, Trouble, public, upload
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear
from oncue.connectors.base import Effect
from oncue.connectors.journal import NoAnswer, NotSent, OutcomeUnknown, Parked

pytestmark = pytest.mark.anyio

E = Effect
HTML: Final = Reply(200, "<html>Bad gateway?</html>")


async def ended(stage: Stage) -> str:
    """How one run of it ends, in a few words."""
    begun = stage.clock.now
    try:
        await stage.run()
    except Refused as refused:
        return refused.meaning.value
    except OutcomeUnknown:
        return "unknown"
    except Parked as parked:
        return f"parked {(parked.until - begun).total_seconds():g}s"
    return "published"


def call(effect: Effect) -> str:
    return "post" if effect.is_public else "/upload/1"


# How a run ends, and how often it sent the call, when every answer is the trouble in question.
# The requests it repeats at once go out after 0, 0.5 and 2 seconds.
TROUBLES: Final[Mapping[str, Exception | Reply]] = {
    "not sent": NotSent("ClientConnectorError"),
    "no answer": NoAnswer("TimeoutError"),
    "unclear": Unclear("Scripted answered 502"),
    "500": Reply(500, {"error": "Internal Server Error"}),
    "garbage": HTML,
    "503": Reply(503),
    "429": Reply(429),
    "401": Reply(401),
    "403": Reply(403),
    "reconnect": Refused("revoked", Refusal.RECONNECT),
    "duplicate": Refused("said already", Refusal.DUPLICATE),
}
# fmt: off
ENDS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    #              repeat            keyed              find               review
    "not sent":  (("try_later", 3), ("try_later", 1),  ("try_later", 1),  ("try_later", 1)),
    "no answer": (("try_later", 3), ("parked 7.5s", 4), ("parked 15s", 1), ("unknown", 1)),
    "unclear":   (("try_later", 3), ("parked 7.5s", 4), ("parked 15s", 1), ("unknown", 1)),
    "500":       (("try_later", 3), ("parked 7.5s", 4), ("parked 15s", 1), ("unknown", 1)),
    "garbage":   (("try_later", 3), ("parked 7.5s", 4), ("parked 15s", 1), ("unknown", 1)),
    "503":       (("try_later", 1),) * 4,
    "429":       (("rate_limited", 1),) * 4,
    "401":       (("expired", 1),) * 4,
    "403":       (("rejected", 1),) * 4,
    "reconnect": (("reconnect", 1),) * 4,
    "duplicate": (("duplicate", 1),) * 4,
}
# fmt: on
CASES: Final = [
    (effect, trouble, *end)
    for trouble, row in ENDS.items()
    for effect, end in zip((E.REPEAT, E.KEYED, E.FIND, E.REVIEW), row, strict=True)
]


def test_the_table_has_a_row_for_every_trouble() -> None:
    assert ENDS.keys() == TROUBLES.keys()


@pytest.mark.parametrize(("effect", "trouble", "end", "sends"), CASES)
async def test_every_effect_meets_every_trouble(
    effect: Effect, trouble: str, end: str, sends: int
) -> None:
    step = public(effect) if effect.is_public else upload()
    stage = Stage(Finding(step))
    stage.trouble(call(effect), *[Trouble(TROUBLES[trouble])] * 10)

    assert await ended(stage) == end

    assert stage.world.asked == [call(effect)] * sends
    is_open = end == "unknown" or end.startswith("parked")
    assert (stage.journal.recall("post") is not None) == is_open


@pytest.mark.parametrize("trouble", ["no answer", "unclear", "500", "garbage"])
@pytest.mark.parametrize("effect", [E.KEYED, E.FIND])
async def test_what_was_accepted_without_an_answer_is_found_out_and_not_made_again(
    effect: Effect, trouble: str
) -> None:
    stage = Stage(Finding(public(effect)))
    stage.trouble("post", Trouble(TROUBLES[trouble], accepted=True))

    published = await stage.finish()

    assert stage.world.public == ["post#1"]
    assert published.id == "post#1"


@pytest.mark.parametrize("trouble", ["no answer", "unclear", "500", "garbage"])
async def test_what_nobody_can_tell_is_never_sent_again_by_itself(trouble: str) -> None:
    stage = Stage(Scripted(public(E.REVIEW)))
    stage.trouble("post", Trouble(TROUBLES[trouble], accepted=True))

    assert [await ended(stage) for _ in range(3)] == ["unknown"] * 3

    assert stage.world.asked == ["post"]


async def test_a_network_that_cannot_be_searched_leaves_it_to_a_person() -> None:
    stage = Stage(Scripted(public(E.FIND)))
    stage.trouble("post", Trouble(NoAnswer("TimeoutError"), accepted=True))

    assert await ended(stage) == "unknown"
    assert stage.world.asked == ["post"]


@pytest.mark.parametrize("effect", list(E))
async def test_an_answer_that_lacks_what_it_promises(effect: Effect) -> None:
    step = public(effect) if effect.is_public else upload()
    stage = Stage(Finding(step))
    stage.trouble(call(effect), Trouble(Reply(200, {"name": "no id in here"})))

    assert await ended(stage) == ("unknown" if effect.is_public else "try_later")


async def test_an_answer_nobody_can_read_is_not_kept_as_one() -> None:
    stage = Stage(Finding(public(E.REVIEW)))
    stage.trouble("post", Trouble(Reply(200, {"name": "no id in here"}), accepted=True))
    assert await ended(stage) == "unknown"

    kept = stage.journal.recall("post")

    assert kept is not None
    assert kept.reply is None


async def test_a_repeated_call_that_is_answered_in_the_end_goes_on() -> None:
    stage = Stage(Finding(upload(), public(E.KEYED)))
    stage.trouble("/upload/1", Trouble(NoAnswer("reset")), Trouble(HTML))
    begun = stage.clock.now

    assert await ended(stage) == "published"

    assert stage.world.asked == ["/upload/1"] * 3 + ["post"]
    assert stage.clock.now - begun == timedelta(seconds=2.5)
