"""Whether the keys are the right ones is known before anything is done with them."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from accounts.sealing import NEW_KEY, with_new_key
from installation import MASTER_KEY, START, Installation
from oncue.accounts.models import AccountSecret, VaultCheck
from oncue.accounts.resealing import find, reseal
from oncue.accounts.vault import Vault, VaultError, key_id_of, parse_keys
from oncue.accounts.vault_check import (
    check_vault,
    is_pristine,
    retire_keys,
    secret_columns,
    verify_vault,
)

pytestmark = pytest.mark.anyio

T = TypeVar("T")

OLD, NEW = MASTER_KEY, NEW_KEY
OTHER_OLD, OTHER_NEW = ("test:" + "x" * 43 + "=", "new:" + "x" * 43 + "=")


async def words(oncue: Installation) -> list[str]:
    """The ids of the keys that have a word, in the order they got it."""
    rows = await oncue.db.read(
        lambda session: session.scalars(select(VaultCheck.sealed).order_by(VaultCheck.id)).all()
    )
    return [key_id_of(sealed) for sealed in rows]


def at_start(oncue: Installation, keys: str) -> "asyncio.Future[None]":
    """What a process does with its keys when it starts."""
    vault = parse_keys(keys)
    return asyncio.ensure_future(oncue.db.write(lambda session: verify_vault(session, vault)))


async def with_vault(oncue: Installation, vault: Vault, act: Callable[[Session, Vault], T]) -> T:
    return await oncue.db.write(lambda session: act(session, vault))


def reseal_all(session: Session, vault: Vault) -> None:
    for column in secret_columns():
        reseal(session, vault, column, find(session, vault, column, None), START)


async def test_every_key_that_seals_has_a_word_and_gets_it_once(
    installation: Installation,
) -> None:
    assert await words(installation) == ["test"]

    for keys in (OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", f"{NEW},{OLD}"):
        await at_start(installation, keys)

    assert await words(installation) == ["test", "new"]


async def test_two_processes_that_start_with_a_new_key_at_once_make_one_word_of_it(
    installation: Installation,
) -> None:
    await asyncio.gather(*(at_start(installation, f"{NEW},{OLD}") for _ in range(5)))

    assert await words(installation) == ["test", "new"]


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (OLD, "not the ones.*or not all of them.*lack 'new'"),
        (NEW, "not the ones.*or not all of them.*lack 'test'"),
        (f"{NEW},{OTHER_OLD}", "not the ones"),
        (f"{OTHER_NEW},{OLD}", "not the ones"),
        ("third:" + "t" * 43 + "=", "not the ones"),
    ],
)
async def test_a_key_in_use_that_is_wrong_or_missing_is_noticed(
    installation: Installation, keys: str, complaint: str
) -> None:
    await at_start(installation, f"{NEW},{OLD}")

    with pytest.raises(VaultError, match=complaint):
        await at_start(installation, keys)

    assert await words(installation) == ["test", "new"]


async def test_where_the_words_are_lost_the_secrets_themselves_tell(
    installation: Installation,
) -> None:
    await installation.db.write(lambda session: session.execute(delete(VaultCheck)).close())

    for wrong in (NEW, OTHER_OLD):
        with pytest.raises(VaultError, match="not the ones"):
            await at_start(installation, wrong)
    assert await words(installation) == []
    await at_start(installation, OLD)

    assert await words(installation) == ["test"]


async def test_looking_gives_no_key_a_word(installation: Installation) -> None:
    found = await with_vault(installation, with_new_key(), check_vault)

    assert (found, await words(installation)) == ({"test"}, ["test"])


async def test_a_key_with_which_nothing_is_sealed_is_not_asked_for_any_more(
    installation: Installation,
) -> None:
    vault = with_new_key()
    await at_start(installation, f"{NEW},{OLD}")
    assert await with_vault(installation, vault, retire_keys) == {"test": 4}
    assert await words(installation) == ["test", "new"]

    await with_vault(installation, vault, reseal_all)
    left = await with_vault(installation, vault, retire_keys)

    assert (left, await words(installation)) == ({}, ["new"])
    await at_start(installation, NEW)
    with pytest.raises(VaultError, match="lack 'new'"):
        await at_start(installation, OLD)


async def test_nothing_is_new_where_anything_is_sealed(installation: Installation) -> None:
    assert not await installation.db.read(is_pristine)

    await installation.db.write(lambda session: session.execute(delete(VaultCheck)).close())
    assert not await installation.db.read(is_pristine)

    await installation.db.write(lambda session: session.execute(delete(AccountSecret)).close())
    assert await installation.db.read(is_pristine)
