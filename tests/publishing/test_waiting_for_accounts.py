"""A post whose account has to be connected again waits for that, and then goes on."""

from typing import Any, Final

import pytest

from installation import Installation
from oncue.accounts import service as accounts
from statements import statements

pytestmark = pytest.mark.anyio

AT: Final = "2026-11-22T13:00:00Z"
WAITS: Final = ("scheduled", "pending", "account")
OUT: Final = ("published", "published", None)
MARIA: Final = {"platform": "MASTODON", "credentials": {"accessToken": "sandbox:oncue"}}


async def stopped(installation: Installation, *platforms: str, **fields: Any) -> dict[str, Any]:
    """A post that was due while Mastodon took the account's token no more."""
    await installation.fault(kind="revoked_token", platform="MASTODON", effect="publish")
    post = await installation.create(*(platforms or ("MASTODON",)), scheduledFor=AT, **fields)
    installation.clock.advance(hours=1)
    await installation.run_due()
    return await installation.get(post["id"])


async def reconnect(installation: Installation) -> None:
    account = MARIA | {"serverUrl": "https://mastodon.sandbox.test"}
    answer = await installation.api.post("/v1/accounts", json=account)
    assert answer.json()["id"] == installation.account("MASTODON")
    await installation.errands()
    await installation.run_due()


def ending(post: dict[str, Any], place: int = 0) -> tuple[str, str, str | None]:
    shown = post["platforms"][place]
    return post["status"], shown["status"], shown["heldReason"]


async def told(installation: Installation, post: dict[str, Any]) -> list[Any]:
    answer = await installation.api.get(f"/v1/posts/{post['id']}/events")
    return [(event["type"], event["data"].get("reason")) for event in answer.json()["events"]]


async def test_it_is_held_with_the_networks_words_and_told(installation: Installation) -> None:
    post = await stopped(installation)

    assert ending(post) == WAITS
    assert post["platforms"][0]["error"] is not None
    assert [attempt["status"] for attempt in post["platforms"][0]["attempts"]] == ["failed"]
    assert (await told(installation, post))[-1] == ("post.held", "account")


async def test_it_goes_out_once_the_account_is_connected_again(installation: Installation) -> None:
    post = await stopped(installation)

    installation.clock.advance(hours=1)
    await reconnect(installation)

    out = await installation.get(post["id"])
    assert ending(out) == OUT
    assert out["platforms"][0]["error"] is None
    assert len(installation.posts("MASTODON")) == 1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("publish", ("scheduled", "pending", "late")),
        ("hold", ("scheduled", "pending", "late")),
        ("skip", ("cancelled", "skipped", None)),
    ],
)
async def test_a_post_that_is_too_late_by_then_follows_its_policy(
    installation: Installation, policy: str, expected: tuple[str, str, str | None]
) -> None:
    post = await stopped(installation, latePolicy=policy)

    installation.clock.advance(days=2)
    await reconnect(installation)

    assert ending(await installation.get(post["id"])) == expected
    assert installation.posts("MASTODON") == []


async def test_other_accounts_do_not_wait_with_it(installation: Installation) -> None:
    post = await stopped(installation, "MASTODON", "TWITTER")

    assert (ending(post), ending(post, 1)[1]) == (("partial", "pending", "account"), "published")
    assert [type_ for type_, _ in await told(installation, post)][-1] == "post.partial"

    await reconnect(installation)

    out = await installation.get(post["id"])
    assert (ending(out), out["platforms"][1]["status"]) == (OUT, "published")
    assert [len(installation.posts(name)) for name in ("MASTODON", "TWITTER")] == [1, 1]


@pytest.mark.parametrize(
    ("policy", "expected", "last"),
    [
        ("publish", ("partial", "pending", "late"), "post.held"),
        ("hold", ("partial", "pending", "late"), "post.held"),
        ("skip", ("published", "skipped", None), "post.published"),
    ],
)
async def test_what_is_left_of_a_post_that_is_partly_out_follows_its_policy_too(
    installation: Installation, policy: str, expected: tuple[str, str, str | None], last: str
) -> None:
    post = await stopped(installation, "MASTODON", "TWITTER", latePolicy=policy)

    installation.clock.advance(days=2)
    await reconnect(installation)

    assert ending(await installation.get(post["id"])) == expected
    assert (await told(installation, post))[-1][0] == last
    assert installation.posts("MASTODON") == []


async def test_a_post_that_was_sent_out_by_hand_waits_like_any_other(
    installation: Installation,
) -> None:
    await installation.fault(kind="revoked_token", platform="MASTODON", effect="publish")

    post = await installation.publish("MASTODON")
    assert ending(post) == WAITS
    await reconnect(installation)

    assert ending(await installation.get(post["id"])) == OUT


@pytest.mark.parametrize("order", ["publish", "cancel"])
async def test_a_waiting_post_obeys_a_word_like_any_scheduled_one(
    installation: Installation, order: str
) -> None:
    post = await stopped(installation)

    answer = await installation.api.post(f"/v1/posts/{post['id']}/{order}")
    await installation.run_due()
    await reconnect(installation)

    assert answer.status_code == 200
    shown = await installation.get(post["id"])
    assert (shown["status"], len(installation.posts("MASTODON"))) == (
        ("published", 1) if order == "publish" else ("cancelled", 0)
    )


@statements("V153")
async def test_a_retry_leaves_it_and_says_why(installation: Installation) -> None:
    post = await stopped(installation, "MASTODON", "TWITTER")

    answer = await installation.api.post(f"/v1/posts/{post['id']}/retry")

    assert [each["reason"] for each in answer.json()["skippedPlatforms"]] == [
        "account_needs_reconnect"
    ]
    assert installation.posts("MASTODON") == []


async def test_a_disconnected_account_is_waited_for_by_nobody(installation: Installation) -> None:
    account = installation.accounts["MASTODON"]
    await installation.db.write(
        lambda session: accounts.disconnect(
            session, installation.workspace_id, account.id, installation.clock()
        )
    )

    post = await installation.publish("MASTODON")

    assert ending(post) == ("failed", "failed", None)


async def test_nothing_of_a_thread_that_went_out_is_sent_again(installation: Installation) -> None:
    items = [{"sequence": number, "content": f"{number}/"} for number in (1, 2, 3)]
    post = await installation.create("TWITTER", threadPosts=items, scheduledFor=AT)
    await installation.fault(kind="slow", platform="TWITTER", effect="publish", seconds=0)
    await installation.fault(kind="revoked_token", platform="TWITTER", effect="publish")
    installation.clock.advance(hours=1)
    await installation.run_due()
    assert ending(await installation.get(post["id"])) == WAITS
    assert [entry.text for entry in installation.posts("TWITTER")] == ["1/"]

    connected = {"platform": "TWITTER", "credentials": {"accessToken": "sandbox:oncue"}}
    await installation.api.post("/v1/accounts", json=connected)
    await installation.errands()
    await installation.run_due()

    assert [entry.text for entry in installation.posts("TWITTER")] == ["1/", "2/", "3/"]
