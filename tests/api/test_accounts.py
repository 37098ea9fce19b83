"""/v1/accounts: connecting with credentials, and reading what is connected, without secrets."""

from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import update

from api.answers import NOBODY, invalid, problem, rows, too_long
from installation import Installation
from oncue.accounts.models import Account
from oncue.lib import ids

pytestmark = pytest.mark.anyio

SERVER = "https://mastodon.sandbox.test"


async def connect(installation: Installation, **body: Any) -> httpx.Response:
    """POST a Mastodon account of the user maria, with these differences."""
    asked = {
        "platform": "MASTODON",
        "credentials": {"accessToken": "sandbox:maria"},
        "serverUrl": SERVER,
    }
    return await installation.api.post("/v1/accounts", json=asked | body)


async def listed(installation: Installation, query: str = "") -> list[str]:
    """The platforms of the accounts on the first page."""
    answer = await installation.api.get(f"/v1/accounts{query}")
    assert answer.status_code == 200, answer.text
    return [account["platform"] for account in answer.json()["data"]]


async def test_an_account_is_connected_once_the_network_has_vouched_for_it(
    installation: Installation,
) -> None:
    answer = await connect(installation)

    account = answer.json()
    assert answer.status_code == 201
    assert account == {
        "id": account["id"],
        "number": 5,
        "platform": "mastodon",
        "username": "maria",
        "displayName": "Maria",
        "avatarUrl": None,
        "accountType": None,
        "status": "active",
        "connectedAt": "2026-11-22T12:00:00.000Z",
    }
    assert ids.from_typeid("acc", account["id"])
    read = await installation.api.get(f"/v1/accounts/{account['id']}")
    assert read.json() == account


async def test_a_connected_account_publishes(installation: Installation) -> None:
    account = (await connect(installation)).json()

    await installation.publish(accountIds=[account["id"]], content="Hi")

    assert [(e.account, e.text) for e in installation.posts("MASTODON")] == [("maria", "Hi")]


async def test_an_account_connected_again_stays_the_same(installation: Installation) -> None:
    first = (await connect(installation)).json()
    before = await rows(installation)

    again = (await connect(installation, displayName="Maria at work")).json()

    assert again == first | {"displayName": "Maria at work"}
    assert await rows(installation) == {**before, "event": before["event"] + 1}


@pytest.mark.parametrize(
    "server",
    [
        "https://mastodon.sandbox.test/",
        "HTTPS://Mastodon.Sandbox.Test",
        "https://mastodon.sandbox.test:443",
        " https://mastodon.sandbox.test",
    ],
)
async def test_a_server_that_is_written_differently_is_the_same_server(
    installation: Installation, server: str
) -> None:
    first = (await connect(installation)).json()

    again = await connect(installation, serverUrl=server)

    assert again.json()["id"] == first["id"]


async def test_every_way_in_leads_to_an_account(installation: Installation) -> None:
    ways: dict[str, dict[str, Any]] = {
        "bluesky": {"identifier": "maria", "appPassword": "sandbox:maria"},
        "Telegram": {"botToken": "1:sandbox:maria", "chatId": "@maria"},
        "TWITTER": {"accessToken": "sandbox:maria"},
    }

    made = [
        await connect(installation, platform=platform, credentials=credentials, serverUrl=None)
        for platform, credentials in ways.items()
    ]

    assert [answer.status_code for answer in made] == [201] * 3
    assert await listed(installation) == [
        *("twitter", "bluesky", "mastodon", "telegram"),
        *("bluesky", "telegram", "twitter"),
    ]


async def test_what_cannot_be_an_account_is_refused_and_leaves_nothing(
    installation: Installation,
) -> None:
    before = await rows(installation)
    wrong: dict[str, tuple[dict[str, Any], object]] = {
        "a network not built": ({"platform": "SNAPCHAT"}, invalid("platform")),
        "no network": ({"platform": "MYSPACE"}, invalid("platform")),
        "a platform that is no text": ({"platform": 1}, invalid("platform")),
        "no token": ({"credentials": {}}, invalid("credentials.accessToken")),
        "an empty one": ({"credentials": {"accessToken": ""}}, invalid("credentials.accessToken")),
        "a number": ({"credentials": {"accessToken": 1}}, invalid("credentials.accessToken")),
        "a line break": (
            {"credentials": {"accessToken": "sandbox:maria\r\nX-Evil: 1"}},
            invalid("credentials.accessToken"),
        ),
        "a NUL": (
            {"credentials": {"accessToken": "sandbox:\x00"}},
            invalid("credentials.accessToken"),
        ),
        "a long one": (
            {"credentials": {"accessToken": "x" * 10_001}},
            too_long("credentials.accessToken", 10_000),
        ),
        "credentials of another shape": ({"credentials": "sandbox:maria"}, invalid("credentials")),
        "no server": ({"serverUrl": None}, invalid("serverUrl")),
        "a long name": ({"displayName": "x" * 201}, too_long("displayName", 200)),
        "a field too many": ({"token": "sandbox:maria"}, invalid("token")),
    }

    refused = {
        name: problem(await connect(installation, **body)) for name, (body, _) in wrong.items()
    }

    assert refused == {name: refusal for name, (_, refusal) in wrong.items()}
    assert await rows(installation) == before


async def test_a_secret_is_never_repeated_to_whoever_sent_it(installation: Installation) -> None:
    secrets: list[Any] = ["hush-hush", {"accessToken": 4711}, {"accessToken": ["hush-hush"]}]

    answers = [await connect(installation, credentials=secret) for secret in secrets]
    connected = await connect(installation, credentials={"accessToken": "sandbox:hush-hush"})
    account_id = connected.json()["id"]
    read = await installation.api.get(f"/v1/accounts/{account_id}")

    assert [answer.status_code for answer in answers] == [400] * 3
    assert not any("hush" in answer.text or "4711" in answer.text for answer in answers)
    assert "sandbox:" not in connected.text + read.text


async def test_what_the_network_refuses_is_said_in_its_words(installation: Installation) -> None:
    await installation.fault(kind="revoked_token", platform="MASTODON")
    before = await rows(installation)

    answer = await connect(installation)

    assert problem(answer) == invalid("credentials")
    assert await rows(installation) == before


async def test_a_network_that_cannot_be_asked_now_is_a_503(installation: Installation) -> None:
    await installation.fault(kind="unavailable", platform="MASTODON", effect="poll", times=9)
    before = await rows(installation)

    answer = await connect(installation)

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)
    assert int(answer.headers["retry-after"]) > 0
    assert await rows(installation) == before


async def test_accounts_are_listed_in_the_order_they_were_connected_page_by_page(
    installation: Installation,
) -> None:
    first = (await installation.api.get("/v1/accounts?limit=3")).json()
    cursor = first["pagination"]["next_cursor"]
    second = (await installation.api.get("/v1/accounts", params={"cursor": cursor})).json()

    names = [account["platform"] for page in (first, second) for account in page["data"]]
    assert names == ["twitter", "bluesky", "mastodon", "telegram"]
    assert first["pagination"] == {
        "next_cursor": cursor,
        "has_more": True,
        "limit": 3,
        "nextCursor": cursor,
        "hasMore": True,
    }
    assert (second["pagination"]["next_cursor"], second["pagination"]["limit"]) == (None, 20)


async def test_accounts_can_be_narrowed_by_platform_and_status(installation: Installation) -> None:
    async def turn(platform: str, status: str) -> None:
        account_id = installation.accounts[platform].id
        await installation.db.write(
            lambda session: session.execute(
                update(Account).where(Account.id == account_id).values(status=status)
            )
        )

    await turn("TELEGRAM", "disconnected")
    await turn("BLUESKY", "expired")

    assert await listed(installation) == ["twitter", "bluesky", "mastodon"]
    assert await listed(installation, "?status=all") == [
        *("twitter", "bluesky", "mastodon", "telegram")
    ]
    assert await listed(installation, "?status=ACTIVE") == ["twitter", "mastodon"]
    assert await listed(installation, "?status=disconnected") == ["telegram"]
    assert await listed(installation, "?status=error") == ["bluesky"]
    assert await listed(installation, "?status=INACTIVE") == ["bluesky", "telegram"]
    assert await listed(installation, "?platform=mastodon") == ["mastodon"]
    assert problem(await installation.api.get("/v1/accounts?status=lost")) == invalid("status")


async def test_another_workspaces_account_is_as_unknown_as_nobodys(
    installation: Installation,
) -> None:
    elsewhere = await installation.new_workspace()
    stranger = await installation.new_account("MASTODON", "stranger", elsewhere)
    wrong = [ids.to_typeid("acc", stranger.id), ids.to_typeid("acc", NOBODY)]

    answers = [await installation.api.get(f"/v1/accounts/{account_id}") for account_id in wrong]

    assert [problem(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 2
    assert await listed(installation, "?status=all") == [
        *("twitter", "bluesky", "mastodon", "telegram")
    ]
