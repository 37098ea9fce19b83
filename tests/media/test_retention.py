"""What nobody uses goes after a while; what a post uses stays, and so does what is new."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import update

from api.answers import invalid, problem, put_in
from api.test_media import kept
from installation import Installation
from media.test_storage_sharing import file_id
from media.uploading import PHOTO, announce, content_of, stored, upload
from oncue.lib import ids
from oncue.media.leftovers import FEW
from oncue.media.models import MediaFile, MediaStatus
from oncue.media.retention import BATCH, EVERY, Collector
from oncue.media.space import Space, measure
from oncue.posts.lifecycle import Status

pytestmark = pytest.mark.anyio


async def is_there(site: Installation, media_id: str) -> bool:
    return (await site.api.get(f"/v1/media/{media_id}")).status_code == 200


async def days_pass(site: Installation, days: int) -> None:
    site.clock.advance(days=days, hours=2)
    await site.errands()


async def test_what_no_post_uses_goes_after_a_quarter(site: Installation) -> None:
    media_id = await file_id(site)

    await days_pass(site, 88)
    before = await is_there(site, media_id)
    await days_pass(site, 2)
    await site.errands()

    assert (before, await is_there(site, media_id)) == (True, False)
    assert await stored(site) == {}


async def test_what_a_post_uses_stays(site: Installation) -> None:
    drafted, published = await file_id(site), await upload(site, PHOTO + b"2")
    threaded = await upload(site, PHOTO + b"3")
    await site.create("MASTODON", media=[drafted])
    await site.publish("MASTODON", media=[published["id"]])
    items = [{"sequence": 1, "content": "1/", "mediaIds": [threaded["id"]]}]
    await site.create("TWITTER", threadPosts=items)

    await days_pass(site, 400)

    found = [await is_there(site, each) for each in (drafted, published["id"], threaded["id"])]
    assert found == [True, True, True]


async def test_the_time_begins_when_the_last_post_is_gone(installation: Installation) -> None:
    site = installation
    media_id = await file_id(site)
    post = await site.create("MASTODON", media=[media_id])
    copy = (await site.api.post(f"/v1/posts/{post['id']}/clone")).json()
    await days_pass(site, 80)
    await site.api.delete(f"/v1/posts/{post['id']}")
    await days_pass(site, 80)
    await site.api.patch(f"/v1/posts/{copy['id']}", json={"media": []})
    await days_pass(site, 80)

    used_anew = await is_there(site, media_id)
    await site.api.patch(f"/v1/posts/{copy['id']}", json={"media": [media_id]})
    await days_pass(site, 80)
    await site.api.patch(f"/v1/posts/{copy['id']}", json={"media": []})
    await days_pass(site, 0)  # within an hour it is noticed that no post uses it
    await days_pass(site, 89)
    almost = await is_there(site, media_id)
    await days_pass(site, 1)

    assert (used_anew, almost, await is_there(site, media_id)) == (True, True, False)


async def test_a_file_noted_as_unused_while_a_post_began_to_use_it_has_its_time(
    installation: Installation,
) -> None:
    site = installation
    media_id = await file_id(site)
    post = await site.create("MASTODON", media=[media_id])
    marked = update(MediaFile).values(unused_since=site.clock())  # who looked a moment too early
    await site.db.write(lambda session: session.execute(marked))

    await days_pass(site, 100)
    await site.api.delete(f"/v1/posts/{post['id']}")
    await days_pass(site, 1)
    at_once = await is_there(site, media_id)
    await days_pass(site, 90)

    assert (at_once, await is_there(site, media_id)) == (True, False)


async def test_it_can_be_set_that_nothing_goes(installation: Installation) -> None:
    site = installation
    media_id = await file_id(site)
    collector = Collector(
        db=site.db, storage=site.services.intake.storage, now=site.clock, retention=None
    )
    site.clock.advance(days=1_000)

    following = await collector.act()
    again = await collector.act()

    assert following == again == site.clock() + EVERY
    assert await is_there(site, media_id)


async def test_many_go_in_batches(installation: Installation) -> None:
    site = installation
    await site.db.write(lambda session: session.add_all(unused_files(site, BATCH + 1)))
    collector = Collector(
        db=site.db,
        storage=site.services.intake.storage,
        now=site.clock,
        retention=timedelta(days=1),
    )
    site.clock.advance(days=2)

    await collector.act()

    assert (await site.api.get("/v1/media")).json()["data"] == []


def unused_files(site: Installation, count: int) -> list[MediaFile]:
    now = site.clock()
    return [
        MediaFile(
            id=ids.new_id(now),
            workspace_id=site.workspace_id,
            filename="a.png",
            content_type="image/png",
            size_bytes=1,
            status=MediaStatus.READY,
            unused_since=now,
            created_at=now,
        )
        for _ in range(count)
    ]


# Which posts still need their files, by status.
NEEDS: Mapping[Status, bool] = {
    Status.DRAFT: True,
    Status.PENDING_APPROVAL: True,
    Status.APPROVED: True,
    Status.SCHEDULED: True,
    Status.PUBLISHING: True,
    Status.PARTIAL: True,
    Status.FAILED: True,
    Status.CANCELLED: True,
    Status.PUBLISHED: False,
    Status.UNPUBLISHED: False,
}


async def test_a_file_is_removed_only_when_every_post_has_done_with_it(
    installation: Installation,
) -> None:
    site = installation
    assert NEEDS.keys() == set(Status) - {Status.ARCHIVED}
    for status, needs in NEEDS.items():
        media_id = await file_id(site)
        post = await site.create("MASTODON", media=[media_id])
        await put_in(site, post, status)

        answer = await site.api.delete(f"/v1/media/{media_id}")

        if needs:
            facts = {"linkedPostCount": 1, "postIds": [post["id"]]}
            assert problem(answer) == (409, "MEDIA_IN_USE", facts), status
            assert await content_of(site, media_id) == PHOTO
        else:
            assert answer.json() == {"success": True}, status
            assert (await site.get(post["id"]))["media"] == []


async def test_who_removes_a_file_and_who_attaches_it_do_not_meet(
    installation: Installation,
) -> None:
    site = installation
    for _ in range(5):
        media_id = await file_id(site)
        post = {
            "content": "x",
            "accountIds": [site.account("MASTODON")],
            "media": [media_id],
        }

        made, removed = await asyncio.gather(
            site.api.post("/v1/posts", json=post), site.api.delete(f"/v1/media/{media_id}")
        )

        if made.status_code == 201:
            assert problem(removed)[:2] == (409, "MEDIA_IN_USE")
            assert [media["id"] for media in made.json()["media"]] == [media_id]
        else:
            assert problem(made) == invalid("media", code="MEDIA_NOT_FOUND")
            assert removed.status_code == 200


async def test_a_post_that_was_put_away_needs_what_it_needed(installation: Installation) -> None:
    site = installation
    media_id = await file_id(site)
    post = await site.create("MASTODON", media=[media_id])
    await site.api.post(f"/v1/posts/{post['id']}/archive")
    drafted = await site.api.delete(f"/v1/media/{media_id}")
    await site.api.post(f"/v1/posts/{post['id']}/unarchive")
    await put_in(site, post, Status.PUBLISHED)
    await site.api.post(f"/v1/posts/{post['id']}/archive")
    published = await site.api.delete(f"/v1/media/{media_id}")

    assert (drafted.status_code, published.status_code) == (409, 200)


async def test_a_post_that_is_repeated_needs_its_files(installation: Installation) -> None:
    site = installation
    media_id = await file_id(site)
    post = await site.publish("MASTODON", media=[media_id])
    rule = {"recurrenceRule": "FREQ=DAILY", "timezone": "UTC"}
    await site.api.post(f"/v1/posts/{post['id']}/recurrence", json=rule)
    repeated = await site.api.delete(f"/v1/media/{media_id}")
    await site.api.delete(f"/v1/posts/{post['id']}/recurrence")
    ended = await site.api.delete(f"/v1/media/{media_id}")

    assert (repeated.status_code, ended.status_code) == (409, 200)


async def test_room_is_counted_once_and_what_posts_use_apart(installation: Installation) -> None:
    site = installation
    used, twin, unused = [await file_id(site, PHOTO + part) for part in (b"", b"", b"more")]
    await site.create("MASTODON", media=[used])
    await announce(site)

    space = await site.db.read(measure)

    size = len(PHOTO)
    assert space == Space(files=3, size_bytes=2 * size + 4, unused_files=2, unused_bytes=size + 4)
    assert await is_there(site, twin)
    assert await is_there(site, unused)


def left(folder: Path, name: str, site: Installation, hours: float) -> Path:
    """A file that was last written so many hours before the clock's time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"left over")
    at = (site.clock() - timedelta(hours=hours)).timestamp()
    os.utime(path, (at, at))
    return path


async def test_old_files_that_nothing_knows_of_are_swept_away(installation: Installation) -> None:
    site = installation
    folder = site.services.settings.media_dir
    media_id = await file_id(site)
    [known] = kept(site)
    old = [left(folder, str(uuid4()), site, 25), left(folder / "work", "a", site, 25)]
    new = [left(folder, str(uuid4()), site, 23), left(folder / "work", "b", site, 23)]
    age(folder / known, site, 25)

    site.clock.advance(hours=1)
    await site.errands()

    assert [path.exists() for path in (*old, *new)] == [False, False, True, True]
    assert await content_of(site, media_id) == PHOTO


def age(path: Path, site: Installation, hours: float) -> None:
    at = (site.clock() - timedelta(hours=hours)).timestamp()
    os.utime(path, (at, at))


async def test_a_folder_of_another_database_is_left_alone(installation: Installation) -> None:
    folder = installation.services.settings.media_dir
    theirs = [left(folder, str(uuid4()), installation, 25) for _ in range(FEW + 1)]

    installation.clock.advance(hours=1)
    await installation.errands()

    assert all(path.exists() for path in theirs)


async def test_copies_from_a_bucket_go_when_nobody_needs_them(bucket_site: Installation) -> None:
    media = await upload(bucket_site)
    cache = bucket_site.services.settings.media_dir / "cache"
    for path in cache.iterdir():
        age(path, bucket_site, 25)

    bucket_site.clock.advance(hours=1)
    await bucket_site.errands()

    assert list(cache.iterdir()) == []
    assert await content_of(bucket_site, media["id"]) == PHOTO


async def test_a_failed_upload_is_told_of_for_a_week(installation: Installation) -> None:
    media = await upload(installation, b"no media at all")

    await days_pass(installation, 6)
    before = await is_there(installation, media["id"])
    await days_pass(installation, 1)

    assert (before, await is_there(installation, media["id"])) == (True, False)
