"""DELETE /v1/posts/:id: gone from Oncue, never from a network."""

import pytest

from api.answers import problem, rows
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio


@statements("V143")
async def test_a_deleted_post_is_gone_with_all_that_was_its_own(
    installation: Installation,
) -> None:
    before = await rows(installation)
    post = await installation.create("TWITTER", "MASTODON")
    path = f"/v1/posts/{post['id']}"

    answer = await installation.api.delete(path)
    again = await installation.api.delete(path)

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert problem(again) == problem(await installation.api.get(path)) == (404, "NOT_FOUND", None)
    assert problem(await installation.api.get(f"{path}/events")) == (404, "NOT_FOUND", None)
    assert await rows(installation) == {
        **before,
        "event": before["event"] + 1,
    }  # until webhooks have told of it


@statements("V143")
async def test_a_deleted_post_is_never_published(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor="2026-11-22T13:00:00Z")

    await installation.api.delete(f"/v1/posts/{post['id']}")
    installation.clock.advance(hours=2)
    await installation.run_due()

    assert installation.posts("MASTODON") == []


@statements("V146")
async def test_what_is_on_a_network_stays_there(installation: Installation) -> None:
    await installation.fault(kind="reject", platform="TWITTER")
    post = await installation.publish("TWITTER", "MASTODON")
    held = installation.ledger.entries()

    answer = await installation.api.delete(f"/v1/posts/{post['id']}")

    assert post["status"] == "partial"
    assert answer.json() == {"success": True}
    assert installation.ledger.entries() == held
