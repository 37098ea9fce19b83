"""Whoever processes a file may die or stand still at any moment; another goes on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from api.test_media import kept
from installation import Installation
from media.uploading import PHOTO, announce, content_of, processed, row, send, shown, stored, told
from oncue.media import turns
from oncue.media.intake import Intake, Probe
from oncue.media.probe import Probed
from oncue.media.processing import MAX_RUNS, Failed, Processor
from oncue.media.turns import Run
from sniffing import sniffed

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)


async def sent(site: Installation) -> str:
    """A file that waits for a worker; its id."""
    ticket = await announce(site)
    await send(site, ticket)
    if site.services.settings.media_bucket is not None:
        await shown(site, ticket["mediaId"])
    media_id: str = ticket["mediaId"]
    return media_id


async def taken(site: Installation) -> Run:
    """A turn that somebody else has begun, who is not heard of again."""
    run = await site.db.write(
        lambda session: turns.take(session, site.clock(), LEASE, by_url=False)
    )
    assert run is not None
    return run


async def test_what_somebody_has_is_not_taken_and_then_it_is(site: Installation) -> None:
    media_id = await sent(site)
    await taken(site)

    site.clock.advance(seconds=29)
    await site.errands()
    before = await shown(site, media_id)
    site.clock.advance(seconds=1)
    await site.errands()

    assert (before["status"], (await shown(site, media_id))["status"]) == ("processing", "ready")


async def test_who_comes_back_too_late_changes_nothing_and_leaves_nothing(
    site: Installation,
) -> None:
    media_id = await sent(site)
    late = await taken(site)
    site.clock.advance(seconds=30)
    await site.errands()
    ready = await row(site, media_id)
    keys = await stored(site)

    await site.services.processor.do(late)
    await site.services.processor._fail(late, Failed("X", "too late"))

    assert vars_of(await row(site, media_id)) == vars_of(ready)
    assert await stored(site) == keys
    assert len(await told(site)) == 1


def vars_of(media: object) -> dict[str, object]:
    return {name: value for name, value in vars(media).items() if not name.startswith("_")}


async def test_a_worker_that_is_stopped_as_it_lets_go_of_a_file_stops(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = await sent(site)
    acting = asyncio.create_task(site.services.processor.act())

    async def hold(_processor: Processor, _run: Run) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            acting.cancel()

    monkeypatch.setattr(Processor, "_hold", hold)
    with pytest.raises(asyncio.CancelledError):
        await acting

    assert (await shown(site, media_id))["status"] == "ready"


async def test_a_worker_that_stops_leaves_the_file_to_the_next_one(site: Installation) -> None:
    media_id = await sent(site)
    begun = asyncio.Event()

    async def endless(path: Path, *, thumbnail: Path | None = None) -> Probed:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError("it never ends")

    stopping = asyncio.create_task(probing_with(site, endless).act())
    await begun.wait()
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    left = await row(site, media_id)
    await site.errands()

    assert (left.due_at, left.runs) == (site.clock(), 0)
    assert (await shown(site, media_id))["status"] == "ready"


def probing_with(site: Installation, probe: Probe, lease: timedelta = LEASE) -> Processor:
    """The site's processor, with another probe."""
    services = site.services
    storage = services.intake.storage
    intake = Intake(db=site.db, storage=storage, probe=probe, now=site.clock)
    return replace(services.processor, intake=intake, lease=lease)


async def test_a_worker_that_takes_long_keeps_the_file_for_itself(site: Installation) -> None:
    media_id = await sent(site)
    lease, held = timedelta(seconds=0.06), list[object]()

    async def slow(path: Path, *, thumbnail: Path | None = None) -> Probed:
        site.clock.advance(seconds=10)
        for _ in range(1_000):  # until it is heard of again
            await asyncio.sleep(0.01)
            if (due_at := (await row(site, media_id)).due_at) == site.clock() + lease:
                held.append(due_at)
                break
        return await sniffed(path, thumbnail=thumbnail)

    await probing_with(site, slow, lease).act()

    assert held == [site.clock() + lease]
    assert (await shown(site, media_id))["status"] == "ready"


async def test_a_file_that_ends_every_worker_is_given_up(site: Installation) -> None:
    media_id = await sent(site)
    for _ in range(MAX_RUNS):
        await taken(site)
        site.clock.advance(seconds=30)
    await site.errands()

    media = await shown(site, media_id)
    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", "PROCESSING_FAILED")


async def test_two_workers_share_the_work(site: Installation) -> None:
    ids = [await sent(site) for _ in range(4)]
    one, other = (probing_with(site, sniffed) for _ in range(2))

    for _ in range(3):
        await asyncio.gather(one.act(), other.act())

    assert {(await shown(site, media_id))["status"] for media_id in ids} == {"ready"}
    assert len(await told(site)) == 4


async def test_a_file_that_is_removed_while_it_is_processed_is_gone(site: Installation) -> None:
    media_id = await sent(site)
    run = await taken(site)

    removed = await site.api.delete(f"/v1/media/{media_id}")
    await site.services.processor.do(run)
    site.clock.advance(minutes=21)
    await site.errands()

    assert removed.status_code == 200
    assert await stored(site) == {}
    assert await told(site) == []


async def test_a_bug_in_the_middle_loses_nothing(site: Installation) -> None:
    media_id = await sent(site)

    async def broken(path: Path, *, thumbnail: Path | None = None) -> Probed:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await probing_with(site, broken).act()
    site.clock.advance(seconds=30)
    await site.errands()

    assert (await shown(site, media_id))["status"] == "ready"
    assert await content_of(site, media_id) == PHOTO


async def test_what_a_death_left_in_the_storage_goes_after_a_day(
    installation: Installation,
) -> None:
    site = installation
    intake = site.services.intake
    path = intake.new_file()
    path.write_bytes(PHOTO)

    await intake.keep(site.workspace_id, path)  # and the process ends here
    before = len(kept(site))
    site.clock.advance(hours=25)
    await site.errands()

    assert before == 2
    assert kept(site) == [path.name]  # which is not in the storage yet, nor old enough
    assert await stored(site) == {}
    await processed(site)
