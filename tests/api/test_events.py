"""GET /v1/posts/:id/events and /latest: a post's history, oldest first."""

from collections.abc import Sequence
from typing import Any

import pytest

from api.answers import NOBODY, problem
from installation import Installation
from oncue.lib import ids
from statements import statements

pytestmark = pytest.mark.anyio


async def history(installation: Installation, post_id: str) -> Sequence[dict[str, Any]]:
    answer = await installation.api.get(f"/v1/posts/{post_id}/events")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["events"]
    found: Sequence[dict[str, Any]] = answer.json()["events"]
    return found


@statements("V316", "V317")
async def test_a_posts_history_begins_with_its_creation(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    [event] = await history(installation, post["id"])

    assert event == {
        "id": event["id"],
        "type": "post.created",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "data": {},
    }
    assert ids.from_typeid("evt", event["id"])


@statements("V316", "V318")
async def test_a_publication_is_told_from_beginning_to_end(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor="2026-11-22T13:00:00Z")
    installation.clock.advance(hours=1)
    await installation.run_due()

    told = await history(installation, post["id"])

    published = await installation.get(post["id"])
    [mastodon] = published["platforms"]
    assert [(event["type"], event["createdAt"][11:19], event["data"]) for event in told] == [
        ("post.created", "12:00:00", {}),
        ("post.scheduled", "12:00:00", {"scheduledFor": "2026-11-22T13:00:00.000Z"}),
        ("post.publishing", "13:00:00", {}),
        (
            "post.published",
            "13:00:00",
            {
                "status": "published",
                "publishedAt": "2026-11-22T13:00:00.000Z",
                "platforms": [
                    {
                        "postPlatformId": mastodon["postPlatformId"],
                        "accountId": mastodon["accountId"],
                        "platform": "mastodon",
                        "status": "published",
                        "platformPostId": mastodon["platformPostId"],
                        "platformPostUrl": mastodon["platformPostUrl"],
                        "publishedAt": "2026-11-22T13:00:00.000Z",
                        "error": None,
                    }
                ],
            },
        ),
    ]


@statements("V316")
async def test_events_of_one_instant_stand_in_the_order_they_happened(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}"
    await installation.api.patch(path, json={"content": "New"})
    await installation.api.post(f"{path}/cancel")
    await installation.api.patch(path, json={"scheduledFor": "2026-11-22T13:00:00Z"})

    told = await history(installation, post["id"])

    assert [event["type"] for event in told] == [
        "post.created",
        "post.updated",
        "post.cancelled",
        "post.scheduled",
        "post.updated",
    ]
    assert {event["createdAt"] for event in told} == {"2026-11-22T12:00:00.000Z"}


@statements("V318", "V192")
async def test_the_end_of_a_publication_says_how_it_ended(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    partial = await installation.publish("TWITTER", "MASTODON")
    failed = await installation.publish("TWITTER")

    ends = [(await history(installation, post["id"]))[-1] for post in (partial, failed)]

    assert [(end["type"], end["data"]["status"]) for end in ends] == [
        ("post.partial", "partial"),
        ("post.failed", "failed"),
    ]
    twitter = failed["platforms"][0]
    assert ends[1]["data"]["platforms"][0]["error"] == twitter["error"]


@statements("V319")
async def test_the_latest_event_is_the_last_of_all(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}"
    created = (await installation.api.get(f"{path}/events/latest")).json()
    await installation.api.post(f"{path}/cancel")

    latest = (await installation.api.get(f"{path}/events/latest")).json()

    assert [created, latest] == await history(installation, post["id"])


@statements("V316", "V319")
async def test_an_unknown_posts_history_is_not_found(installation: Installation) -> None:
    path = f"/v1/posts/{ids.to_typeid('post', NOBODY)}/events"

    answers = [await installation.api.get(path), await installation.api.get(f"{path}/latest")]

    assert [problem(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 2
