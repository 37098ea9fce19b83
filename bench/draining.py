"""Draining what is due: promoter, engine and publisher, against networks in another process.

The bare program makes the same calls with aiohttp and writes nothing down.
"""

import asyncio
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Final

from bench.bare_calls import Speaker, publish_all
from bench.figures import Database, Extent, Figure, Pace, Profile, Results, paced
from bench.places import Place, name_of, place, sandbox_user
from bench.processes import ONCUE, PYTHON, Process, running
from bench.sampling import sampled
from sqlalchemy.orm import Session

from oncue.lib.clock import utc_now
from oncue.posts import service as posts
from oncue.posts.values import NewPost
from oncue.publishing.publisher import Counter
from oncue.publishing.settle import Settled
from oncue.runtime import runtime

ACCOUNTS: Final = 100
ACCOUNTS_EACH: Final = 2  # of a post
CONTENT: Final = "Something to say about number {number}, of the usual length of such things."


class Tally(Counter):
    """Counts what is out, until it is everything."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self.published = 0
        self.failed = 0
        self.complete = asyncio.Event()

    def settled(self, settled: Settled) -> None:
        self.published += settled.status == "published"
        self.failed += settled.status != "published"
        if self.published + self.failed == self._expected:
            self.complete.set()


def fake(database: Database, extent: Extent, command: str) -> Results:
    """Against a network that does next to nothing; with a profile."""
    what = "drain, fake network"
    with running(PYTHON, "-m", "bench.fake_network", "{port}") as network:
        ours = _ours(database, extent, network)
        with sampled() as sampler:
            _ours(database, extent.part, network)
        bare = _bare(extent, network)
    return Results(
        figures=[_figure(what, database, ours, bare, command)],
        profiles=[Profile(what=what, database=database, shares=sampler.shares)],
    )


def sandbox(database: Database, extent: Extent, command: str) -> Results:
    """Against the simulated networks, which check and remember what they are sent."""
    with _simulated() as network:
        ours = _ours(database, extent, network)
    with _simulated() as network:
        bare = _bare(extent, network)
    return Results(figures=[_figure("drain, sandbox", database, ours, bare, command)])


def _figure(what: str, database: Database, ours: Pace, bare: Pace, command: str) -> Figure:
    return Figure(
        what=what,
        database=database,
        ours=ours,
        bare=bare,
        beside="the same calls",
        command=command,
    )


def _simulated() -> AbstractContextManager[Process]:
    quiet = {**os.environ, "ONCUE_LOG_LEVEL": "warning"}
    return running(ONCUE, "sandbox", "--port", "{port}", environment=quiet)


def _ours(database: Database, extent: Extent, network: Process) -> Pace:
    with place(database, account_count=ACCOUNTS) as at:
        return asyncio.run(_drained(at, extent, network.url))


async def _drained(at: Place, extent: Extent, url: str) -> Pace:
    async with runtime(replace(at.settings, sandbox_url=url)) as made:
        tally = Tally(await made.services.db.write(lambda session: _fill(session, at, extent)))
        made.worker.publisher = replace(made.worker.publisher, count=tally)

        async def drain() -> int:
            await made.worker.start()
            with suppress(TimeoutError):
                await asyncio.wait_for(tally.complete.wait(), extent.seconds)
            if tally.failed:
                raise RuntimeError(f"{tally.failed} destinations were not published")
            return tally.published

        try:
            return await paced(drain)
        finally:
            await made.worker.stop()


def _fill(session: Session, at: Place, extent: Extent) -> int:
    """Make posts that are due at once; how many destinations they have."""
    now = utc_now()
    for number in _posts(extent):
        new = NewPost(
            content=CONTENT.format(number=number),
            account_ids=at.two_accounts(number),
            scheduled_for=now,
        )
        posts.create(session, at.workspace_id, new, now)
    return len(_posts(extent)) * ACCOUNTS_EACH


def _posts(extent: Extent) -> range:
    return range(max(extent.items // ACCOUNTS_EACH, 1))


def _bare(extent: Extent, network: Process) -> Pace:
    speakers = [_speaker(number, _posts(extent)) for number in range(ACCOUNTS)]

    async def publish() -> int:
        await publish_all(network.url, speakers)
        return sum(len(speaker.texts) for speaker in speakers)

    return asyncio.run(paced(publish))


def _speaker(number: int, made: range) -> Speaker:
    """The account of this number, with those of the posts that go to it."""
    platform, user = sandbox_user(number)
    theirs = made[number // ACCOUNTS_EACH :: ACCOUNTS // ACCOUNTS_EACH]
    return Speaker(
        platform=platform,
        name=name_of(number),
        native_id=user.native_id,
        texts=[CONTENT.format(number=post) for post in theirs],
    )
