"""POST /v1/posts: what a new post is, and what its answer shows."""

from typing import Any

import pytest

from api.answers import NOBODY, invalid, problem
from installation import Installation
from oncue.lib import ids
from statements import statements

pytestmark = pytest.mark.anyio

NOON = "2026-11-22T12:00:00.000Z"
LATER = "2026-11-23T09:30:00.000Z"


async def refusal(installation: Installation, **fields: object) -> object:
    """What the API says to a post that has these fields wrong."""
    body = {"content": "Hello", "accountIds": [installation.account("MASTODON")]} | fields
    return problem(await installation.api.post("/v1/posts", json=body))


def fresh(installation: Installation, platform: str, shown: dict[str, Any]) -> dict[str, Any]:
    """A destination of a new post; its ids are the only thing to be seen in the answer alone."""
    return {
        "id": shown["postPlatformId"],
        "postPlatformId": shown["postPlatformId"],
        "platform": platform.lower(),
        "accountId": installation.account(platform),
        "accountName": f"oncue on {platform}",
        "status": "pending",
        "platformPostId": None,
        "platformPostUrl": None,
        "publishedAt": None,
        "publishWarning": None,
        "error": None,
        "needsReview": False,
        "heldReason": None,
        "retryCount": 0,
        "nextRetryAt": None,
        "attempts": [],
        "firstComment": None,
    }


@statements("V1", "V17", "V21", "V72", "V73", "V74", "V75", "V76", "V77", "V78", "V79", "V80")
@statements("V81", "V83", "V84", "V85", "V86", "V87", "V88", "V89", "V90", "V91", "V92", "V93")
@statements("V94", "V95", "V96", "V98", "V99", "V100", "V102", "V185", "V186")
async def test_a_post_without_a_time_is_a_draft_and_shown_whole(installation: Installation) -> None:
    post = await installation.create("TWITTER", "MASTODON", content="Hello")

    twitter, mastodon = post["platforms"]
    assert post == {
        "id": post["id"],
        "content": "Hello",
        "contentType": None,
        "status": "draft",
        "scheduledFor": None,
        "publishedAt": None,
        "platformRemovedAt": None,
        "firstComment": None,
        "firstCommentDelay": 0,
        "queuePosition": None,
        "latePolicy": None,
        "tags": [],
        "metadata": None,
        "media": [],
        "platforms": [
            fresh(installation, "TWITTER", twitter),
            fresh(installation, "MASTODON", mastodon),
        ],
        "platformOverrides": {},
        "platformMetadata": {},
        "threadPosts": [],
        "recurringPostId": None,
        "isRecurring": None,
        "personaId": None,
        "approvalRequestedAt": None,
        "approvedAt": None,
        "createdAt": NOON,
        "updatedAt": NOON,
    }
    assert ids.to_typeid("post", ids.from_typeid("post", post["id"])) == post["id"]
    assert ids.to_typeid("pp", ids.from_typeid("pp", twitter["id"])) == twitter["id"]


@statements("V24", "V26", "V27", "V29", "V30", "V34", "V36", "V38", "V41", "V57")
@statements("V75", "V80", "V81", "V83", "V84", "V87", "V90")
async def test_what_is_handed_in_is_shown_again(installation: Installation) -> None:
    fields: dict[str, Any] = {
        "contentType": "THREAD",
        "platformOverrides": {"TWITTER": {"content": "Hello, X"}},
        "platformMetadata": {"MASTODON": {"mastodonVisibility": "unlisted", "x": [1, {"y": None}]}},
        "tags": ["launch", "ünïcode 🎉"],
        "personaId": "persona-1",
        "threadPosts": [{"sequence": 1, "content": "1/"}, {"sequence": 2, "content": "2/"}],
        "firstComment": "First!",
        "firstCommentDelay": 60,
        "metadata": {"campaign": "spring", "n": 1, "pi": 3.5, "on": True, "none": None, "l": ["a"]},
    }

    post = await installation.create("TWITTER", "MASTODON", **fields)

    threaded = [entry | {"mediaIds": []} for entry in fields["threadPosts"]]
    assert {name: post[name] for name in fields} == fields | {"threadPosts": threaded}


@statements("V23", "V77", "V188", "V207", "V217")
async def test_a_post_with_a_time_is_scheduled_for_it(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor="2026-11-23T09:30:00Z")

    assert (post["status"], post["scheduledFor"]) == ("scheduled", LATER)
    assert post["platforms"][0]["status"] == "pending"


@statements("V25")
async def test_save_as_draft_wins_over_a_time(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=LATER, saveAsDraft=True)

    installation.clock.advance(days=2)
    await installation.run_due()

    assert (post["status"], post["scheduledFor"]) == ("draft", None)
    assert installation.posts("MASTODON") == []


@statements("V17", "V212")
async def test_a_post_scheduled_for_now_goes_out_now(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=NOON)

    await installation.run_due()

    assert (await installation.get(post["id"]))["status"] == "published"


@statements("V24")
async def test_every_content_type_is_known_in_upper_and_in_lower_case(
    installation: Installation,
) -> None:
    known = ["TEXT", "IMAGE", "VIDEO", "CAROUSEL", "STORY", "REEL", "text", "Reel"]

    posts = [await installation.create("MASTODON", contentType=written) for written in known]

    assert [post["contentType"] for post in posts] == [written.upper() for written in known]
    assert await refusal(installation, contentType="POEM") == invalid("contentType")


@statements("V26", "V27", "V47", "V103")
async def test_platform_constants_are_known_in_upper_and_in_lower_case(
    installation: Installation,
) -> None:
    post = await installation.create(
        "MASTODON",
        platformOverrides={"twitter": {"content": "On X"}},
        platformMetadata={"Google_Business": {"any": "thing"}},
    )

    assert post["platformOverrides"] == {"TWITTER": {"content": "On X"}}
    assert post["platformMetadata"] == {"GOOGLE_BUSINESS": {"any": "thing"}}


@statements("V21")
async def test_destinations_stand_in_the_order_of_the_accounts(installation: Installation) -> None:
    post = await installation.create("TELEGRAM", "BLUESKY", "TWITTER", "MASTODON")

    shown = [platform["platform"] for platform in post["platforms"]]
    assert shown == ["telegram", "bluesky", "twitter", "mastodon"]


async def test_two_accounts_of_one_network_are_two_destinations(installation: Installation) -> None:
    second = await installation.new_account("MASTODON", "second")
    both = [installation.account("MASTODON"), ids.to_typeid("acc", second.id)]

    post = await installation.create(accountIds=both)

    assert [platform["accountId"] for platform in post["platforms"]] == both


async def test_ids_may_be_written_as_plain_uuids(installation: Installation) -> None:
    account = installation.accounts["MASTODON"]

    post = await installation.create(accountIds=[str(account.id)])

    assert post["platforms"][0]["accountId"] == installation.account("MASTODON")


@statements("V20")
async def test_a_post_needs_an_account(installation: Installation) -> None:
    assert await refusal(installation, accountIds=[]) == invalid("accountIds")


async def test_an_account_named_twice_is_refused(installation: Installation) -> None:
    twice = [installation.account("MASTODON"), installation.account("MASTODON")]

    assert await refusal(installation, accountIds=twice) == invalid("accountIds[1]")


async def test_every_account_that_is_not_there_is_named(installation: Installation) -> None:
    nobody = ids.to_typeid("acc", NOBODY)
    stranger = await installation.new_account(
        "MASTODON", "stranger", await installation.new_workspace()
    )
    wanted = [nobody, installation.account("MASTODON"), ids.to_typeid("acc", stranger.id)]

    assert await refusal(installation, accountIds=wanted) == (
        400,
        "VALIDATION_ERROR",
        [
            {"field": "accountIds[0]", "code": "ACCOUNT_NOT_FOUND"},
            {"field": "accountIds[2]", "code": "ACCOUNT_NOT_FOUND"},
        ],
    )


@statements("V1")
async def test_the_vendors_own_base_path_is_ours(installation: Installation) -> None:
    body = {"content": "Hello", "accountIds": [installation.account("MASTODON")]}

    answer = await installation.api.post("/v1/posts", json=body)

    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
