"""The same bytes are kept once in a workspace, however many files have them, and no longer."""

import asyncio
from datetime import timedelta

import httpx2 as httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.answers import rows
from installation import Installation
from media.uploading import PHOTO, SMALL, content_of, row, shown, stored, upload
from oncue.errors import Unavailable
from oncue.media import objects
from oncue.media.models import MediaFile, MediaObject
from oncue.media.objects import NewObject
from oncue.media.storage import new_key

pytestmark = pytest.mark.anyio


async def directly(
    site: Installation, content: bytes = PHOTO, name: str = "a.png", alt: str = "", key: str = ""
) -> httpx.Response:
    """POST /v1/media, with the whole file in it."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    file = {"file": (name, content, "image/png")}
    return await site.api.post("/v1/media", files=file, data={"altText": alt}, headers=headers)


async def file_id(site: Installation, content: bytes = PHOTO, name: str = "a.png") -> str:
    answer = await directly(site, content, name)
    assert answer.status_code == 201, answer.text
    media_id: str = answer.json()["id"]
    return media_id


async def in_use(site: Installation) -> int:
    """How many objects some file refers to."""
    chosen = select(func.count()).select_from(MediaObject).where(MediaObject.doomed_at.is_(None))
    return await site.db.read(lambda session: session.scalar(chosen)) or 0


async def test_two_files_of_the_same_bytes_share_them_and_nothing_else(
    site: Installation,
) -> None:
    one = (await directly(site, SMALL, "one.png", "A fox")).json()
    other = (await directly(site, SMALL, "other.png", "A hare")).json()
    third = await upload(site, SMALL)
    await site.errands()

    assert len({one["id"], other["id"], third["id"]}) == 3
    assert [(each["filename"], each["altText"]) for each in (one, other)] == [
        ("one.png", "A fox"),
        ("other.png", "A hare"),
    ]
    site.clock.advance(minutes=21)
    await site.errands()
    assert len(await stored(site)) == 2  # the picture, and the small one of it


async def test_bytes_that_were_lost_come_back_with_the_next_who_brings_them(
    site: Installation,
) -> None:
    one = (await directly(site, SMALL)).json()
    storage = site.services.intake.storage
    for key in await stored(site):
        await storage.drop(key)  # by a hand that is not ours, or a backup that lacked them

    other = (await directly(site, SMALL)).json()

    found = await row(site, one["id"])
    assert [await content_of(site, each["id"]) for each in (one, other)] == [SMALL, SMALL]
    assert found.thumbnail is not None
    assert (await storage.path_of(found.thumbnail)).read_bytes().startswith(b"thumbnail of")


async def test_bytes_stay_until_the_last_file_that_has_them_goes(site: Installation) -> None:
    one, other = await file_id(site), await file_id(site)
    await site.api.delete(f"/v1/media/{one}")
    await site.errands()

    assert await content_of(site, other) == PHOTO
    [key] = await stored(site)
    await site.api.delete(f"/v1/media/{other}")
    await site.errands()
    assert await stored(site) == {}
    assert await site.services.intake.storage.size_of(key) is None


async def test_workspaces_share_nothing(site: Installation) -> None:
    theirs = await site.new_key(workspace_id=await site.new_workspace())
    mine = await file_id(site)
    await directly(site, key=theirs)

    assert len(set((await stored(site)).values())) == 2
    await site.api.delete(f"/v1/media/{mine}")
    await site.errands()
    assert len(await stored(site)) == 1


async def test_many_who_bring_the_same_bytes_at_once_keep_them_once(
    installation: Installation,
) -> None:
    answers = await asyncio.gather(*(directly(installation) for _ in range(8)))

    assert [answer.status_code for answer in answers] == [201] * 8
    assert await in_use(installation) == 1
    await installation.errands()
    assert len(await stored(installation)) == 1
    for answer in answers:
        assert await content_of(installation, answer.json()["id"]) == PHOTO


async def test_who_removes_and_who_brings_the_same_bytes_do_not_meet(
    installation: Installation,
) -> None:
    for _ in range(5):
        old = await file_id(installation)

        removed, brought = await asyncio.gather(
            installation.api.delete(f"/v1/media/{old}"), directly(installation)
        )
        await installation.errands()

        assert (removed.status_code, brought.status_code) == (200, 201)
        new = brought.json()["id"]
        assert await content_of(installation, new) == PHOTO
        await installation.api.delete(f"/v1/media/{new}")
        await installation.errands()
        assert await stored(installation) == {}


async def test_bytes_that_took_too_long_to_be_kept_are_not_used(
    installation: Installation,
) -> None:
    site, now = installation, installation.clock()
    new = NewObject(key=new_key(), sha256="x", size_bytes=1)

    def begin(session: Session) -> None:
        objects.reserve(session, site.workspace_id, [new], now)

    def end(session: Session) -> str:
        return objects.take_into_use(session, site.workspace_id, new, now + timedelta(days=1))

    await site.db.write(begin)
    with pytest.raises(Unavailable):
        await site.db.write(end)


async def test_what_is_being_removed_is_not_taken_into_use(installation: Installation) -> None:
    site, now = installation, installation.clock()
    new = NewObject(key=new_key(), sha256="x", size_bytes=1)

    def begin(session: Session) -> None:
        objects.reserve(session, site.workspace_id, [new], now)

    await site.db.write(begin)
    gone = await site.db.write(
        lambda session: objects.condemn(session, now + timedelta(days=1), 10)
    )
    again = await site.db.write(lambda session: objects.condemn(session, now, 10))

    assert gone == again == [new.key]  # until it is gone, in case who began with it has died
    with pytest.raises(Unavailable):
        await site.db.write(
            lambda session: objects.take_into_use(session, site.workspace_id, new, now)
        )


async def test_a_refused_write_leaves_no_bytes_that_are_not_in_use(
    installation: Installation,
) -> None:
    before = await rows(installation)
    key = {"Idempotency-Key": "once"}
    file = {"file": ("a.png", PHOTO, "image/png")}

    answers = await asyncio.gather(
        *(installation.api.post("/v1/media", files=file, headers=key) for _ in range(4))
    )
    await installation.errands()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    after = await rows(installation)
    assert (after["media"] - before["media"], len(await stored(installation))) == (1, 1)
    assert await content_of(installation, answers[0].json()["id"]) == PHOTO


async def test_a_key_says_nothing_of_its_file(installation: Installation) -> None:
    media_id = await file_id(installation, name="secret-plan.png")
    [key] = await stored(installation)

    def look(session: Session) -> MediaFile | None:
        return session.scalar(select(MediaFile))

    found = await installation.db.read(look)
    assert found is not None
    assert key == found.storage_key
    assert found.sha256 is not None
    for fact in (str(found.id), found.sha256, "secret-plan"):
        assert fact not in key
    assert (await shown(installation, media_id))["filename"] == "secret-plan.png"
