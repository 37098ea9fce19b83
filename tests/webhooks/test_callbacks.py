"""X-Callback-Url: whoever asked for a publication is told how it ended."""

import pytest

from api.answers import invalid, problem
from installation import Installation
from loopback import answering, serving
from statements import statements
from webhooks.hooks import heard, hook, types

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
