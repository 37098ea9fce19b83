"""With a bucket the bytes go there directly; nobody tells us when they have come."""

from itertools import pairwise
from pathlib import Path

import pytest
from obstore.store import S3Store

import buckets
from buckets import Buckets
from installation import Installation
from media.uploading import PHOTO, SMALL, announce, content_of, row, shown, stored, upload
from oncue.lib.buckets import Bucket
from oncue.media.processing import MAX_RUNS
from oncue.media.storage import BucketStorage

pytestmark = pytest.mark.anyio

OTHER = PHOTO[:-5] + b"other"


@pytest.fixture
def site(bucket_site: Installation) -> Installation:
    return bucket_site


async def test_who_looks_at_the_file_makes_us_look_for_it(site: Installation) -> None:
    ticket = await announce(site)
    nothing = await shown(site, ticket["mediaId"])
    buckets.put(ticket["uploadUrl"], PHOTO, "image/png")
    arrived = await shown(site, ticket["mediaId"])
    await site.errands()
    ready = await shown(site, ticket["mediaId"])

    found = [media["status"] for media in (nothing, arrived, ready)]
    assert found == ["pending", "processing", "ready"]


async def test_we_look_often_at_first_and_then_less(site: Installation) -> None:
    ticket = await announce(site)
    looks: list[float] = []
    begun = site.clock()
    while site.clock() < (await row(site, ticket["mediaId"])).created_at.replace(minute=16):
        due = (await row(site, ticket["mediaId"])).due_at
        assert due is not None
        looks.append((due - begun).total_seconds())
        site.clock.now = due
        await site.errands()

    assert looks[:7] == [1, 2, 3, 4, 5, 6.25, 7.812]
    assert len(looks) < 60
    assert max(later - look for look, later in pairwise(looks)) <= 30


async def test_an_upload_of_another_size_fails(site: Installation) -> None:
    ticket = await announce(site)
    buckets.put(ticket["uploadUrl"], PHOTO + b"and more", "image/png")
    site.clock.advance(seconds=1)
    await site.errands()

    media = await shown(site, ticket["mediaId"])
    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", "UPLOAD_SIZE_MISMATCH")
    assert (reason["limit"], reason["actual"]) == (len(PHOTO), len(PHOTO) + 8)


async def test_what_is_sent_to_a_used_ticket_changes_nothing_and_goes(
    site: Installation, s3: Buckets, bucket: Bucket
) -> None:
    ticket = await announce(site)
    buckets.put(ticket["uploadUrl"], PHOTO, "image/png")
    site.clock.advance(seconds=1)
    await site.errands()
    buckets.put(ticket["uploadUrl"], OTHER, "text/html")  # its signature is good for a while yet
    await site.errands()

    two = s3.keys(bucket)
    assert await content_of(site, ticket["mediaId"]) == PHOTO
    site.clock.advance(minutes=21)
    await site.errands()
    [key] = s3.keys(bucket)
    assert len(two) == 2
    assert list(await stored(site)) == [key]
    assert await content_of(site, ticket["mediaId"]) == PHOTO


async def test_an_upload_that_is_gone_again_fails(
    site: Installation, s3: Buckets, bucket: Bucket
) -> None:
    ticket = await announce(site)
    buckets.put(ticket["uploadUrl"], PHOTO, "image/png")
    await shown(site, ticket["mediaId"])  # which notices it
    [key] = s3.keys(bucket)
    s3.ask("DELETE", f"/{bucket.name}/{bucket.prefix}/{key}")
    await site.errands()

    media = await shown(site, ticket["mediaId"])
    [reason] = media["validationResults"]
    assert (media["status"], reason["code"]) == ("failed", "UPLOAD_LOST")


async def test_a_file_needs_no_second_way_to_be_published(
    site: Installation, s3: Buckets, bucket: Bucket
) -> None:
    media = await upload(site)
    for key in s3.keys(bucket):
        s3.ask("DELETE", f"/{bucket.name}/{bucket.prefix}/{key}")  # the copy is still here

    await site.publish("MASTODON", media=[media["id"]])

    [post] = site.posts("MASTODON")
    assert len(post.media) == 1


async def test_a_post_whose_file_is_not_in_the_bucket_any_more_fails(
    site: Installation, s3: Buckets, bucket: Bucket
) -> None:
    media = await upload(site)
    lose_the_copies(site)
    for key in s3.keys(bucket):
        s3.ask("DELETE", f"/{bucket.name}/{bucket.prefix}/{key}")

    post = await site.publish("MASTODON", media=[media["id"]])

    [platform] = post["platforms"]
    assert (platform["status"], platform["error"]) == ("failed", "A file of the post is gone")
    assert site.posts("MASTODON") == []


async def test_a_post_waits_for_a_bucket_that_does_not_answer(
    site: Installation, tmp_path: Path
) -> None:
    media = await upload(site)
    lose_the_copies(site)
    storage = site.services.intake.storage
    assert isinstance(storage, BucketStorage)
    answering, storage._store = storage._store, nowhere(tmp_path)

    post = await site.publish("MASTODON", media=[media["id"]])
    storage._store = answering
    site.clock.advance(minutes=2)
    await site.run_due()

    [before], [after] = post["platforms"], (await site.get(post["id"]))["platforms"]
    assert before["status"] == "failed"
    assert before["nextRetryAt"] is not None
    assert after["status"] == "published"
    assert len(site.posts("MASTODON")) == 1


async def test_an_upload_waits_for_a_bucket_that_does_not_answer(
    site: Installation, tmp_path: Path
) -> None:
    ticket = await announce(site)
    buckets.put(ticket["uploadUrl"], PHOTO, "image/png")
    storage = site.services.intake.storage
    assert isinstance(storage, BucketStorage)
    answering, storage._store = storage._store, nowhere(tmp_path)

    site.clock.advance(seconds=1)
    await site.errands()
    unnoticed = await shown(site, ticket["mediaId"])
    storage._store = answering
    noticed = await shown(site, ticket["mediaId"])
    storage._store = nowhere(tmp_path)
    await site.errands()
    put_off = await shown(site, ticket["mediaId"])
    storage._store = answering
    site.clock.advance(seconds=30)
    await site.errands()

    found = [media["status"] for media in (unnoticed, noticed, put_off)]
    assert found == ["pending", "processing", "processing"]
    assert (await shown(site, ticket["mediaId"]))["status"] == "ready"


async def test_an_upload_outlasts_a_bucket_that_does_not_answer_for_hours(
    site: Installation, tmp_path: Path
) -> None:
    unnoticed, noticed = await announce(site), await announce(site, SMALL)
    for ticket, content in ((unnoticed, PHOTO), (noticed, SMALL)):
        buckets.put(ticket["uploadUrl"], content, "image/png")
    await shown(site, noticed["mediaId"])
    storage = site.services.intake.storage
    assert isinstance(storage, BucketStorage)
    answering, storage._store = storage._store, nowhere(tmp_path)

    for _ in range(MAX_RUNS + 1):
        await site.errands()
        site.clock.advance(minutes=20)
    storage._store = answering
    await site.errands()

    for ticket in (unnoticed, noticed):
        assert (await shown(site, ticket["mediaId"]))["status"] == "ready"


def nowhere(folder: Path) -> S3Store:
    """A bucket at an address where nobody answers."""
    return BucketStorage(Bucket(name="nowhere", endpoint="http://127.0.0.1:9"), folder)._store


def lose_the_copies(site: Installation) -> None:
    for path in site.services.settings.media_dir.rglob("*"):
        if path.is_file():
            path.unlink()
