"""Accounts that their owners connect on the networks' own pages, from the first request on."""

from typing import Final

import pytest
from sqlalchemy import func, select

from api.answers import invalid, problem, rows
from browser import (
    Back,
    allow,
    begin,
    come_back,
    connect,
    hand_in,
    refuse,
    secrets_of,
    shown,
    speak_for,
    told,
)
from installation import Installation
from oncue.accounts.models import Account, OAuthFlow
from oncue.connectors.answers import Refused
from oncue.connectors.registry import CONNECTORS
from oncue.db.base import Base

pytestmark = pytest.mark.anyio

OAUTH: Final = ("TWITTER", "MASTODON", "BLUESKY")
THEIRS: Final = "https://app.example/back"
HERE: Final = "http://127.0.0.1:3000/back"
MARIA: Final = {"TWITTER": "maria", "MASTODON": "maria", "BLUESKY": "maria.sandbox.test"}
STATE_INVALID: Final = invalid("state", code="STATE_INVALID")

every_network = pytest.mark.parametrize("platform", OAUTH)


async def number_of(oncue: Installation, kind: type[Base]) -> int:
    counted = select(func.count()).select_from(kind)
    return await oncue.db.read(lambda session: session.scalar(counted) or 0)


@every_network
async def test_an_owner_who_says_yes_has_an_account_that_is_published_to(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)

    assert (account["platform"], account["username"], account["status"]) == (
        platform.lower(),
        MARIA[platform],
        "active",
    )
    assert await told(installation, account) == ["account.connected"]
    await speak_for(installation, platform, account)
    assert (await installation.publish(platform))["status"] == "published"
    assert [entry.account for entry in installation.posts(platform)] == [MARIA[platform]]


@every_network
async def test_without_an_address_of_the_callers_the_browser_comes_back_to_us(
    installation: Installation, platform: str
) -> None:
    begun = await begin(installation, platform)
    back = await allow(begun["authUrl"])

    page = await come_back(installation, back)

    assert back.address == "http://127.0.0.1:8080/oauth/callback"
    assert page.status_code == 200
    assert f"{MARIA[platform]} on" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    listed = (await installation.api.get("/v1/accounts", params={"platform": platform})).json()
    assert [each["username"] for each in listed["data"]][1:] == [MARIA[platform]]


async def test_who_comes_back_without_end_is_asked_to_wait(installation: Installation) -> None:
    nobody = Back("", {"state": "made up"})

    pages = [await come_back(installation, nobody) for _ in range(121)]

    assert [page.status_code for page in pages] == [400] * 120 + [429]
    assert "Too many people" in pages[-1].text
    stranger = await installation.api.get("/v1/posts", headers={"authorization": ""})
    assert stranger.status_code == 401


async def test_what_a_page_says_is_shown_as_text(installation: Installation) -> None:
    begun = await begin(installation, "TWITTER")
    said = {"state": begun["state"], "error": "x", "error_description": "<script>alert(1)</script>"}

    page = await come_back(installation, Back("", said))

    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "X says: &lt;script&gt;" in page.text


async def test_a_program_that_names_only_the_network_is_given_an_address(
    installation: Installation,
) -> None:
    answer = await installation.api.post("/v1/accounts/connect", json={"platform": "twitter"})

    assert list(answer.json()) == ["url"]
    page = await come_back(installation, await allow(answer.json()["url"]))
    assert page.status_code == 200


async def test_an_address_goes_by_either_name(installation: Installation) -> None:
    begun = await begin(installation, "TWITTER", callbackUrl=THEIRS, pageMode="personal")

    assert begun["authorizationUrl"] == begun["authUrl"]
    assert (await allow(begun["authUrl"])).address == THEIRS
    both = {"callbackUrl": THEIRS, "redirectUri": HERE}
    answer = await installation.api.post("/v1/accounts/connect/twitter", json=both)
    assert problem(answer) == invalid("callbackUrl")


@every_network
async def test_an_owner_who_says_no_has_no_account(
    installation: Installation, platform: str
) -> None:
    before = await number_of(installation, Account)
    theirs = await begin(installation, platform, redirectUri=HERE)
    ours = await begin(installation, platform)

    answer = await hand_in(installation, platform, await refuse(theirs["authUrl"]))
    page = await come_back(installation, await refuse(ours["authUrl"]))

    assert problem(answer) == invalid("error")
    assert "access was denied" in answer.json()["error"]["message"]
    assert (page.status_code, "Access was denied on" in page.text) == (400, True)
    assert await number_of(installation, Account) == before


@every_network
async def test_a_state_is_good_once(installation: Installation, platform: str) -> None:
    begun = await begin(installation, platform, redirectUri=HERE)
    back = await allow(begun["authUrl"])
    assert (await hand_in(installation, platform, back)).status_code == 200
    before = await rows(installation)

    again = await hand_in(installation, platform, back)
    in_a_browser = await come_back(installation, back)

    assert problem(again) == STATE_INVALID
    assert in_a_browser.status_code == 400
    assert await rows(installation) == before


async def test_a_state_is_good_for_ten_minutes(installation: Installation) -> None:
    early, late = [await begin(installation, "MASTODON", redirectUri=THEIRS) for _ in range(2)]
    first, second = await allow(early["authUrl"]), await allow(late["authUrl"])

    installation.clock.advance(minutes=9, seconds=59)
    in_time = await hand_in(installation, "MASTODON", first)
    installation.clock.advance(seconds=1)
    too_late = await hand_in(installation, "MASTODON", second)

    assert in_time.status_code == 200
    assert problem(too_late) == STATE_INVALID


async def test_a_state_is_good_for_its_workspace_and_its_network_alone(
    installation: Installation,
) -> None:
    begun = await begin(installation, "TWITTER", redirectUri=THEIRS)
    back = await allow(begun["authUrl"])
    body = {**back.said, "redirectUri": THEIRS}
    key = await installation.new_key(workspace_id=await installation.new_workspace())

    foreign = await installation.api.post(
        "/v1/accounts/callback/twitter", json=body, headers={"authorization": f"Bearer {key}"}
    )
    elsewhere = await installation.api.post("/v1/accounts/callback/mastodon", json=body)
    random = await installation.api.post(
        "/v1/accounts/callback/twitter", json=body | {"state": "made up"}
    )

    assert [problem(each) for each in (foreign, elsewhere, random)] == [STATE_INVALID] * 3
    assert foreign.text == elsewhere.text == random.text
    assert (await hand_in(installation, "TWITTER", back)).status_code == 200


async def test_only_a_digest_of_a_state_is_kept(installation: Installation) -> None:
    begun = await begin(installation, "TWITTER")

    kept = await installation.db.read(
        lambda session: session.execute(select(OAuthFlow.__table__)).one()
    )

    assert begun["state"] in begun["authUrl"]
    assert begun["state"] not in repr(kept)
    assert kept.sealed.startswith("v1:test:")


async def test_a_browser_is_let_in_only_where_it_was_to_come_back_to_us(
    installation: Installation,
) -> None:
    begun = await begin(installation, "TWITTER", redirectUri=THEIRS)
    back = await allow(begun["authUrl"])

    page = await come_back(installation, back)

    assert page.status_code == 400
    assert (await hand_in(installation, "TWITTER", back)).status_code == 200


async def test_what_nobody_came_back_for_is_forgotten(installation: Installation) -> None:
    await begin(installation, "TWITTER")

    installation.clock.advance(minutes=11)
    await installation.errands()

    assert await number_of(installation, OAuthFlow) == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/back",
        "ftp://app.example/back",
        "javascript:alert(1)",
        "https://",
        "/back",
        "https://app.example/back#part",
        "https://user@app.example/back",
        "http://127.0.0.1.app.example/back",
        "https://[::1",
    ],
)
async def test_people_are_sent_back_over_https_or_to_their_own_machine(
    installation: Installation, address: str
) -> None:
    answer = await installation.api.post(
        "/v1/accounts/connect/twitter", json={"redirectUri": address}
    )

    assert problem(answer) == invalid("redirectUri")


@pytest.mark.parametrize("address", [THEIRS, HERE, "http://localhost:3000/", "http://[::1]:1/a?b"])
async def test_the_address_that_was_given_is_the_one_that_is_held_to(
    installation: Installation, address: str
) -> None:
    begun = await begin(installation, "TWITTER", redirectUri=address)
    back = await allow(begun["authUrl"])

    other = await hand_in(installation, "TWITTER", back, redirectUri="https://app.example/other")
    begun = await begin(installation, "TWITTER", redirectUri=address)
    back = await allow(begun["authUrl"])
    same = await hand_in(installation, "TWITTER", back, redirectUri=address)

    assert problem(other) == invalid("redirectUri")
    assert same.status_code == 200


async def test_an_answer_from_another_server_is_not_believed(installation: Installation) -> None:
    for changed in ({"iss": "https://evil.example"}, {"iss": None}):
        begun = await begin(installation, "BLUESKY", redirectUri=HERE)
        back = await allow(begun["authUrl"])

        answer = await hand_in(installation, "BLUESKY", back, **changed)

        assert problem(answer) == invalid("iss")


async def test_a_code_that_is_none_is_refused_in_the_networks_words(
    installation: Installation,
) -> None:
    begun = await begin(installation, "TWITTER", redirectUri=THEIRS)
    back = await allow(begun["authUrl"])

    wrong = await hand_in(installation, "TWITTER", back, code="canary")
    begun = await begin(installation, "TWITTER", redirectUri=THEIRS)
    nothing = Back(THEIRS, {"state": begun["state"]})
    without = await hand_in(installation, "TWITTER", nothing)

    assert problem(wrong) == invalid("code")
    assert "authorization code was invalid" in wrong.json()["error"]["message"]
    assert "canary" not in wrong.text
    assert problem(without) == invalid("code")


async def test_an_answer_that_is_lost_is_told_as_such(installation: Installation) -> None:
    begun = await begin(installation, "TWITTER", redirectUri=THEIRS)
    back = await allow(begun["authUrl"])
    await installation.fault(kind="accept_then_drop", platform="TWITTER", effect="token")

    answer = await hand_in(installation, "TWITTER", back)

    assert problem(answer) == (503, "SERVICE_UNAVAILABLE", None)


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("telegram", "is connected with credentials"),
        ("linkedin", "cannot be connected yet"),
        ("myspace", "is not one of"),
    ],
)
async def test_a_network_without_such_a_page_says_what_to_do(
    installation: Installation, platform: str, words: str
) -> None:
    answer = await installation.api.post(f"/v1/accounts/connect/{platform}", json={})

    assert problem(answer) == invalid("platform")
    assert words in answer.json()["error"]["message"]


async def test_a_network_without_servers_lets_nobody_name_one(installation: Installation) -> None:
    body = {"serverUrl": "https://x.example"}

    answer = await installation.api.post("/v1/accounts/connect/twitter", json=body)

    assert problem(answer) == invalid("serverUrl")
    assert "no servers to choose" in answer.json()["error"]["message"]


async def test_a_server_that_is_written_differently_is_the_same_server(
    installation: Installation,
) -> None:
    first = await connect(installation, "MASTODON", serverUrl="https://mastodon.example")

    again = await connect(installation, "MASTODON", serverUrl="HTTPS://Mastodon.Example:443/")

    assert again["id"] == first["id"]


async def test_a_handle_that_is_none_is_named(installation: Installation) -> None:
    body = {"handle": "not a handle"}

    answer = await installation.api.post("/v1/accounts/connect/bluesky", json=body)

    assert problem(answer) == invalid("handle")


@pytest.mark.parametrize("address", ["https://app.example/b ack", "https://app.example/b\nack"])
async def test_an_address_with_white_space_is_none(
    installation: Installation, address: str
) -> None:
    body = {"redirectUri": address}

    answer = await installation.api.post("/v1/accounts/connect/twitter", json=body)

    assert problem(answer) == invalid("redirectUri")


async def test_a_network_without_pages_lets_nobody_choose_one(installation: Installation) -> None:
    answer = await installation.api.post("/v1/accounts/connect/twitter", json={"pageMode": "page"})

    assert problem(answer) == invalid("pageMode", code="PAGE_SELECTION_NOT_SUPPORTED")


@every_network
async def test_connecting_again_keeps_the_account_and_its_posts(
    installation: Installation, platform: str
) -> None:
    first = await connect(installation, platform, redirectUri=HERE)
    await installation.api.delete(f"/v1/accounts/{first['id']}")

    again = await connect(installation, platform, redirectUri=HERE)

    assert (again["id"], again["number"], again["status"]) == (
        first["id"],
        first["number"],
        "active",
    )
    assert await told(installation, first) == [
        "account.connected",
        "account.disconnected",
        "account.connected",
    ]


@every_network
async def test_disconnecting_ends_the_grant_at_the_network(
    installation: Installation, platform: str
) -> None:
    account = await connect(installation, platform, redirectUri=HERE)
    held = await secrets_of(installation, account)

    answer = await installation.api.delete(f"/v1/accounts/{account['id']}")

    assert answer.json() == {"success": True}
    assert (await shown(installation, account))["status"] == "disconnected"
    wire, connector = installation.services.wire, CONNECTORS[platform]
    with pytest.raises(Refused):
        await wire.identify(connector, held, "", wire.place(connector, ""))


async def test_what_one_workspace_ends_another_keeps(installation: Installation) -> None:
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    ours = await connect(installation, "MASTODON")
    installation.api.headers["authorization"] = f"Bearer {key}"
    theirs = await connect(installation, "MASTODON")

    await installation.api.delete(f"/v1/accounts/{theirs['id']}")

    installation.api.headers["authorization"] = f"Bearer {installation.key}"
    tested = await installation.api.post(f"/v1/accounts/{ours['id']}/test")
    assert tested.json()["success"] is True


async def test_a_network_that_is_down_does_not_keep_an_account_connected(
    installation: Installation,
) -> None:
    account = await connect(installation, "TWITTER")
    await installation.fault(kind="unavailable", platform="TWITTER", times=9)

    answer = await installation.api.delete(f"/v1/accounts/{account['id']}")

    assert answer.status_code == 200
    assert (await shown(installation, account))["status"] == "disconnected"
