"""Taking posts back: unpublish, archive, unarchive."""

from typing import cast

import pytest

from api.answers import problem, put_in
from installation import Installation
from oncue.connectors.base import Connector
from oncue.connectors.mastodon import Mastodon
from oncue.connectors.registry import CONNECTORS
from oncue.posts.lifecycle import STARTS_FROM, Status, Transition
from scripted_networks import Mute
from statements import statements

pytestmark = pytest.mark.anyio


@statements("V210", "V292", "V293", "V295")
async def test_a_published_post_is_deleted_wherever_it_is(installation: Installation) -> None:
    post = await installation.publish("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")

    answer = await installation.api.post(f"/v1/posts/{post['id']}/unpublish")

    assert answer.status_code == 200
    assert answer.json() == {
        "results": {
            "TWITTER": {"success": True},
            "BLUESKY": {"success": True},
            "MASTODON": {"success": True},
            "TELEGRAM": {"success": True},
        },
        "unsupported_platforms": [],
    }
    assert (await installation.get(post["id"]))["status"] == "unpublished"
    for platform in answer.json()["results"]:
        assert len(installation.ledger.entries(platform=platform, kind="delete")) == 1


@statements("V296")
async def test_a_network_that_refuses_does_not_stop_the_post_from_being_unpublished(
    installation: Installation,
) -> None:
    post = await installation.publish("BLUESKY", "MASTODON")
    await installation.fault(kind="reject", platform="MASTODON", effect="delete")

    answer = await installation.api.post(f"/v1/posts/{post['id']}/unpublish")

    results = answer.json()["results"]
    assert results["BLUESKY"] == {"success": True}
    assert results["MASTODON"]["success"] is False
    assert results["MASTODON"]["reason"]
    assert (await installation.get(post["id"]))["status"] == "unpublished"


@statements("V294", "V295")
async def test_where_a_network_deletes_nothing_a_person_is_asked_to(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keeping(Mute):
        spec = Mastodon.spec

    post = await installation.publish("BLUESKY", "MASTODON")
    monkeypatch.setitem(cast("dict[str, Connector]", CONNECTORS), "MASTODON", Keeping())

    told = (await installation.api.post(f"/v1/posts/{post['id']}/unpublish")).json()

    assert told.pop("note")
    assert told == {
        "results": {
            "BLUESKY": {"success": True},
            "MASTODON": {"success": False, "reason": "platform_not_supported"},
        },
        "unsupported_platforms": ["MASTODON"],
    }
    assert (await installation.get(post["id"]))["status"] == "unpublished"
    assert installation.ledger.entries(platform="MASTODON", kind="delete") == []


@statements("V13", "V291")
@pytest.mark.parametrize("status", sorted(set(Status) - STARTS_FROM[Transition.UNPUBLISH]))
async def test_only_what_is_out_can_be_unpublished(
    installation: Installation, status: Status
) -> None:
    post = await installation.create("MASTODON")
    await put_in(installation, post, status)

    answer = await installation.api.post(f"/v1/posts/{post['id']}/unpublish")

    assert problem(answer)[:2] == (409, "CONFLICT")
    assert (await installation.get(post["id"]))["status"] == status


@pytest.mark.parametrize("status", sorted(STARTS_FROM[Transition.ARCHIVE]))
async def test_an_archived_post_is_hidden_and_comes_back_as_it_was(
    installation: Installation, status: Status
) -> None:
    post = await installation.create("MASTODON")
    await put_in(installation, post, status)

    archived = await installation.api.post(f"/v1/posts/{post['id']}/archive")
    listed = await installation.api.get("/v1/posts")
    back = await installation.api.post(f"/v1/posts/{post['id']}/unarchive")

    assert archived.json()["status"] == "archived"
    assert listed.json()["data"] == []
    assert back.json()["status"] == status


async def test_a_planned_retry_of_an_archived_post_does_not_happen(
    installation: Installation,
) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON")
    post = await installation.publish("MASTODON")

    await installation.api.post(f"/v1/posts/{post['id']}/archive")
    installation.clock.advance(minutes=30)
    await installation.run_due()

    assert installation.posts("MASTODON") == []
    assert (await installation.get(post["id"]))["status"] == "archived"
