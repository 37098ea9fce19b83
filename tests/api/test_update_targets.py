"""PATCH of accounts and threads: where a post goes, and what it is there."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.answers import invalid, put_in
from api.changing import changes, patch, refusal
from installation import Installation
from oncue.lib import ids
from oncue.posts.lifecycle import Status
from statements import statements

pytestmark = pytest.mark.anyio

SOON = "2026-11-22T13:00:00.000Z"


@statements("V129", "V21")
async def test_accounts_are_replaced_and_those_kept_keep_their_place_in_history(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", "MASTODON", "TELEGRAM")
    wanted = [installation.account(platform) for platform in ("BLUESKY", "TELEGRAM", "TWITTER")]

    after = await patch(installation, post, accountIds=wanted)

    twitter, _, telegram = post["platforms"]
    assert [platform["accountId"] for platform in after["platforms"]] == wanted
    assert after["platforms"][1:] == [telegram, twitter]
    assert await refusal(installation, post, accountIds=[]) == invalid("accountIds")


@statements("V129", "V180")
async def test_an_account_that_has_the_post_already_cannot_be_taken_away(
    installation: Installation,
) -> None:
    post = await installation.create("TWITTER", "MASTODON")
    await put_in(installation, post, Status.PARTIAL)  # MASTODON is published

    refused = await refusal(installation, post, accountIds=[installation.account("TWITTER")])

    assert refused == (409, "CONFLICT", None)
    assert len((await installation.get(post["id"]))["platforms"]) == 2


async def test_an_account_added_to_a_scheduled_post_goes_out_with_it(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor=SOON)
    both = [installation.account("MASTODON"), installation.account("TWITTER")]

    await patch(installation, post, accountIds=both)
    installation.clock.advance(hours=1)
    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"
    assert len(installation.posts("MASTODON")) == len(installation.posts("TWITTER")) == 1


async def test_a_post_with_an_account_added_after_a_failure_is_not_published_without_it(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await installation.publish("MASTODON")
    both = [installation.account("MASTODON"), installation.account("TWITTER")]
    mastodon, twitter = (await patch(installation, post, accountIds=both))["platforms"]

    async def fix(platform: Mapping[str, Any]) -> object:
        await installation.api.post(f"/v1/posts/{post['id']}/platforms/{platform['id']}/fix")
        await installation.run_due()
        return (await installation.get(post["id"]))["status"]

    assert await fix(mastodon) == "partial"
    assert await fix(twitter) == "published"


async def test_the_accounts_of_a_thread_keep_one_on_x(installation: Installation) -> None:
    items = [{"sequence": 1, "content": "1/"}]
    post = await installation.create("TWITTER", "MASTODON", threadPosts=items)

    refused = await refusal(installation, post, accountIds=[installation.account("MASTODON")])

    assert refused == invalid("contentType")
    assert await installation.get(post["id"]) == post


async def test_a_thread_is_not_called_something_else(installation: Installation) -> None:
    items = [{"sequence": 1, "content": "1/"}]
    post = await installation.create("TWITTER", threadPosts=items)

    assert await refusal(installation, post, contentType="TEXT") == invalid("threadPosts")
    after = await patch(installation, post, contentType="TEXT", threadPosts=[])
    assert changes(post, after) == {"contentType": "TEXT", "threadPosts": []}


async def test_a_post_whose_thread_was_taken_away_is_none_any_more(
    installation: Installation,
) -> None:
    items = [{"sequence": 1, "content": "1/"}]
    post = await installation.create("TWITTER", "MASTODON", threadPosts=items)

    after = await patch(installation, post, threadPosts=[])
    moved = await patch(installation, post, accountIds=[installation.account("MASTODON")])

    assert changes(post, after) == {"contentType": None, "threadPosts": []}
    assert [each["platform"] for each in moved["platforms"]] == ["mastodon"]


@statements("V134")
async def test_a_threads_rules_hold_for_a_change_too(installation: Installation) -> None:
    post = await installation.create("TWITTER")
    gap = [{"sequence": 1, "content": "1/"}, {"sequence": 3, "content": "3/"}]
    many = [{"sequence": number, "content": "x"} for number in range(1, 27)]

    assert await refusal(installation, post, threadPosts=gap) == invalid("threadPosts")
    assert await refusal(installation, post, threadPosts=many) == invalid(
        "threadPosts", limit=25, actual=26
    )


async def test_another_workspaces_account_is_as_unknown_as_nobodys(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    elsewhere = await installation.new_workspace()
    stranger = await installation.new_account("MASTODON", "stranger", elsewhere)

    refused = await refusal(installation, post, accountIds=[ids.to_typeid("acc", stranger.id)])

    assert refused == invalid("accountIds[0]", code="ACCOUNT_NOT_FOUND")
