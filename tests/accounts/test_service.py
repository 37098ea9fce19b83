"""Connected accounts: who they are stays, their secrets are renewed, forgotten, never moved."""

import asyncio
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from installation import MASTER_KEY, Installation
from oncue.accounts import credentials, queries, service, standing
from oncue.accounts.credentials import Nothing
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.service import NewAccount
from oncue.accounts.vault import VaultError, new_key, parse_keys
from oncue.accounts.vault_check import verify_vault
from oncue.connectors.base import Identity, Secrets
from oncue.connectors.registry import CONNECTORS
from oncue.errors import Invalid, NotFound
from oncue.lib.clock import MILLISECOND

pytestmark = pytest.mark.anyio

MARIA = Identity(native_id="42", username="maria", display_name="Maria")
NEW = NewAccount(
    platform="MASTODON", credentials={"accessToken": "first"}, server="https://mastodon.test"
)


async def connect(
    oncue: Installation,
    new: NewAccount = NEW,
    identity: Identity = MARIA,
    workspace_id: UUID | None = None,
) -> Account:
    return await oncue.db.write(
        lambda session: service.connect(
            session,
            oncue.services.vault,
            workspace_id or oncue.workspace_id,
            new,
            identity,
            oncue.clock(),
        )
    )


async def secrets_of(
    oncue: Installation, account: Account
) -> tuple[Secrets, datetime | None] | None:
    held = await oncue.db.read(
        lambda session: credentials.load(
            session, oncue.services.vault, account.workspace_id, account.id
        )
    )
    return None if isinstance(held, Nothing) else (held.secrets, held.expires_at)


async def test_an_account_is_what_the_network_says_with_secrets_of_its_own(
    installation: Installation,
) -> None:
    account = await connect(installation)

    assert (account.platform, account.server) == ("MASTODON", "https://mastodon.test")
    assert (account.native_id, account.username, account.display_name) == ("42", "maria", "Maria")
    assert account.status == "active"
    assert await secrets_of(installation, account) == ({"accessToken": "first"}, None)


async def test_a_name_that_was_given_goes_before_the_networks(installation: Installation) -> None:
    account = await connect(installation, replace(NEW, display_name="Our Maria"))

    assert account.display_name == "Our Maria"


async def test_numbers_are_handed_out_once_across_workspaces(installation: Installation) -> None:
    other = await installation.new_workspace()
    people = [replace(MARIA, native_id=str(number)) for number in range(5)]

    made = await asyncio.gather(
        *(connect(installation, identity=person) for person in people),
        *(connect(installation, identity=person, workspace_id=other) for person in people),
    )

    first = max(account.number for account in installation.accounts.values()) + 1
    assert sorted(account.number for account in made) == list(range(first, first + 10))


async def test_connecting_again_renews_the_secrets_and_keeps_id_and_number(
    installation: Installation,
) -> None:
    before = await connect(installation)
    await installation.db.write(
        lambda session: standing.expire(
            session, before.workspace_id, before.id, 1, installation.clock()
        )
    )

    after = await connect(
        installation,
        replace(NEW, credentials={"accessToken": "second"}),
        replace(MARIA, username="maria_b"),
    )

    assert (after.id, after.number) == (before.id, before.number)
    assert (after.status, after.username) == ("active", "maria_b")
    assert after.updated_at > before.updated_at
    assert await secrets_of(installation, after) == ({"accessToken": "second"}, None)


async def test_connecting_twice_at_once_makes_one_account(installation: Installation) -> None:
    made = await asyncio.gather(*(connect(installation) for _ in range(4)))

    assert len({account.id for account in made}) == 1


@pytest.mark.parametrize(
    ("new", "identity"),
    [
        (replace(NEW, server="https://other.test"), MARIA),
        (NEW, replace(MARIA, native_id="43")),
        (replace(NEW, platform="BLUESKY"), MARIA),
    ],
)
async def test_somebody_else_is_another_account(
    installation: Installation, new: NewAccount, identity: Identity
) -> None:
    maria = await connect(installation)

    assert (await connect(installation, new, identity)).id != maria.id


async def test_the_same_person_in_another_workspace_is_another_account(
    installation: Installation,
) -> None:
    maria = await connect(installation)

    other = await connect(installation, workspace_id=await installation.new_workspace())

    assert other.id != maria.id
    with pytest.raises(NotFound):
        await installation.db.read(
            lambda session: queries.get(session, other.workspace_id, maria.id)
        )


async def test_secrets_that_were_tampered_with_count_as_none(installation: Installation) -> None:
    account = await connect(installation)

    await installation.db.write(
        lambda session: session.execute(
            update(AccountSecret)
            .where(AccountSecret.account_id == account.id)
            .values(sealed=func.replace(AccountSecret.sealed, "=", "A"))
        ).close()
    )

    assert await secrets_of(installation, account) is None


async def test_secrets_moved_to_another_account_count_as_none(installation: Installation) -> None:
    maria = await connect(installation)
    other = await connect(installation, identity=replace(MARIA, native_id="43"))

    def move(session: Session) -> None:
        sealed = session.scalar(
            select(AccountSecret.sealed).where(AccountSecret.account_id == maria.id)
        )
        session.execute(
            update(AccountSecret).where(AccountSecret.account_id == other.id).values(sealed=sealed)
        )

    await installation.db.write(move)

    assert await secrets_of(installation, other) is None
    assert await secrets_of(installation, maria) is not None


async def test_a_disconnected_account_keeps_its_place_and_loses_its_secrets(
    installation: Installation,
) -> None:
    account = await connect(installation)

    def disconnect(session: Session) -> Account:
        now = installation.clock()
        service.disconnect(session, account.workspace_id, account.id, now)
        return queries.get(session, account.workspace_id, account.id)

    gone = await installation.db.write(disconnect)

    assert (gone.status, gone.number) == ("disconnected", account.number)
    assert gone.updated_at == account.updated_at + MILLISECOND
    assert await secrets_of(installation, account) is None


async def test_trouble_with_a_disconnected_account_does_not_bring_it_back(
    installation: Installation,
) -> None:
    account = await connect(installation)

    def disconnect_then_fail(session: Session) -> str:
        now = installation.clock()
        service.disconnect(session, account.workspace_id, account.id, now)
        standing.expire(session, account.workspace_id, account.id, 1, now)
        return queries.get(session, account.workspace_id, account.id).status

    assert await installation.db.write(disconnect_then_fail) == "disconnected"


async def test_an_account_of_another_workspace_cannot_be_disconnected(
    installation: Installation,
) -> None:
    account = await connect(installation)
    other = await installation.new_workspace()

    with pytest.raises(NotFound):
        await installation.db.write(
            lambda session: service.disconnect(session, other, account.id, installation.clock())
        )

    assert await secrets_of(installation, account) is not None


@pytest.mark.parametrize(
    ("new", "fields"),
    [
        (replace(NEW, platform="MYSPACE"), ["platform"]),
        (replace(NEW, credentials={}), ["credentials.accessToken"]),
        (replace(NEW, credentials={"accessToken": ""}), ["credentials.accessToken"]),
        (replace(NEW, server=""), ["serverUrl"]),
        (replace(NEW, credentials={}, server=""), ["credentials.accessToken", "serverUrl"]),
        (replace(NEW, credentials={"accessToken": "a\r\nx: y"}), ["credentials.accessToken"]),
        (replace(NEW, platform="TWITTER"), ["serverUrl"]),
        (
            NewAccount(platform="TELEGRAM", credentials={"botToken": "1:a"}),
            ["credentials.chatId"],
        ),
    ],
)
def test_what_is_missing_is_named_field_by_field(new: NewAccount, fields: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        service.check(new)

    assert [issue.field for issue in refused.value.issues] == fields


@pytest.mark.parametrize(
    "new",
    [
        NEW,
        NewAccount(platform="BLUESKY", credentials={"identifier": "maria", "appPassword": "p"}),
        NewAccount(platform="TELEGRAM", credentials={"botToken": "1:a", "chatId": "@maria"}),
    ],
)
def test_what_is_complete_is_taken(new: NewAccount) -> None:
    service.check(new)

    assert new.platform in CONNECTORS


async def test_wrong_keys_are_noticed_before_anything_is_sealed_with_them(
    installation: Installation,
) -> None:
    stranger = parse_keys("test:" + new_key().partition(":")[2])

    with pytest.raises(VaultError, match="not the ones"):
        await installation.db.write(lambda session: verify_vault(session, stranger))


async def test_a_new_key_in_front_of_the_old_one_is_fine(installation: Installation) -> None:
    vault = parse_keys(f"{new_key()},{MASTER_KEY}")
    account = await connect(installation)

    def look(session: Session) -> object:
        verify_vault(session, vault)
        held = credentials.load(session, vault, account.workspace_id, account.id)
        return None if isinstance(held, Nothing) else held.secrets

    assert await installation.db.read(look) == {"accessToken": "first"}
