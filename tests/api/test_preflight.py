"""GET /v1/posts/preflight: each network's tier now, and what a person can do about it."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from api.answers import invalid, problem, rows
from installation import Installation
from oncue.accounts import service as accounts
from oncue.accounts.models import Account
from oncue.posts.models import Destination
from oncue.settings import PLATFORMS
from statements import statements

pytestmark = pytest.mark.anyio

GREEN = {"tier": "GREEN", "tierLabel": "Optimal", "guidance": [], "isVerified": True}


async def results(installation: Installation, platforms: str, **query: str) -> list[dict[str, Any]]:
    answer = await installation.api.get(
        "/v1/posts/preflight", params={"platforms": platforms} | query
    )
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["platformResults"]
    found: list[dict[str, Any]] = answer.json()["platformResults"]
    return found


async def verdict(installation: Installation, platform: str, **query: str) -> tuple[str, list[str]]:
    [found] = await results(installation, platform, **query)
    assert found["platform"] == platform
    return found["tier"], found["guidance"]


async def change(installation: Installation, account: str, **values: object) -> None:
    """Write the account on a platform, as what happens elsewhere would."""
    account_id = installation.accounts[account].id

    def work(session: Session) -> None:
        session.execute(update(Account).where(Account.id == account_id).values(**values))

    await installation.db.write(work)


@statements("V241", "V242", "V243", "V244", "V245")
async def test_healthy_networks_are_green_in_the_order_asked_for(
    installation: Installation,
) -> None:
    before = await rows(installation)

    told = await results(installation, "TWITTER, mastodon,BLUESKY", text="Hello")

    assert told == [{"platform": name} | GREEN for name in ("TWITTER", "MASTODON", "BLUESKY")]
    assert await rows(installation) == before


@statements("V241", "V243")
async def test_a_network_without_an_account_is_red_and_not_verified(
    installation: Installation,
) -> None:
    [told] = await results(installation, "INSTAGRAM")

    assert told == {
        "platform": "INSTAGRAM",
        "tier": "RED",
        "tierLabel": "High risk",
        "guidance": ["Connect an account on Instagram: there is none."],
        "isVerified": False,
    }


@statements("V241")
async def test_every_network_can_be_asked_about_at_once(installation: Installation) -> None:
    told = await results(installation, ",".join(PLATFORMS), text="Hello")

    assert [each["platform"] for each in told] == list(PLATFORMS)


@statements("V241")
@pytest.mark.parametrize(
    ("platforms", "refused"),
    [
        ("", invalid("platforms[0]")),
        ("MYSPACE", invalid("platforms[0]")),
        ("TWITTER,", invalid("platforms[1]")),
        ("TWITTER,MASTODON,twitter", invalid("platforms[2]")),
        ("acc_01h455vb4pex5vsknk084sn02q", invalid("platforms[0]")),
        (",".join(["TWITTER"] * 16), invalid("platforms", limit=15, actual=16)),
    ],
)
async def test_platforms_that_are_none_or_named_twice_are_refused(
    installation: Installation, platforms: str, refused: object
) -> None:
    answer = await installation.api.get("/v1/posts/preflight", params={"platforms": platforms})

    assert problem(answer) == refused


@statements("V241")
async def test_platforms_are_needed(installation: Installation) -> None:
    assert problem(await installation.api.get("/v1/posts/preflight")) == invalid("platforms")


@statements("V242")
async def test_a_text_is_held_against_each_networks_own_rules(installation: Installation) -> None:
    told = await results(installation, "TWITTER,MASTODON,BLUESKY,TELEGRAM", text="#" * 301)

    assert {each["platform"]: each["tier"] for each in told} == {
        "TWITTER": "RED",
        "MASTODON": "GREEN",
        "BLUESKY": "RED",
        "TELEGRAM": "GREEN",
    }
    assert told[0]["guidance"] == [
        "Change the text: X takes 280 weighted characters; this has 301."
    ]


@statements("V242")
@pytest.mark.parametrize("text", ["", "   "])
async def test_a_text_that_says_nothing_yet_is_no_problem(
    installation: Installation, text: str
) -> None:
    assert await verdict(installation, "TWITTER", text=text) == ("GREEN", [])


async def test_what_a_network_wants_beside_a_text_is_not_asked_here(
    installation: Installation,
) -> None:
    await change(installation, "MASTODON", platform="INSTAGRAM")

    assert await verdict(installation, "INSTAGRAM", text="A caption") == ("GREEN", [])


async def test_accounts_that_have_expired_are_told_of(installation: Installation) -> None:
    await change(installation, "MASTODON", status="expired")
    alone = await verdict(installation, "MASTODON")
    await installation.new_account("MASTODON", "maria")
    beside = await verdict(installation, "MASTODON")

    assert alone == ("RED", ["Reconnect Mastodon: no account there is authorised any more."])
    assert beside == ("YELLOW", ["Reconnect what has expired: 1 of 2 accounts on Mastodon."])


async def test_a_disconnected_account_does_not_count(installation: Installation) -> None:
    await installation.db.write(
        lambda session: accounts.disconnect(
            session,
            installation.workspace_id,
            installation.accounts["MASTODON"].id,
            installation.clock(),
        )
    )

    assert await verdict(installation, "MASTODON") == (
        "RED",
        ["Connect an account on Mastodon: there is none."],
    )


@pytest.mark.parametrize(("failures", "tier"), [(1, "YELLOW"), (5, "RED")])
async def test_failures_of_the_last_day_are_told_of_and_then_forgotten(
    installation: Installation, failures: int, tier: str
) -> None:
    await installation.fault(kind="reject", platform="MASTODON", times=failures)
    for _ in range(failures):
        await installation.publish("MASTODON")

    today = await verdict(installation, "MASTODON")
    elsewhere = await verdict(installation, "BLUESKY")
    installation.clock.advance(hours=24, seconds=1)
    tomorrow = await verdict(installation, "MASTODON")

    assert (today[0], len(today[1])) == (tier, 1)
    assert elsewhere == tomorrow == ("GREEN", [])


@pytest.mark.parametrize(
    ("at", "tier"),
    [
        ("2026-11-22T12:59:00Z", "YELLOW"),
        ("2026-11-22T13:00:00Z", "GREEN"),
    ],
)
async def test_posts_within_an_hour_ask_for_some_room(
    installation: Installation, at: str, tier: str
) -> None:
    await installation.create("MASTODON", scheduledFor=at)

    assert (await verdict(installation, "MASTODON"))[0] == tier


async def test_what_was_published_within_the_hour_counts_too(installation: Installation) -> None:
    await installation.publish("MASTODON")

    soon = await verdict(installation, "MASTODON")
    installation.clock.advance(hours=1, seconds=1)
    later = await verdict(installation, "MASTODON")

    assert soon == (
        "YELLOW",
        ["Leave some room: Mastodon already gets 1 post within an hour of now."],
    )
    assert later == ("GREEN", [])


async def test_drafts_and_what_waits_for_approval_do_not_count(installation: Installation) -> None:
    await installation.create("MASTODON")
    post = await installation.create("MASTODON", scheduledFor="2026-11-22T12:30:00Z")
    await installation.api.post(f"/v1/posts/{post['id']}/start-approval")

    assert await verdict(installation, "MASTODON") == ("GREEN", [])


@pytest.mark.parametrize(
    ("count", "accounts", "tier"),
    [(11, 1, "GREEN"), (12, 1, "YELLOW"), (15, 1, "RED"), (15, 2, "GREEN"), (30, 2, "RED")],
)
async def test_a_day_fills_up_by_the_networks_limit_for_each_account(
    installation: Installation, count: int, accounts: int, tier: str
) -> None:
    """TikTok takes 15 posts a day of one account; no network that is built has a limit."""
    if accounts == 2:
        await installation.new_account("MASTODON", "maria")
    await installation.create("MASTODON")
    for _ in range(count - 1):
        await installation.create("MASTODON", scheduledFor="2026-11-22T20:00:00Z")
    await installation.create("MASTODON", scheduledFor="2026-11-23T00:00:00Z")
    await as_tiktok(installation)

    assert (await verdict(installation, "TIKTOK"))[0] == tier


async def as_tiktok(installation: Installation) -> None:
    """Have Mastodon's accounts and posts be TikTok's, and drafts be published since midnight."""

    def work(session: Session) -> None:
        session.execute(
            update(Account).where(Account.platform == "MASTODON").values(platform="TIKTOK")
        )
        session.execute(
            update(Destination)
            .where(Destination.state == "idle")
            .values(state="published", published_at=installation.clock().replace(hour=0))
        )
        session.execute(update(Destination).values(platform="TIKTOK"))

    await installation.db.write(work)


async def test_another_workspaces_accounts_and_posts_are_nothing_to_us(
    installation: Installation,
) -> None:
    await installation.publish("MASTODON")
    key = await installation.new_key(workspace_id=await installation.new_workspace())

    answer = await installation.api.get(
        "/v1/posts/preflight",
        params={"platforms": "MASTODON"},
        headers={"authorization": f"Bearer {key}"},
    )

    [told] = answer.json()["platformResults"]
    assert told["guidance"] == ["Connect an account on Mastodon: there is none."]
