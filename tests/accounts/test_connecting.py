"""Connecting with credentials: the network has the first word, and its words are passed on."""

from dataclasses import replace

import pytest

from installation import Installation
from oncue.accounts.connecting import connect_account
from oncue.accounts.models import Account
from oncue.accounts.service import NewAccount
from oncue.accounts.wire import Wire
from oncue.errors import Invalid, Unavailable
from oncue.sandbox.identities import USERS

pytestmark = pytest.mark.anyio


def new(platform: str, name: str = "maria") -> NewAccount:
    user = USERS[platform](name)
    return NewAccount(platform=platform, credentials=user.credentials, server=user.server)


async def connect(oncue: Installation, platform: str, wire: Wire | None = None) -> Account:
    return await connect_account(wire or oncue.services.wire, oncue.workspace_id, new(platform))


@pytest.mark.parametrize("platform", sorted(USERS))
async def test_an_account_is_connected_as_the_network_knows_it_and_can_be_published_to(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform)

    expected = USERS[platform]("maria")
    assert (account.native_id, account.status) == (expected.native_id, "active")
    installation.accounts[platform] = account
    assert (await installation.publish(platform))["status"] == "published"
    assert [entry.account for entry in installation.posts(platform)] == [expected.username]


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("TWITTER", "Unauthorized"),
        ("MASTODON", "The access token was revoked"),
        ("BLUESKY", "Invalid identifier or password"),
        ("TELEGRAM", "Unauthorized"),
    ],
)
async def test_credentials_the_network_refuses_are_invalid_in_its_own_words(
    installation: Installation, platform: str, words: str
) -> None:
    await installation.fault(kind="revoked_token", platform=platform, times=5)

    with pytest.raises(Invalid) as refused:
        await connect(installation, platform)

    [issue] = refused.value.issues
    assert issue.field == "credentials"
    assert words in issue.message


@pytest.mark.parametrize("kind", ["unavailable", "rate_limit", "accept_then_500", "garbage"])
async def test_a_network_that_cannot_say_is_asked_again_later(
    installation: Installation, kind: str
) -> None:
    for effect in ("poll", "token"):
        await installation.fault(kind=kind, effect=effect, times=20)

    for platform in USERS:
        with pytest.raises(Unavailable):
            await connect(installation, platform)

    assert await numbers(installation) == 4


async def test_a_network_that_is_down_is_asked_again_later(
    installation: Installation, free_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{free_port}"
    down = replace(installation.services.settings, sandbox_url=nowhere)
    wire = replace(installation.services.wire, settings=down)

    for platform in USERS:
        with pytest.raises(Unavailable):
            await connect(installation, platform, wire)

    assert await numbers(installation) == 4


async def numbers(oncue: Installation) -> int:
    """How many accounts the workspace has."""
    answer = await oncue.api.get("/v1/accounts", params={"status": "all"})
    return len(answer.json()["data"])


async def test_what_is_incomplete_is_refused_before_anybody_is_asked(
    installation: Installation, free_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{free_port}"
    down = replace(installation.services.settings, sandbox_url=nowhere)
    wire = replace(installation.services.wire, settings=down)

    with pytest.raises(Invalid):
        await connect_account(
            wire, installation.workspace_id, NewAccount(platform="TELEGRAM", credentials={})
        )
