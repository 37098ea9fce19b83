"""The step ledger: durable in time, whole when it is read again, closed to the overtaken."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from installation import START, Installation
from oncue.connectors.answers import Reply
from oncue.connectors.base import Effect
from oncue.connectors.journal import Fenced, Recorded
from oncue.posts.models import Comment, Destination, Step
from oncue.publishing.ledger import StepLedger, as_json, from_json, hold, load_steps
from oncue.publishing.publisher import Run
from publishing.due import begun, scheduled

pytestmark = pytest.mark.anyio

Writing: TypeAlias = Callable[[StepLedger], Awaitable[object]]

YES = Reply(200, {"id": "7"}, {"date": "today"})
INTENT = Recorded(
    name="post", fingerprint="f", intent_at=START, sent_at=START, sends=1, looks=0, reply=None
)


def ledger_of(oncue: Installation, run: Run) -> StepLedger:
    return StepLedger(oncue.db, run.claim, run.steps, oncue.clock, hold)


async def kept(oncue: Installation, run: Run) -> dict[str, Recorded]:
    """What another process would find."""
    steps = await oncue.db.read(lambda session: load_steps(session, run.claim))
    return {step.name: step for step in steps}


async def test_an_intent_is_durable_when_it_is_given(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)

    intent = await ledger.intend("post", Effect.KEYED, "f")

    assert intent == INTENT
    assert ledger.recall("post") == INTENT
    assert await kept(installation, run) == {"post": INTENT}


async def test_an_intent_given_again_counts_and_keeps_its_beginning(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    await ledger.intend("post", Effect.FIND, "f")
    await ledger.looked("post")
    await ledger.looked("post")
    installation.clock.advance(minutes=5)

    again = await ledger.intend("post", Effect.FIND, "f")

    assert again == replace(INTENT, sent_at=START + timedelta(minutes=5), sends=2)
    assert await kept(installation, run) == {"post": again}


async def test_an_answer_and_every_look_are_durable(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    await ledger.intend("post", Effect.FIND, "f")

    looked = await ledger.looked("post")
    await ledger.record("post", YES)

    assert looked == replace(INTENT, looks=1)
    assert await kept(installation, run) == {"post": replace(INTENT, looks=1, reply=YES)}


async def test_what_is_noted_becomes_durable_with_the_next_write(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    ledger.note("step 1", Effect.REPEAT, "u", YES)
    assert ledger.recall("step 1") == noted("step 1")
    assert await kept(installation, run) == {}

    await ledger.intend("post", Effect.KEYED, "f")
    assert await kept(installation, run) == {"step 1": noted("step 1"), "post": INTENT}

    ledger.note("step 3", Effect.REPEAT, "u", YES)
    await ledger.record("post", YES)
    assert (await kept(installation, run)).keys() == {"step 1", "post", "step 3"}


def noted(name: str) -> Recorded:
    return replace(INTENT, name=name, fingerprint="u", reply=YES)


async def test_what_is_noted_becomes_durable_when_asked_for_and_replaces_what_was_there(
    installation: Installation,
) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    await ledger.flush()
    for answer in (Reply(404), YES):
        ledger.note("step 1", Effect.REPEAT, "u", answer)
        await ledger.flush()

    assert await kept(installation, run) == {"step 1": noted("step 1")}


async def test_an_intent_taken_back_is_gone_and_so_is_a_note(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    await ledger.intend("post", Effect.KEYED, "f")
    ledger.note("step 2", Effect.REPEAT, "u", YES)

    for name in ("post", "step 2", "never heard of"):
        await ledger.forget(name)
    await ledger.flush()

    assert ledger.recall("post") is None
    assert ledger.recall("step 2") is None
    assert await kept(installation, run) == {}


WRITES: tuple[Writing, ...] = (
    lambda ledger: ledger.intend("item 2", Effect.KEYED, "f"),
    lambda ledger: ledger.intend("post", Effect.KEYED, "f"),
    lambda ledger: ledger.record("post", YES),
    lambda ledger: ledger.looked("post"),
    lambda ledger: ledger.forget("post"),
    lambda ledger: ledger.flush(),
)
TAKE_OVERS: dict[str, dict[str, Any]] = {
    "a later run": {"fence": Destination.fence + 1},
    "the sweep": {"fence": Destination.fence + 1, "state": "parked"},
    "somebody who forgot the fence": {"state": "failed"},
}


@pytest.mark.parametrize("take_over", TAKE_OVERS.values(), ids=TAKE_OVERS)
async def test_whoever_was_overtaken_writes_no_more(
    installation: Installation, take_over: dict[str, Any]
) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    await ledger.intend("post", Effect.KEYED, "f")
    ledger.note("step 2", Effect.REPEAT, "u", YES)

    await installation.db.write(
        lambda session: session.execute(update(Destination).values(**take_over)).close()
    )

    for write in WRITES:
        with pytest.raises(Fenced):
            await write(ledger)
    assert await kept(installation, run) == {"post": INTENT}


async def test_a_run_reads_its_own_journal_and_no_earlier_one(installation: Installation) -> None:
    run = await begun(installation, "MASTODON")
    await ledger_of(installation, run).intend("post", Effect.KEYED, "f")

    renewed = replace(run, claim=replace(run.claim, journal=run.claim.journal + 1))

    assert await kept(installation, renewed) == {}
    await ledger_of(installation, replace(renewed, steps=())).intend("post", Effect.KEYED, "g")
    assert await kept(installation, run) == {"post": INTENT}


async def test_what_other_publications_of_the_account_made_is_claimed(
    installation: Installation,
) -> None:
    run = await begun(installation, "TWITTER")
    ledger = ledger_of(installation, run)
    await ledger.intend("item 1", Effect.FIND, "f")
    settled = (await scheduled(installation, "TWITTER")).destination_id
    going = (await scheduled(installation, "TWITTER")).destination_id
    elsewhere = (await scheduled(installation, "MASTODON")).destination_id
    await made(installation, settled, platform_post_id="settled")
    await made(installation, elsewhere, platform_post_id="elsewhere")
    await answered(installation, run, going, {"data": {"id": "going", "text": "Hi"}})

    assert await claimed(ledger, "settled", "going", "elsewhere", "ours") == {"settled", "going"}
    assert await claimed(ledger) == set()


async def test_an_item_of_our_own_thread_is_claimed_too(installation: Installation) -> None:
    run = await begun(installation, "TWITTER")
    ledger = ledger_of(installation, run)
    await ledger.intend("item 1", Effect.FIND, "f")
    await ledger.record("item 1", Reply(201, {"data": {"id": "one"}}))
    await ledger.intend("item 2", Effect.FIND, "f")

    assert await claimed(ledger, "one", "two") == {"one"}


async def test_a_comment_of_the_account_is_claimed_too(installation: Installation) -> None:
    run = await begun(installation, "TWITTER")
    ledger = ledger_of(installation, run)
    await ledger.intend("post", Effect.FIND, "f")
    mine = (await scheduled(installation, "TWITTER")).destination_id
    other = (await scheduled(installation, "MASTODON")).destination_id
    for destination_id, native_id in ((mine, "mine"), (other, "another's")):
        await commented(installation, run, destination_id, native_id)

    assert await claimed(ledger, "mine", "another's", "new") == {"mine"}


async def commented(oncue: Installation, run: Run, destination_id: UUID, native_id: str) -> None:
    def work(session: Session) -> None:
        session.add(
            Comment(
                destination_id=destination_id,
                workspace_id=run.claim.workspace_id,
                text="First!",
                state="published",
                native_id=native_id,
                created_at=START,
            )
        )

    await oncue.db.write(work)


async def claimed(ledger: StepLedger, *native_ids: str) -> set[str]:
    found: Collection[str] = await ledger.claimed(native_ids, START)
    return set(found)


async def made(oncue: Installation, destination_id: UUID, **facts: str) -> None:
    mine = Destination.id == destination_id
    await oncue.db.write(
        lambda session: session.execute(update(Destination).where(mine).values(**facts)).close()
    )


async def answered(
    oncue: Installation, run: Run, destination_id: UUID, body: dict[str, Any]
) -> None:
    """Another publication, begun long ago, has been answered, but not settled yet."""

    def work(session: Session) -> None:
        session.execute(
            insert(Step).values(
                destination_id=destination_id,
                journal=0,
                name="post",
                workspace_id=run.claim.workspace_id,
                effect=Effect.KEYED,
                fence=1,
                fingerprint="f",
                intent_at=START - timedelta(hours=2),
                sent_at=START,
                reply=as_json(Reply(201, body)),
                done_at=START,
            )
        )

    await oncue.db.write(work)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=10,
)


@given(st.integers(200, 599), JSON, st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_reply_reads_back_as_it_was(status: int, body: Any, headers: dict[str, str]) -> None:
    reply = Reply(status, body, headers)

    assert from_json(as_json(reply)) == reply


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>\x00</html>",
        {"": None},
        [{"id": 2**70, "text": "Grüße 👋 \u2028 \x00"}],
        "\ud83d",
    ],
)
async def test_whatever_a_network_answered_is_kept(installation: Installation, body: Any) -> None:
    run = await begun(installation, "MASTODON")
    ledger = ledger_of(installation, run)
    ledger.note("step 1", Effect.REPEAT, "u", Reply(200, body))

    await ledger.flush()

    assert (await kept(installation, run))["step 1"].reply == Reply(200, body)
