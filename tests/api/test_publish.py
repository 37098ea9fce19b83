"""POST /v1/posts/:id/publish: out now, once to each account, and what the answer then shows."""

import asyncio

import pytest

from api.answers import invalid, problem
from api.operations import served
from installation import Installation
from scenarios.stories import uploaded
from statements import statements

pytestmark = pytest.mark.anyio

EVERYWHERE = ("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")
SOON = "2026-11-22T13:00:00.000Z"


@statements("V147", "V189", "V208")
@pytest.mark.parametrize("scheduled_for", [None, SOON])
async def test_publishing_begins_at_once(
    installation: Installation, scheduled_for: str | None
) -> None:
    post = await installation.create("TWITTER", "MASTODON", scheduledFor=scheduled_for)

    answer = await installation.api.post(f"/v1/posts/{post['id']}/publish")
    await installation.run_due()

    begun = answer.json()
    assert (answer.status_code, begun["status"]) == (200, "publishing")
    assert [platform["status"] for platform in begun["platforms"]] == ["pending", "pending"]
    assert (await installation.get(post["id"]))["status"] == "published"


@statements("V93", "V96", "V97", "V99", "V100", "V190", "V214")
async def test_a_published_post_says_where_and_when(installation: Installation) -> None:
    post = await installation.publish("MASTODON")

    [entry] = installation.posts("MASTODON")
    [mastodon] = post["platforms"]
    now = "2026-11-22T12:00:00.000Z"
    assert (post["status"], post["publishedAt"]) == ("published", now)
    assert mastodon["platformPostUrl"].endswith(f"/@oncue/{entry.id}")
    assert mastodon == mastodon | {
        "status": "published",
        "platformPostId": entry.id,
        "publishedAt": now,
        "publishWarning": None,
        "error": None,
        "retryCount": 0,
        "attempts": [{"attemptedAt": now, "status": "published", "error": None}],
    }


@statements("V97", "V99", "V100", "V179", "V192", "V215")
async def test_a_post_that_one_network_refuses_is_partial(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")

    post = await installation.publish("TWITTER", "MASTODON")

    twitter, mastodon = post["platforms"]
    assert post["status"] == "partial"
    assert (twitter["status"], mastodon["status"]) == ("failed", "published")
    assert twitter["error"]
    assert twitter["attempts"] == [
        {
            "attemptedAt": "2026-11-22T12:00:00.000Z",
            "status": "failed",
            "error": twitter["error"],
        }
    ]
    assert (twitter["platformPostId"], twitter["platformPostUrl"]) == (None, None)
    assert post["publishedAt"] == mastodon["publishedAt"]


@statements("V182", "V191", "V216")
async def test_a_post_that_every_network_refuses_has_failed(installation: Installation) -> None:
    await installation.fault(kind="reject", times=2)

    post = await installation.publish("TWITTER", "MASTODON")

    assert (post["status"], post["publishedAt"]) == ("failed", None)
    assert installation.ledger.entries() == []


@statements("V22", "V104", "V48")
async def test_each_network_gets_its_override_or_the_content(installation: Installation) -> None:
    await installation.publish(
        *EVERYWHERE,
        content="For all",
        platformOverrides={"TWITTER": {"content": "For X"}, "BLUESKY": {}},
        platformMetadata={"MASTODON": {"content": "Not a text", "text": "Neither"}},
    )

    said = {platform: [e.text for e in installation.posts(platform)] for platform in EVERYWHERE}
    assert said == {p: ["For X" if p == "TWITTER" else "For all"] for p in EVERYWHERE}


@statements("V104")
async def test_an_override_may_leave_a_picture_to_speak_for_itself(
    installation: Installation,
) -> None:
    await installation.publish(
        "TWITTER",
        "MASTODON",
        content="For all",
        media=[await uploaded(installation)],
        platformOverrides={"TWITTER": {"content": ""}},
    )

    said = {name: [e.text for e in installation.posts(name)] for name in ("TWITTER", "MASTODON")}
    assert said == {"TWITTER": [""], "MASTODON": ["For all"]}


@statements("V47")
async def test_metadata_of_a_platform_reaches_that_platform_alone(
    installation: Installation,
) -> None:
    post = await installation.publish(
        "MASTODON", platformMetadata={"MASTODON": {"mastodonVisibility": "unlisted"}}
    )
    other = await installation.publish(
        "MASTODON", platformMetadata={"TWITTER": {"mastodonVisibility": "unlisted"}}
    )

    async def visibility(native_id: str) -> object:
        url = f"{installation.sandbox_url}/mastodon/api/v1/statuses/{native_id}"
        headers = {"authorization": "Bearer sandbox:oncue"}
        async with installation._http.get(url, headers=headers) as answer:
            return (await answer.json())["visibility"]

    assert await visibility(post["platforms"][0]["platformPostId"]) == "unlisted"
    assert await visibility(other["platforms"][0]["platformPostId"]) == "public"


@statements("V29")
async def test_tags_are_never_sent_to_a_network(installation: Installation) -> None:
    await installation.publish(*EVERYWHERE, content="Hello", tags=["secret-campaign"])

    assert [e.text for e in installation.ledger.entries()] == ["Hello"] * 4


@statements("V37", "V39", "V57", "V65", "V66", "V69", "V71")
async def test_a_first_comment_is_skipped_where_there_are_no_comments(
    installation: Installation,
) -> None:
    post = await installation.publish(*EVERYWHERE, firstComment="First!", firstCommentDelay=60)

    assert (post["status"], post["publishedAt"]) == ("published", "2026-11-22T12:00:00.000Z")
    assert [(p["error"], p["publishWarning"]) for p in post["platforms"]] == [(None, None)] * 4
    assert [(e.kind, e.text) for e in installation.ledger.entries()] == [("post", "Hello")] * 4


@statements("V34", "V106")
async def test_a_thread_is_a_chain_on_x_and_the_content_elsewhere(
    installation: Installation,
) -> None:
    await installation.publish(
        "TWITTER",
        "TELEGRAM",
        content="The whole story",
        contentType="THREAD",
        threadPosts=[{"sequence": 2, "content": "2/"}, {"sequence": 1, "content": "1/"}],
    )

    first, second = [e for e in installation.ledger.entries() if e.platform == "TWITTER"]
    assert [(e.text, e.parent) for e in (first, second)] == [("1/", None), ("2/", first.id)]
    assert [e.text for e in installation.posts("TELEGRAM")] == ["The whole story"]


@statements("V206", "V144")
async def test_a_post_that_is_going_out_is_not_sent_out_again(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}/publish"

    answers = await asyncio.gather(*(installation.api.post(path) for _ in range(5)))
    await installation.run_due()

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 4
    assert len(installation.posts("MASTODON")) == 1


@statements("V154", "V180")
async def test_a_cancelled_post_goes_only_where_it_is_not_yet(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON")
    path = f"/v1/posts/{post['id']}"
    await installation.api.patch(path, json={"scheduledFor": SOON})
    await installation.api.post(f"{path}/cancel")

    await installation.api.post(f"{path}/publish")
    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("MASTODON")) == len(installation.posts("TWITTER")) == 1


async def until_publishing(installation: Installation, post_id: str) -> None:
    for _ in range(1_000):
        if (await installation.get(post_id))["status"] == "publishing":
            return
    raise AssertionError("the post is still a draft")


@statements("V148")
async def test_with_sync_the_answer_is_the_published_post(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    waiting = asyncio.create_task(
        installation.api.post(f"/v1/posts/{post['id']}/publish?sync=true&timeout=30")
    )

    await until_publishing(installation, post["id"])
    await installation.run_due()

    answer = await waiting
    assert answer.json() == await installation.get(post["id"])
    assert answer.json()["status"] == "published"


@statements("V148")
async def test_with_sync_the_answer_does_not_wait_longer_than_asked(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")

    answer = await installation.api.post(f"/v1/posts/{post['id']}/publish?sync=true&timeout=1")

    assert (answer.status_code, answer.json()["status"]) == (200, "publishing")


@statements("V149", "V150")
async def test_the_timeout_is_thirty_seconds_and_at_most_two_minutes(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}/publish"
    document = await served(installation)
    queries = {
        "timeout=121": invalid("timeout", limit=120),
        "timeout=0": invalid("timeout", limit=1),
        "timeout=soon": invalid("timeout"),
        "sync=perhaps": invalid("sync"),
    }

    refused = {query: problem(await installation.api.post(f"{path}?{query}")) for query in queries}

    parameters = document["paths"]["/v1/posts/{post_id}/publish"]["post"]["parameters"]
    [timeout] = [p["schema"] for p in parameters if p["name"] == "timeout"]
    assert refused == queries
    assert (timeout["default"], timeout["maximum"]) == (30, 120)
    assert (await installation.get(post["id"])) == post
