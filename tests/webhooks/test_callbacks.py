"""X-Callback-Url: whoever asked for a publication is told how it ended."""

from typing import Any

import httpx2 as httpx
import pytest

from api.answers import NOBODY, invalid, problem
from installation import Installation
from loopback import answering, serving
from oncue.lib import ids
from statements import statements
from webhooks.hooks import deliveries, heard, hook, types

pytestmark = pytest.mark.anyio


async def publish(installation: Installation, url: str, *platforms: str) -> str:
    """Publish a new post with a callback, and let everything be told; its id."""
    post = await installation.create(*platforms)
    answer = await installation.api.post(
        f"/v1/posts/{post['id']}/publish", headers={"x-callback-url": url}
    )
    assert answer.status_code == 200, answer.text
    await installation.run_due()
    await installation.errands()
    post_id: str = post["id"]
    return post_id


@statements("V151")
async def test_a_callback_is_told_what_webhooks_are_told(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER", times=2)
    async with serving(answering()) as called, serving(answering()) as receiver:
        await hook(installation, receiver.url, events=["post.published", "post.failed"])
        await publish(installation, called.url, "MASTODON")
        await publish(installation, called.url, "TWITTER", "MASTODON")
        await publish(installation, called.url, "TWITTER")

    told = [each.json for each in heard(called)]
    assert [(each["type"], each["data"]["status"]) for each in told] == [
        ("post.published", "PUBLISHED"),
        ("post.published", "PARTIAL"),
        ("post.failed", "FAILED"),
    ]
    assert told == [each.json for each in heard(receiver)]
    for each in heard(called):
        assert each.headers["webhook-id"] == each.json["id"]
        assert "webhook-signature" not in each.headers


@statements("V151")
async def test_a_callback_that_fails_is_tried_again_and_logged(
    installation: Installation,
) -> None:
    async with serving(answering(500), answering()) as called:
        await publish(installation, called.url, "MASTODON")
        path = "/v1/webhooks/callbacks"
        [failed] = (await installation.api.get(path)).json()["data"]
        installation.clock.advance(seconds=6)
        await installation.errands()
        [delivered] = (await installation.api.get(f"{path}?status=delivered")).json()["data"]

    first, again = heard(called)
    assert failed == failed | {"webhookId": None, "url": called.url, "status": "pending"}
    assert (failed["statusCode"], delivered["statusCode"]) == (500, 200)
    assert failed["id"] == delivered["id"]
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


async def test_a_retry_is_told_to_the_callback_as_well_and_a_new_publish_forgets_it(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    async with serving(answering()) as called:
        post_id = await publish(installation, called.url, "TWITTER")
        path = f"/v1/posts/{post_id}"
        await installation.api.post(f"{path}/retry")
        installation.clock.advance(minutes=2)
        await installation.run_due()
        await installation.errands()
        retried = types(called)
        copy = (await installation.api.post(f"{path}/clone")).json()
        await installation.api.post(f"/v1/posts/{copy['id']}/publish")
        await installation.run_due()
        await installation.errands()

    assert retried == ["post.failed", "post.published"]
    assert len(called.asked) == 2


async def test_what_a_person_resolves_is_told(installation: Installation) -> None:
    await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
    async with serving(answering()) as called:
        post_id = await publish(installation, called.url, "TELEGRAM")
        post = await installation.get(post_id)
        await installation.api.post(
            f"/v1/posts/{post_id}/platforms/{post['platforms'][0]['id']}/resolve",
            json={"published": True},
        )
        await installation.errands()

    assert types(called) == ["post.failed", "post.published"]


@statements("V152")
@pytest.mark.parametrize(
    "url", ["http://example.com/done", "https://169.254.169.254/", "https://[::1]/", "done"]
)
async def test_a_callback_that_may_not_be_called_is_refused(
    installation: Installation, url: str
) -> None:
    post = await installation.create("MASTODON")

    answer = await installation.api.post(
        f"/v1/posts/{post['id']}/publish", headers={"x-callback-url": url}
    )

    assert problem(answer) == invalid("X-Callback-Url", code="URL_NOT_ALLOWED")
    assert await installation.get(post["id"]) == post


async def test_a_callback_is_judged_again_when_it_is_called(installation: Installation) -> None:
    await publish(installation, "https://turning.test/", "MASTODON")

    [failed] = (await installation.api.get("/v1/webhooks/callbacks")).json()["data"]
    assert failed["error"] == "The address may not be called: its host has no public address"
    assert failed["statusCode"] is None


async def replay(installation: Installation, delivery_id: str, **headers: str) -> httpx.Response:
    path = f"/v1/webhooks/callbacks/{delivery_id}/replay"
    return await installation.api.post(path, headers=headers)


async def callbacks(installation: Installation) -> list[dict[str, Any]]:
    """The log of callbacks, the newest first."""
    answer = await installation.api.get("/v1/webhooks/callbacks")
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_a_callback_that_was_given_up_is_told_again_on_a_fresh_schedule(
    installation: Installation,
) -> None:
    async with serving(answering(410), answering(500), answering()) as called:
        await publish(installation, called.url, "MASTODON")
        [given_up] = await callbacks(installation)

        answer = await replay(installation, given_up["id"])
        await installation.errands()
        [failed] = await callbacks(installation)
        installation.clock.advance(seconds=6)
        await installation.errands()
        [delivered] = await callbacks(installation)

    again = answer.json()
    assert (given_up["status"], answer.status_code) == ("disabled", 200)
    assert again == again | {
        "id": given_up["id"],
        "webhookId": None,
        "url": called.url,
        "status": "pending",
        "attemptCount": 0,
    }
    assert [attempt["statusCode"] for attempt in again["attempts"]] == [410]
    assert (failed["status"], failed["attemptCount"]) == ("pending", 1)
    assert (delivered["status"], delivered["statusCode"]) == ("delivered", 200)
    first, *later = heard(called)
    assert len(later) == 2
    for each in later:
        assert (each.headers["webhook-id"], each.body) == (first.headers["webhook-id"], first.body)
    assert again["payload"].encode() == first.body


async def test_what_arrived_is_told_again_once_for_each_key(installation: Installation) -> None:
    async with serving(answering()) as called:
        await publish(installation, called.url, "MASTODON")
        [delivered] = await callbacks(installation)

        for key in ("one", "one", "two"):
            answer = await replay(installation, delivered["id"], **{"idempotency-key": key})
            assert answer.status_code == 200, answer.text
            await installation.errands()

    assert len({each.body for each in heard(called)}) == 1
    assert len(called.asked) == 3


async def test_only_callbacks_of_the_workspace_are_told_again(installation: Installation) -> None:
    other = await installation.new_key(workspace_id=await installation.new_workspace())
    async with serving(answering(410)) as called, serving(answering()) as receiver:
        endpoint = await hook(installation, receiver.url, events=["post.published"])
        await publish(installation, called.url, "MASTODON")
        [mine] = await callbacks(installation)
        [theirs] = await deliveries(installation, endpoint)

        answers = [
            await replay(installation, mine["id"], authorization=f"Bearer {other}"),
            await replay(installation, theirs["id"]),
            await replay(installation, ids.to_typeid("dlv", NOBODY)),
        ]
        await installation.errands()

    assert [problem(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 3
    assert (len(called.asked), len(receiver.asked)) == (1, 1)
