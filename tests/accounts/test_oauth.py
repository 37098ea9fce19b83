"""From a handle to an account, over servers of many names; and what is found tampered with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from accounts.internet import DID, ENTRY, PDS, Guarded, Internet, bluesky, document, metadata
from browser import allow, begin, connect, hand_in
from installation import Installation
from oncue.accounts import oauth
from oncue.accounts import queries as accounts
from oncue.accounts.checking import say_goodbye
from oncue.accounts.connecting import Vouched, keep
from oncue.accounts.models import Account, ClientKey, OAuthFlow, RegisteredApp, WorkspaceApp
from oncue.accounts.oauth import Returned, Wanted
from oncue.accounts.tokens import load
from oncue.accounts.wire import Wire
from oncue.connectors.base import BINDING_KEY
from oncue.db.base import Base
from oncue.db.sealed import Place
from oncue.errors import Invalid, Unavailable
from oncue.lib import ids

pytestmark = pytest.mark.anyio

VICTIM: Final = "did:plc:victimvictimvictimvictim"


def online(oncue: Installation, internet: Internet, **settings: Any) -> Wire:
    """How an installation without any setting reaches the networks."""
    wire = oncue.services.wire
    return replace(
        wire,
        http=internet,
        guarded=Guarded(internet),
        settings=replace(wire.settings, sandbox_url="", **settings),
    )


THERE: Final = Wanted(platform="BLUESKY", server=PDS)


async def come(
    oncue: Installation, wire: Wire, wanted: Wanted = THERE, issuer: str = ENTRY
) -> Vouched:
    """Begin, and come back from the page with a code."""
    begun = await oauth.begin(wire, oncue.workspace_id, wanted)
    return await oauth.finish(wire, begun.flow, Returned(code="c", issuer=issuer))


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(platform="BLUESKY", handle="@maria.test"),
        Wanted(platform="BLUESKY", handle=DID),
        Wanted(platform="BLUESKY", server=f"{PDS}/"),
    ],
)
async def test_whatever_is_named_the_account_is_found_at_its_server(
    installation: Installation, wanted: Wanted
) -> None:
    internet = Internet(bluesky())
    wire = online(installation, internet)

    begun = await oauth.begin(wire, installation.workspace_id, wanted)
    vouched = await oauth.finish(wire, begun.flow, Returned(code="c", issuer=ENTRY))

    assert begun.url.startswith(f"{ENTRY}/authorize?client_id=http%3A%2F%2Flocalhost")
    assert (vouched.new.server, vouched.identity.native_id) == (PDS, DID)
    assert vouched.new.expires_at is not None
    pushed = internet.sent_to(f"{ENTRY}/par").form or {}
    assert pushed.get("login_hint", "") == wanted.handle
    assert internet.hosts_that_saw("canary-access") == {"pds.test"}
    assert internet.hosts_that_saw(begun.flow.kept[BINDING_KEY]) == set()


async def test_an_entryway_lets_in_whose_server_it_is_not(installation: Installation) -> None:
    social = "https://bsky.social"
    answers = bluesky()
    answers[f"{social}/.well-known/oauth-authorization-server"] = metadata(social)
    answers[f"{social}/.well-known/oauth-protected-resource"] = {"authorization_servers": [social]}
    answers[f"{social}/par"], answers[f"{social}/token"] = (
        answers[f"{ENTRY}/par"],
        answers[f"{ENTRY}/token"],
    )
    answers[f"{PDS}/.well-known/oauth-protected-resource"] = {"authorization_servers": [social]}

    vouched = await come(
        installation, online(installation, Internet(answers)), Wanted(platform="BLUESKY"), social
    )

    assert vouched.new.server == PDS


async def test_a_server_cannot_give_access_to_somebody_elses_account(
    installation: Installation,
) -> None:
    answers = bluesky()
    answers[f"{ENTRY}/token"] = answers[f"{ENTRY}/token"] | {"sub": VICTIM}
    answers[f"https://plc.directory/{VICTIM}"] = document(VICTIM, "https://honest.test")
    answers["https://honest.test/.well-known/oauth-protected-resource"] = {
        "authorization_servers": ["https://honest.test"]
    }
    internet = Internet(answers)

    with pytest.raises(Invalid, match="does not speak for"):
        await come(installation, online(installation, internet))

    assert internet.hosts_that_saw("canary-access") == set()


async def test_a_token_for_one_account_that_shows_another_is_not_believed(
    installation: Installation,
) -> None:
    session = f"{PDS}/xrpc/com.atproto.server.getSession"
    answers = bluesky(**{session: {"did": VICTIM, "handle": "victim.test"}})

    with pytest.raises(Invalid, match="shows another"):
        await come(installation, online(installation, Internet(answers)))


async def test_an_account_that_moves_to_another_server_stays_the_same(
    installation: Installation,
) -> None:
    moved = "https://moved.test"
    answers = bluesky()
    before = await come(installation, online(installation, Internet(answers)))
    answers[f"https://plc.directory/{DID}"] = document(DID, moved)
    for path in (".well-known/oauth-protected-resource", "xrpc/com.atproto.server.getSession"):
        answers[f"{moved}/{path}"] = answers[f"{PDS}/{path}"]
    after = await come(installation, online(installation, Internet(answers)))

    def keep_both(session: Session) -> list[Account]:
        wire, owner = installation.services.wire, installation.workspace_id
        return [keep(session, wire, owner, vouched) for vouched in (before, after)]

    first, second = await installation.db.write(keep_both)

    assert first.id == second.id
    assert (before.new.server, second.server) == (PDS, moved)


async def test_a_server_that_nobody_reaches_is_asked_again_later(
    installation: Installation,
) -> None:
    with pytest.raises(Unavailable, match="nobody is at"):
        await come(installation, online(installation, Internet()))


async def test_without_a_name_of_any_kind_there_is_no_mastodon_to_go_to(
    installation: Installation,
) -> None:
    wire = online(installation, Internet())

    with pytest.raises(Invalid, match="needs a server"):
        await oauth.begin(wire, installation.workspace_id, Wanted(platform="MASTODON"))


async def test_bluesky_cannot_read_who_we_are_without_https(installation: Installation) -> None:
    wire = online(installation, Internet(bluesky()), public_url="http://10.0.0.5:8080")

    with pytest.raises(Invalid, match="ONCUE_PUBLIC_URL"):
        await come(installation, wire)


async def test_people_are_sent_to_the_page_where_the_network_has_it(
    installation: Installation,
) -> None:
    wire = online(installation, Internet(), platform_apps={"TWITTER": ("ours", "secret")})

    begun = await oauth.begin(wire, installation.workspace_id, Wanted(platform="TWITTER"))

    assert begun.url.startswith("https://x.com/i/oauth2/authorize?response_type=code&")
    assert "secret" not in begun.url


async def test_what_was_handed_in_by_hand_is_not_ended_at_the_network(
    installation: Installation,
) -> None:
    internet = Internet()
    account = installation.accounts["TWITTER"]
    held = await load(installation.services.wire, installation.workspace_id, account.id)

    await say_goodbye(online(installation, internet), account, held)

    assert internet.asked == []


async def test_a_network_that_cannot_be_told_is_not_told(installation: Installation) -> None:
    shown = await connect(installation, "TWITTER")
    internet = Internet()
    wire = online(installation, internet, platform_apps={"TWITTER": ("oncue", "sandbox")})
    account = await installation.db.read(
        lambda session: accounts.get(
            session, installation.workspace_id, ids.from_typeid("acc", shown["id"])
        )
    )
    held = await load(wire, installation.workspace_id, account.id)

    await say_goodbye(wire, account, held)

    assert [each.url for each in internet.asked] == ["https://api.x.com/2/oauth2/revoke"]


async def spoil(oncue: Installation, kind: type[Base]) -> None:
    """Put what was sealed for another place into every row of a table."""
    table = kind.__table__
    assert isinstance(table, Table)
    sealed = oncue.services.vault.seal("canary", Place("elsewhere"))
    moved = update(table).values(sealed=sealed)
    await oncue.db.write(lambda session: session.execute(moved).close())


async def _spoil_flow(oncue: Installation) -> str:
    begun = await begin(oncue, "TWITTER", redirectUri="https://app.example/back")
    back = await allow(begun["authUrl"])
    await spoil(oncue, OAuthFlow)
    return (await hand_in(oncue, "TWITTER", back)).text


async def _spoil_registration(oncue: Installation) -> str:
    await connect(oncue, "MASTODON")
    await spoil(oncue, RegisteredApp)
    return str((await connect(oncue, "MASTODON"))["status"])


async def _spoil_app(oncue: Installation) -> str:
    await oncue.api.put("/v1/apps/twitter", json={"clientId": "ours", "clientSecret": "x"})
    account = await connect(oncue, "TWITTER")
    await spoil(oncue, WorkspaceApp)
    return (await oncue.api.post(f"/v1/accounts/{account['id']}/refresh")).text


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        (_spoil_flow, "STATE_INVALID"),
        (_spoil_registration, "active"),
        (_spoil_app, '"success":false'),
    ],
)
async def test_what_was_moved_from_another_row_counts_as_none(
    installation: Installation, what: Callable[[Installation], Any], outcome: str
) -> None:
    said = await what(installation)

    assert outcome in said
    assert "canary" not in said


async def test_a_key_of_ours_that_was_moved_is_not_used(installation: Installation) -> None:
    internet = Internet(bluesky())
    wire = online(installation, internet, public_url="https://oncue.example")
    vouched = await come(installation, wire)
    await spoil(installation, ClientKey)

    with pytest.raises(Invalid, match="tampered"):
        await come(installation, wire)

    assert vouched.new.credentials["clientId"].startswith("https://oncue.example/")
