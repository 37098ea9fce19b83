"""A post's files go out as each network takes them, mended once, and before the post is due."""

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from api.answers import invalid, problem
from installation import Clock, Installation, install
from media.files import animation, clip_bytes, encoded, exif, picture
from oncue.db.open import open_database
from oncue.errors import NotAccepted, Unavailable
from oncue.media.models import MediaCopy
from oncue.media.probe import probe
from oncue.media.recipes import Recipe
from oncue.media.render import Rendered, render
from oncue.settings import Settings

pytestmark = pytest.mark.anyio

AT: Final = "2026-11-22T13:00:00Z"
WHERE: Final = 52.520008
CAMERA: Final = b"ACME Optics"


class Renderer:
    """The real one, counted; what it is told to say instead of rendering comes first."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.trouble: list[Exception] = []

    async def __call__(self, source: Path, recipe: Recipe, target: Path) -> Rendered:
        self.made.append(recipe.content_type)
        if self.trouble:
            raise self.trouble.pop()
        return await render(source, recipe, target)


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture
async def site(settings: Settings, clock: Clock, renderer: Renderer) -> AsyncIterator[Installation]:
    """An installation that really looks into files, and really mends them."""
    db = open_database(settings)
    try:
        async with install(settings, db, clock, probe=probe, render=renderer) as made:
            yield made
    finally:
        await db.close()


def noise(width: int, height: int) -> bytes:
    """A PNG that hardly becomes smaller by compression."""
    return encoded(Image.effect_noise((width, height), 90).convert("RGB"), "PNG")


async def upload(site: Installation, content: bytes) -> str:
    answer = await site.api.post("/v1/media", files={"file": ("a", content, "image/png")})
    assert answer.status_code == 201, answer.text
    media_id: str = answer.json()["id"]
    return media_id


async def schedule(site: Installation, content: bytes, *platforms: str) -> Any:
    """POST a post with one file for an hour from now; the answer."""
    body = {
        "content": "Look",
        "accountIds": [site.account(platform) for platform in platforms],
        "media": [await upload(site, content)],
        "scheduledFor": AT,
    }
    return await site.api.post("/v1/posts", json=body)


async def validated(site: Installation, content: bytes, platform: str) -> Any:
    """What validate finds wrong with a post with one file."""
    body = {"content": "Look", "platforms": [platform], "mediaIds": [await upload(site, content)]}
    answer = await site.api.post("/v1/posts/validate", json=body)
    return answer.json()["platforms"][platform]["errors"]


async def copies(site: Installation) -> list[tuple[MediaCopy, bytes]]:
    rows = await site.db.read(
        lambda session: session.scalars(select(MediaCopy).order_by(MediaCopy.recipe)).all()
    )
    storage = site.services.intake.storage
    paths = [await storage.path_of(row.storage_key) for row in rows]
    return [
        (row, await asyncio.to_thread(path.read_bytes))
        for row, path in zip(rows, paths, strict=True)
    ]


async def test_where_and_with_what_a_picture_was_taken_is_nobodys_business(
    site: Installation,
) -> None:
    content = picture("JPEG", exif=exif(latitude=(52.0, 31.0, WHERE)), comment=b"at home")
    assert CAMERA in content

    await schedule(site, content, "MASTODON")
    site.clock.advance(hours=1)
    await site.run_due()

    [(row, sent)] = await copies(site)
    [entry] = site.posts("MASTODON")
    assert [file["sha256"] for file in entry.media] == [row.sha256] == [sha256(sent).hexdigest()]
    assert [word for word in (CAMERA, b"Exif", b"at home") if word in sent] == []


async def test_what_is_too_large_for_a_network_goes_out_smaller_there_and_whole_elsewhere(
    site: Installation,
) -> None:
    content = noise(1_000, 1_000)
    assert len(content) > 2_000_000

    answer = await schedule(site, content, "BLUESKY", "MASTODON")
    site.clock.advance(hours=1)
    await site.run_due()

    assert answer.status_code == 201
    post = await site.get(answer.json()["id"])
    assert post["status"] == "published"
    [small], [whole] = site.posts("BLUESKY"), site.posts("MASTODON")
    made = {row.sha256: row for row, _ in await copies(site)}
    assert made[small.media[0]["sha256"]].size_bytes <= 2_000_000
    assert made[whole.media[0]["sha256"]].content_type == "image/png"


async def test_without_mending_the_same_file_is_refused_before_its_time(
    site: Installation,
) -> None:
    await site.api.patch("/v1/workspace", json={"mendMedia": False})

    content = noise(1_000, 1_000)
    answer = await schedule(site, content, "BLUESKY")

    sizes = {"maxLength": 2_000_000, "actualLength": len(content)}
    assert problem(answer) == invalid("media", code="MEDIA_TOO_LARGE", platform="BLUESKY", **sizes)


async def test_without_mending_a_file_goes_out_as_it_is(
    site: Installation, renderer: Renderer
) -> None:
    await site.api.patch("/v1/workspace", json={"mendMedia": False})
    content = picture("PNG")

    await schedule(site, content, "MASTODON")
    site.clock.advance(hours=1)
    await site.run_due()

    [entry] = site.posts("MASTODON")
    assert [file["sha256"] for file in entry.media] == [sha256(content).hexdigest()]
    assert renderer.made == []


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (
            lambda: animation("WEBP", 3),
            {"code": "MEDIA_ANIMATION_NOT_SUPPORTED", "maxLength": 1, "actualLength": 3},
        ),
        (clip_bytes, {"code": "MEDIA_TYPE_NOT_SUPPORTED"}),
    ],
)
async def test_what_no_machine_can_mend_is_refused_before_its_time(
    site: Installation, content: Callable[[], bytes], facts: dict[str, Any]
) -> None:
    refused = await schedule(site, content(), "TWITTER")
    foreseen = await validated(site, content(), "TWITTER")

    assert problem(refused) == invalid("media", platform="TWITTER", **facts)
    assert [found["code"] for found in foreseen] == [facts["code"]]


@pytest.mark.parametrize(
    ("content", "platform", "code", "says"),
    [
        (
            lambda: picture("PNG", 10, 900),
            "INSTAGRAM",
            "MEDIA_DIMENSIONS_NOT_SUPPORTED",
            "a width of 0.8 to 1.91 times the height; a is 10x900",
        ),
        (
            lambda: animation("WEBP", 3),
            "INSTAGRAM",
            "MEDIA_ANIMATION_NOT_SUPPORTED",
            "a is image/webp with 3 frames",
        ),
        (
            lambda: animation("PNG", 3),
            "MASTODON",
            "MEDIA_ANIMATION_NOT_SUPPORTED",
            "a is image/png with 3 frames",
        ),
    ],
)
async def test_whoever_looks_first_is_told_what_no_machine_can_mend_and_nothing_else(
    site: Installation, content: Callable[[], bytes], platform: str, code: str, says: str
) -> None:
    media_id = await upload(site, content())

    answer = await site.api.post(
        "/v1/posts/validate",
        json={"content": "Look", "platforms": [platform], "mediaIds": [media_id]},
    )

    [error] = answer.json()["platforms"][platform]["errors"]
    assert error["code"] == code
    assert says in error["message"]


async def test_files_are_mended_before_their_post_is_due_and_once(
    site: Installation, renderer: Renderer
) -> None:
    await schedule(site, picture("PNG"), "MASTODON", "TWITTER")
    site.clock.advance(minutes=25)
    await site.errands()
    early = list(renderer.made)

    site.clock.advance(minutes=10)
    await site.errands()
    ahead = list(renderer.made)
    site.clock.advance(minutes=25)
    await site.run_due()

    assert early == []
    assert len(ahead) == len(await copies(site)) > 0
    assert renderer.made == ahead
    assert [len(site.posts(name)) for name in ("MASTODON", "TWITTER")] == [1, 1]


async def test_what_could_not_be_mended_for_want_of_room_is_tried_again_ahead(
    site: Installation, renderer: Renderer
) -> None:
    renderer.trouble.append(Unavailable("The disk is full; nothing was changed."))
    await schedule(site, picture("PNG"), "MASTODON")
    site.clock.advance(minutes=35)

    await site.errands()
    before = await copies(site)
    site.clock.advance(seconds=10)
    await site.errands()

    assert before == []
    assert len(await copies(site)) == 1


async def test_a_file_that_turns_out_not_to_be_mendable_fails_its_post_with_the_reason(
    site: Installation, renderer: Renderer
) -> None:
    reason = "even at its smallest it has more than 5 bytes"
    renderer.trouble.append(NotAccepted(code="MEDIA_NOT_MENDABLE", reason=reason, facts={}))

    post = await site.publish("MASTODON", media=[await upload(site, picture("PNG"))])

    assert (post["status"], post["platforms"][0]["error"]) == ("failed", reason)
    assert site.posts("MASTODON") == []


async def test_a_file_that_is_deleted_takes_its_mended_copies_along(
    site: Installation,
) -> None:
    media_id = await upload(site, picture("PNG"))
    await site.publish("MASTODON", media=[media_id])
    [(row, _)] = await copies(site)

    gone = await site.api.delete(f"/v1/media/{media_id}")
    await site.errands()

    assert gone.status_code == 200
    assert await copies(site) == []
    assert await site.services.intake.storage.size_of(row.storage_key) is None


async def test_a_copy_that_nobody_asked_for_in_a_week_goes_and_is_made_again(
    site: Installation, renderer: Renderer
) -> None:
    media_id = await upload(site, picture("PNG"))
    await site.publish("MASTODON", media=[media_id])
    site.clock.advance(days=8)
    await site.errands()
    assert await copies(site) == []

    again = await site.publish("MASTODON", media=[media_id], content="Again")

    assert again["status"] == "published"
    assert len(renderer.made) == 2


async def test_a_copy_that_was_lost_is_made_again(site: Installation, renderer: Renderer) -> None:
    media_id = await upload(site, picture("JPEG", exif=exif()))
    await site.publish("MASTODON", media=[media_id])
    [(row, sent)] = await copies(site)
    await site.services.intake.storage.drop(row.storage_key)  # by a hand that is not ours

    again = await site.publish("MASTODON", media=[media_id], content="Again")

    assert again["status"] == "published"
    assert len(renderer.made) == 2
    assert [content for _, content in await copies(site)] == [sent]


async def test_a_network_that_fetches_files_gets_the_mended_one_at_a_signed_address(
    site: Installation,
) -> None:
    content = picture("JPEG", exif=exif(latitude=(52.0, 31.0, WHERE)))
    media_id = await upload(site, content)
    await site.publish("MASTODON", media=[media_id])
    [(row, sent)] = await copies(site)
    links, keyless = site.services.links, {"authorization": ""}

    mended = links.sent(row.media_id, row.storage_key).removeprefix(links.base)
    other = mended.replace(row.storage_key, str(UUID(int=1)))
    answers = [await site.api.get(path, headers=keyless) for path in (mended, other)]

    assert [answer.status_code for answer in answers] == [200, 403]
    assert (answers[0].content, answers[0].headers["content-type"]) == (sent, row.content_type)
    assert CAMERA not in answers[0].content
    site.clock.advance(days=2)
    assert (await site.api.get(mended, headers=keyless)).status_code == 403
