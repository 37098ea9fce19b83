"""Sealing anew in parts: nothing is lost to it, nothing stops it, and it can stop anywhere."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from accounts.sealing import fill, keys_in_use, opened, sealed_of, swap, with_new_key
from installation import MASTER_KEY, Installation
from oncue.accounts import credentials, resealing
from oncue.accounts.credentials import Held
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.resealing import Key, Part, Reason
from oncue.accounts.vault import Vault, key_id_of, parse_keys
from oncue.accounts.vault_check import secret_columns
from oncue.db.sealed import Place, SealedColumn, count_by_key
from oncue.outbox import Event

pytestmark = pytest.mark.anyio

[ACCOUNT_SECRETS] = [
    column for column in secret_columns() if column.table is AccountSecret.__table__
]


async def reseal(
    oncue: Installation,
    vault: Vault,
    column: SealedColumn = ACCOUNT_SECRETS,
    after: Key | None = None,
    *,
    batch: int = 200,
) -> Part:
    rows = await oncue.db.read(
        lambda session: resealing.find(session, vault, column, after, batch=batch)
    )
    return await oncue.db.write(
        lambda session: resealing.reseal(session, vault, column, rows, oncue.clock())
    )


async def statuses(oncue: Installation) -> dict[str, str]:
    rows = await oncue.db.read(lambda session: session.scalars(select(Account)).all())
    return {row.platform: row.status for row in rows}


async def test_every_secret_there_is_is_sealed_with_the_new_key_and_says_the_same(
    installation: Installation,
) -> None:
    await fill(installation)
    vault = with_new_key()
    before = await installation.db.read(lambda session: opened(session, vault))

    for column in secret_columns():
        part = await reseal(installation, vault, column)
        assert (part.resealed, part.overtaken, part.unreadable) == (len(before[column.name]), 0, [])

    assert all(before.values())
    assert await installation.db.read(keys_in_use) == {"new"}
    new_alone = parse_keys("new:" + "n" * 43 + "=")
    assert await installation.db.read(lambda session: opened(session, new_alone)) == before
    named = await installation.db.read(
        lambda session: set(session.scalars(select(AccountSecret.key_id)))
    )
    assert named == {"new"}


async def test_an_endpoint_is_not_changed_by_it(installation: Installation) -> None:
    made = await fill(installation)
    before = (await installation.api.get(f"/v1/webhooks/{made['id']}")).json()
    installation.clock.advance(minutes=1)

    for column in secret_columns():
        await reseal(installation, with_new_key(), column)

    assert (await installation.api.get(f"/v1/webhooks/{made['id']}")).json() == before


async def test_it_goes_part_by_part_and_on_where_it_stopped(installation: Installation) -> None:
    vault = with_new_key()

    first = await installation.db.read(
        lambda session: resealing.find(session, vault, ACCOUNT_SECRETS, None, batch=1)
    )
    done = await reseal(installation, vault, batch=1)
    after = resealing.key_of(ACCOUNT_SECRETS, first[0])
    second = await reseal(installation, vault, after=after, batch=1)
    rest = await reseal(installation, vault)  # as whoever begins again does
    end = await reseal(installation, vault)

    assert [part.resealed for part in (done, second, rest, end)] == [1, 1, 2, 0]
    assert await installation.db.read(keys_in_use) == {"new"}


class Overtaken(Vault):
    """Somebody else writes before it can do anything with what was read."""

    def __init__(self, vault: Vault, write: Callable[[], None]) -> None:
        super().__init__(vault.keys)
        self._write = write

    def open(self, sealed: str, place: Place) -> str:
        self._write()
        return super().open(sealed, place)


async def reseal_while_it_is_connected_again(oncue: Installation, account: Account) -> Part:
    """A part during which the account gets a secret that the old key has sealed."""
    old, new, now = parse_keys(MASTER_KEY), with_new_key(), oncue.clock()

    def work(session: Session) -> Part:
        def renew() -> None:
            credentials.store(
                session, old, account.workspace_id, account.id, {"accessToken": "2nd"}, None, now
            )

        found = resealing.find(session, new, ACCOUNT_SECRETS, None)
        return resealing.reseal(session, Overtaken(new, renew), ACCOUNT_SECRETS, found, now)

    return await oncue.db.write(work)


async def test_a_secret_that_is_renewed_meanwhile_is_left_as_it_then_is(
    installation: Installation,
) -> None:
    new, account = with_new_key(), installation.accounts["MASTODON"]

    part = await reseal_while_it_is_connected_again(installation, account)
    again = await reseal(installation, new)

    assert (part.resealed, part.overtaken) == (3, 1)
    assert (again.resealed, again.overtaken) == (1, 0)
    found = await installation.db.read(
        lambda session: credentials.load(session, new, account.workspace_id, account.id)
    )
    assert isinstance(found, Held)
    assert found.secrets == {"accessToken": "2nd"}


async def test_swapped_secrets_are_named_and_their_accounts_are_to_be_connected_again(
    installation: Installation,
) -> None:
    one, other = (installation.accounts[name] for name in ("MASTODON", "TWITTER"))
    await installation.db.write(lambda session: swap(session, one.id, other.id))

    part = await reseal(installation, with_new_key())

    assert part.resealed == 2
    assert {(each.key, each.reason) for each in part.unreadable} == {
        ((one.id,), Reason.TAMPERED),
        ((other.id,), Reason.TAMPERED),
    }
    assert await statuses(installation) == {
        "TWITTER": "expired",
        "BLUESKY": "active",
        "MASTODON": "expired",
        "TELEGRAM": "active",
    }
    told = await installation.db.read(
        lambda session: session.scalars(select(Event).where(Event.type == "account.error")).all()
    )
    assert len(told) == 2


async def test_an_account_with_somebody_elses_secret_publishes_nothing(
    installation: Installation,
) -> None:
    one, other = (installation.accounts[name] for name in ("MASTODON", "TWITTER"))
    await installation.db.write(lambda session: swap(session, one.id, other.id))

    post = await installation.publish("MASTODON", "TELEGRAM")

    assert {each["platform"]: each["status"] for each in post["platforms"]} == {
        "mastodon": "pending",
        "telegram": "published",
    }
    assert (await statuses(installation))["MASTODON"] == "expired"
    assert installation.posts("MASTODON") == []


async def test_an_account_that_is_connected_again_meanwhile_stays_connected(
    installation: Installation,
) -> None:
    one, other = (installation.accounts[name] for name in ("MASTODON", "TWITTER"))
    await installation.db.write(lambda session: swap(session, one.id, other.id))

    part = await reseal_while_it_is_connected_again(installation, one)

    assert len(part.unreadable) == 2
    found = await statuses(installation)
    assert (found["MASTODON"], found["TWITTER"]) == ("active", "expired")


async def test_a_secret_of_an_unknown_key_is_named_and_its_account_left_alone(
    installation: Installation,
) -> None:
    account = installation.accounts["MASTODON"]

    def lose(session: Session) -> None:
        lost = sealed_of(session, account.id).replace("v1:test:", "v1:lost:")
        session.execute(
            update(AccountSecret).where(AccountSecret.account_id == account.id).values(sealed=lost)
        )

    await installation.db.write(lose)

    part = await reseal(installation, with_new_key())

    assert [(each.key, each.reason) for each in part.unreadable] == [
        ((account.id,), Reason.UNKNOWN_KEY)
    ]
    assert part.resealed == 3
    assert set((await statuses(installation)).values()) == {"active"}


@pytest.mark.parametrize("key_id", ["te", "testing", "TEST", "te%t", "t_st"])
async def test_keys_are_told_apart_by_their_whole_id(
    installation: Installation, key_id: str
) -> None:
    vault = parse_keys(f"{key_id}:{'n' * 43}=,{MASTER_KEY}")

    part = await reseal(installation, vault)
    again = await reseal(installation, vault)

    assert (part.resealed, again.resealed) == (4, 0)
    counts = await installation.db.read(lambda session: count_by_key(session, ACCOUNT_SECRETS))
    assert counts == {key_id: 4}


async def test_a_text_that_only_looks_sealed_is_counted_and_is_no_trouble(
    installation: Installation,
) -> None:
    account = installation.accounts["MASTODON"]
    await installation.db.write(
        lambda session: session.execute(
            update(AccountSecret)
            .where(AccountSecret.account_id == account.id)
            .values(sealed="v1:nothing")
        ).close()
    )

    part = await reseal(installation, with_new_key())

    assert [each.reason for each in part.unreadable] == [Reason.TAMPERED]
    counts = await installation.db.read(lambda session: count_by_key(session, ACCOUNT_SECRETS))
    assert sum(counts.values()) == 4
    assert key_id_of(await installation.db.read(lambda s: sealed_of(s, account.id))) == "nothing"
