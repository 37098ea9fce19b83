"""What endpoints are told, when, and by whom it can be checked."""

import hmac
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from installation import Installation
from loopback import answering, serving
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.outbox import Event
from statements import statements
from webhooks.hooks import deliveries, heard, hook, types

pytestmark = pytest.mark.anyio

NOON = "2026-11-22T12:00:00.000Z"


async def publish_and_tell(installation: Installation, *platforms: str) -> dict[str, Any]:
    post = await installation.publish(*platforms)
    await installation.errands()
    return post


async def test_a_publication_is_told_whole(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.published"])

        post = await publish_and_tell(installation, "MASTODON")

    [mastodon] = post["platforms"]
    [told] = [each.json for each in heard(receiver)]
    assert told == {
        "id": told["id"],
        "type": "post.published",
        "createdAt": NOON,
        "data": {
            "id": post["id"],
            "workspaceId": ids.to_typeid("ws", installation.workspace_id),
            "content": "Hello",
            "scheduledFor": None,
            "status": "PUBLISHED",
            "publishedAt": NOON,
            "platforms": [
                {
                    "platform": "MASTODON",
                    "accountId": mastodon["accountId"],
                    "postPlatformId": mastodon["postPlatformId"],
                    "status": "PUBLISHED",
                    "platformPostId": mastodon["platformPostId"],
                    "platformPostUrl": mastodon["platformPostUrl"],
                    "publishedAt": NOON,
                }
            ],
        },
    }
    assert ids.from_typeid("evt", told["id"])


@statements("V181")
async def test_a_part_of_a_publication_is_told_as_published_and_as_partial(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.published", "post.partial"])
        post = await publish_and_tell(installation, "TWITTER", "MASTODON")

    published, partial = [each.json for each in heard(receiver)]
    assert [published["type"], partial["type"]] == ["post.published", "post.partial"]
    assert published["id"] != partial["id"]
    assert published["data"] == partial["data"]
    assert published["data"]["status"] == "PARTIAL"
    twitter, mastodon = published["data"]["platforms"]
    assert twitter == {
        "platform": "TWITTER",
        "accountId": installation.account("TWITTER"),
        "postPlatformId": post["platforms"][0]["postPlatformId"],
        "status": "FAILED",
        "error": {"code": "PUBLISH_ERROR", "message": post["platforms"][0]["error"]},
    }
    assert mastodon["status"] == "PUBLISHED"


async def test_an_endpoint_is_told_only_of_what_it_asked_for(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    async with serving(answering()) as some, serving(answering()) as every:
        await hook(installation, some.url, events=["post.failed", "POST.Partial"])
        await hook(installation, every.url)

        await publish_and_tell(installation, "TWITTER")
        await publish_and_tell(installation, "TWITTER", "MASTODON")

    begun = ["post.created", "post.publishing"]
    assert types(some) == ["post.failed", "post.partial"]
    assert sorted(types(every)) == sorted(
        [*begun, "post.failed", *begun, "post.published", "post.partial"]
    )


async def test_every_change_of_a_post_is_told_once(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    await installation.errands()
    path = f"/v1/posts/{post['id']}"
    installation.clock.advance(seconds=10)
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        for step in ("cancel", "archive", "unarchive", "publish", "unpublish"):
            await installation.api.patch(path, json={"content": f"Before {step}"})
            assert (await installation.api.post(f"{path}/{step}")).is_success, step
            await installation.run_due()
            await installation.errands()

    told = {each.json["type"]: each.json["data"]["status"] for each in heard(receiver)}
    assert told == {
        "post.updated": "CANCELLED",
        "post.cancelled": "CANCELLED",
        "post.archived": "ARCHIVED",
        "post.unarchived": "CANCELLED",
        "post.publishing": "PUBLISHING",
        "post.published": "PUBLISHED",
        "post.unpublished": "UNPUBLISHED",
    }


@statements("V206")
@pytest.mark.parametrize("ending", ["publish", "cancel"])
async def test_after_an_end_nothing_more_is_told(installation: Installation, ending: str) -> None:
    post = await installation.create("MASTODON")
    await installation.api.post(f"/v1/posts/{post['id']}/{ending}")
    await installation.run_due()
    await installation.errands()
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        installation.clock.advance(days=30)
        await installation.run_due()
        await installation.errands()

    assert receiver.asked == []


async def test_a_new_post_is_told_of_after_five_seconds_as_it_then_is(
    installation: Installation,
) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        post = await installation.create("MASTODON")
        installation.clock.advance(seconds=4)
        await installation.api.patch(f"/v1/posts/{post['id']}", json={"content": "Saved again"})
        await installation.errands()
        early = len(receiver.asked)
        installation.clock.advance(seconds=1)
        await installation.errands()

    [told] = [each.json for each in heard(receiver)]
    assert early == 0
    assert (told["type"], told["createdAt"]) == ("post.created", NOON)
    assert told["data"] == {
        "id": post["id"],
        "workspaceId": ids.to_typeid("ws", installation.workspace_id),
        "content": "Saved again",
        "scheduledFor": None,
        "status": "DRAFT",
    }


async def test_a_save_after_the_new_post_was_told_of_is_told_of_itself(
    installation: Installation,
) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        post = await installation.create("MASTODON")
        installation.clock.advance(seconds=5)
        await installation.errands()
        await installation.api.patch(f"/v1/posts/{post['id']}", json={"content": "Saved again"})
        await installation.errands()

    assert types(receiver) == ["post.created", "post.updated"]
    assert heard(receiver)[1].json["data"]["content"] == "Saved again"


@statements("V40")
async def test_a_post_saved_by_hand_is_told_of_at_once(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        soon = "2026-11-22T13:00:00.000Z"
        await installation.create("MASTODON", isManualSave=True, scheduledFor=soon)
        await installation.errands()

    told = {each.json["type"]: each.json["data"] for each in heard(receiver)}
    assert set(told) == {"post.created", "post.scheduled"}
    for data in told.values():
        assert (data["status"], data["scheduledFor"]) == ("SCHEDULED", soon)


async def test_a_post_that_goes_out_at_once_is_told_of_as_created_first(
    installation: Installation,
) -> None:
    async with serving(answering()) as receiver:
        endpoint = await hook(installation, receiver.url)
        await publish_and_tell(installation, "MASTODON")

        logged = await deliveries(installation, endpoint)

    assert [each["eventType"] for each in reversed(logged)] == [
        "post.created",
        "post.publishing",
        "post.published",
    ]


async def test_a_deleted_post_is_still_told_of_and_then_forgotten(
    installation: Installation,
) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        post = await installation.create("MASTODON", content="Short-lived")
        await installation.api.delete(f"/v1/posts/{post['id']}")
        installation.clock.advance(seconds=5)
        await installation.errands()

    [told] = [each.json for each in heard(receiver)]
    post_id = ids.from_typeid("post", post["id"])
    left = await installation.db.read(
        lambda session: session.scalars(select(Event).where(Event.post_id == post_id)).all()
    )
    assert told["type"] == "post.created"
    assert (told["data"]["content"], told["data"]["status"]) == ("Short-lived", "DRAFT")
    assert left == []


async def test_a_result_is_told_as_it_was_however_late(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.failed"])
        post = await installation.publish("TWITTER")
        await installation.api.post(
            f"/v1/posts/{post['id']}/platforms/{post['platforms'][0]['id']}/fix"
        )
        await installation.run_due()
        await installation.errands()

    [failed] = [each.json["data"] for each in heard(receiver)]
    assert (failed["status"], failed["platforms"][0]["status"]) == ("FAILED", "FAILED")
    assert (await installation.get(post["id"]))["status"] == "published"


async def test_accounts_are_told_of(installation: Installation) -> None:
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["account.connected", "account.error"])
        await installation.new_account("MASTODON", "maria")
        await installation.fault(kind="expired_token", platform="TWITTER")
        await publish_and_tell(installation, "TWITTER")

    told = {each.json["type"]: each.json["data"] for each in heard(receiver)}
    connected, error = told["account.connected"], told["account.error"]
    assert connected == {
        "id": connected["id"],
        "workspaceId": ids.to_typeid("ws", installation.workspace_id),
        "platform": "MASTODON",
        "username": "maria",
        "displayName": "maria on MASTODON",
        "status": "ACTIVE",
    }
    assert (error["id"], error["status"]) == (installation.account("TWITTER"), "EXPIRED")


async def test_another_workspace_is_never_told(installation: Installation) -> None:
    other = await installation.new_workspace()
    headers = {"authorization": f"Bearer {await installation.new_key(workspace_id=other)}"}
    async with serving(answering()) as receiver:
        made = await installation.api.post(
            "/v1/webhooks", json={"url": receiver.url}, headers=headers
        )
        assert made.status_code == 201, made.text
        await publish_and_tell(installation, "MASTODON")
        await installation.new_account("MASTODON", "theirs", workspace_id=other)
        await installation.errands()

    assert types(receiver) == ["account.connected"]
    assert heard(receiver)[0].json["data"]["workspaceId"] == ids.to_typeid("ws", other)


async def test_an_endpoint_is_not_told_of_what_was_before_it(installation: Installation) -> None:
    await installation.create("MASTODON")
    installation.clock.advance(seconds=1)
    async with serving(answering()) as receiver:
        await hook(installation, receiver.url)
        installation.clock.advance(seconds=5)
        await installation.errands()

    assert receiver.asked == []


async def test_the_reference_verifier_accepts_every_delivery_and_nothing_else(
    installation: Installation,
) -> None:
    installation.clock.now = utc_now()  # it knows no clock but the machine's
    async with serving(answering()) as receiver:
        endpoint = await hook(installation, receiver.url)
        await publish_and_tell(installation, "MASTODON")

    verifier = Webhook(endpoint["secret"])
    for each in heard(receiver):
        assert verifier.verify(each.body, dict(each.headers)) == each.json
        assert each.headers["webhook-id"] == each.json["id"]
        assert each.headers["content-type"] == "application/json"
        digest = hmac.new(endpoint["secret"].encode(), each.body, "sha256").hexdigest()
        assert each.headers["x-oncue-signature"] == f"sha256={digest}"
        old = str(int(each.headers["webhook-timestamp"]) - 301)
        wrong = [
            (verifier, each.body.replace(b"Hello", b"Hullo"), {}),
            (verifier, each.body, {"webhook-timestamp": old}),
            (Webhook("whsec_" + "b" * 32), each.body, {}),
        ]
        for other, body, headers in wrong:
            with pytest.raises(WebhookVerificationError):
                other.verify(body, {**each.headers, **headers})
    assert len(receiver.asked) == 3


async def test_what_the_documentation_shows_accepts_a_delivery(
    installation: Installation,
) -> None:
    installation.clock.now = utc_now()
    async with serving(answering()) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.published"])
        await publish_and_tell(installation, "MASTODON")
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    shown: dict[str, Any] = {}
    exec(page.split("```python")[1].split("```")[0], shown)

    [told] = heard(receiver)
    assert shown["is_genuine"](endpoint["secret"], told.headers, told.body)
    assert not shown["is_genuine"](endpoint["secret"], told.headers, told.body + b" ")
    stale = {**told.headers, "webhook-timestamp": "1795348800"}
    assert not shown["is_genuine"](endpoint["secret"], stale, told.body)
