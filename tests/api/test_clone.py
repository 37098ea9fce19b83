"""POST /v1/posts/:id/clone and /duplicate: a new draft with the same to say."""

import pytest

from api.answers import NOBODY, problem
from installation import Installation
from oncue.lib import ids
from statements import statements

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30


@statements("V301", "V302", "V303", "V305")
@pytest.mark.parametrize("operation", ["clone", "duplicate"])
async def test_a_copy_has_everything_that_is_said_and_nothing_that_happened(
    installation: Installation, operation: str
) -> None:
    media = await installation.api.post("/v1/media", files={"file": ("a.png", PNG, "image/png")})
    post = await installation.create(
        "TWITTER",
        "MASTODON",
        content="Hello",
        scheduledFor="2026-11-22T13:00:00Z",
        media=[media.json()["id"]],
        tags=["a"],
        metadata={"n": 1},
        personaId="one",
        firstComment="First!",
        firstCommentDelay=5,
        threadPosts=[{"sequence": 1, "content": "1/"}],
        platformOverrides={"TWITTER": {"content": "On X"}},
        platformMetadata={"MASTODON": {"mastodonVisibility": "unlisted"}},
    )
    installation.clock.advance(seconds=5)

    answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}")

    copy = answer.json()
    own = {"id", "platforms", "status", "scheduledFor", "createdAt", "updatedAt"}
    assert answer.status_code == 201
    assert {name: copy[name] for name in copy.keys() - own} == {
        name: post[name] for name in post.keys() - own
    }
    assert copy["id"] != post["id"]
    assert (copy["status"], copy["scheduledFor"]) == ("draft", None)
    assert copy["createdAt"] == copy["updatedAt"] == "2026-11-22T12:00:05.000Z"
    assert await installation.get(copy["id"]) == copy


@statements("V302", "V303")
async def test_a_copy_of_a_published_post_starts_anew(installation: Installation) -> None:
    fresh = await installation.create("TWITTER", "MASTODON")
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON")

    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    def without_ids(platforms: list[dict[str, object]]) -> list[dict[str, object]]:
        own = {"id", "postPlatformId"}
        return [{name: p[name] for name in p.keys() - own} for p in platforms]

    assert without_ids(copy["platforms"]) == without_ids(fresh["platforms"])
    named = {p["id"] for post in (copy, post) for p in post["platforms"]}
    assert len(named) == 4
    assert copy["publishedAt"] is None
    assert await installation.get(post["id"]) == post


@statements("V303")
async def test_a_copy_goes_its_own_way(installation: Installation) -> None:
    post = await installation.create("MASTODON", content="Hello")
    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    await installation.api.patch(f"/v1/posts/{copy['id']}", json={"content": "Good-bye"})
    await installation.api.delete(f"/v1/posts/{post['id']}")
    await installation.api.post(f"/v1/posts/{copy['id']}/publish")
    await installation.run_due()

    assert [entry.text for entry in installation.posts("MASTODON")] == ["Good-bye"]


@statements("V317")
async def test_a_copys_history_begins_with_where_it_comes_from(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    copy = (await installation.api.post(f"/v1/posts/{post['id']}/clone")).json()

    history = (await installation.api.get(f"/v1/posts/{copy['id']}/events")).json()["events"]

    assert [(event["type"], event["data"]) for event in history] == [
        ("post.created", {"clonedFrom": post["id"]})
    ]


@statements("V301", "V305")
async def test_what_is_not_there_cannot_be_copied(installation: Installation) -> None:
    unknown = ids.to_typeid("post", NOBODY)

    refused = [
        problem(await installation.api.post(f"/v1/posts/{unknown}/{operation}"))
        for operation in ("clone", "duplicate")
    ]

    assert refused == [(404, "NOT_FOUND", None)] * 2
