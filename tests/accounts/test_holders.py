"""Every process says which keys it has, and takes over the right ones and no others."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from accounts.sealing import NEW_KEY
from installation import MASTER_KEY, Installation
from oncue.accounts.holders import Holder, KeyHolder, holders
from oncue.accounts.vault import Vault, VaultError, open_vault, parse_keys
from oncue.accounts.vault_check import verify_vault
from oncue.db.sealed import Place

pytestmark = pytest.mark.anyio

BEAT = timedelta(seconds=30)
HERE = Place("here")


def holder(oncue: Installation, vault: Vault, name: str = "one") -> Holder:
    return Holder(id=uuid4(), name=name, db=oncue.db, vault=vault, now=oncue.clock, beat=BEAT)


async def there(oncue: Installation) -> Sequence[KeyHolder]:
    return await oncue.db.read(lambda session: holders(session, oncue.clock(), BEAT))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "secret-keys"
    file.write_text(MASTER_KEY + "\n")
    return file


def saved(file: Path, text: str) -> None:
    other = file.with_name("edited")
    other.write_text(text)
    other.replace(file)


async def test_a_process_is_there_from_its_first_word_to_its_last(
    installation: Installation,
) -> None:
    one = holder(installation, parse_keys(MASTER_KEY))
    assert await there(installation) == []

    await one.act()

    [found] = await there(installation)
    assert (found.name, found.source) == ("one", "environment")
    assert found.current == parse_keys(MASTER_KEY).keys.told()[0]
    await one.leave()
    assert await there(installation) == []


async def test_it_reports_again_before_it_counts_as_gone(installation: Installation) -> None:
    one, silent = (holder(installation, parse_keys(MASTER_KEY), name) for name in ("one", "silent"))
    await silent.act()

    seen = []
    for _ in range(10):
        await one.act()
        seen.append([each.seen_at for each in await there(installation) if each.name == "one"])
        installation.clock.advance(seconds=10)

    assert len({at for [at] in seen}) == 4
    assert [each.name for each in await there(installation)] == ["one"]


async def test_who_comes_next_clears_those_away_that_are_gone(installation: Installation) -> None:
    await holder(installation, parse_keys(MASTER_KEY), "gone").act()
    installation.clock.advance(minutes=2)

    await holder(installation, parse_keys(MASTER_KEY), "next").act()
    installation.clock.advance(minutes=-2)

    assert [each.name for each in await there(installation)] == ["next"]


async def test_a_changed_key_file_is_taken_over_and_told_at_once(
    installation: Installation, file: Path
) -> None:
    one = holder(installation, open_vault("", file))
    await one.act()
    before = (await there(installation))[0].source

    saved(file, f"{NEW_KEY}\n{MASTER_KEY}\n")
    await one.act()

    [found] = await there(installation)
    assert found.keys == parse_keys(f"{NEW_KEY},{MASTER_KEY}").keys.told()
    assert found.source != before
    with pytest.raises(VaultError, match="lack 'new'"):
        await installation.db.write(lambda s: verify_vault(s, parse_keys(MASTER_KEY)))


async def test_a_key_file_without_any_of_its_keys_is_taken_over_where_it_is_right(
    installation: Installation, file: Path
) -> None:
    """As after a pause so long that the file has changed twice."""
    saved(file, NEW_KEY)
    one = holder(installation, open_vault("", file))
    saved(file, MASTER_KEY)
    with pytest.raises(VaultError, match="lacks the key"):
        one.vault.seal("canary", HERE)

    await one.act()

    assert one.vault.current == "test"
    assert one.vault.seal("canary", HERE).startswith("v1:test:")


async def test_a_key_file_with_wrong_keys_is_complained_of_once_and_not_taken_over(
    installation: Installation, file: Path
) -> None:
    one = holder(installation, open_vault("", file))
    await one.act()
    saved(file, NEW_KEY)

    with capture_logs() as logged:
        for _ in range(3):
            await one.act()

    assert [entry["event"] for entry in logged] == ["secret_keys_wrong"]
    assert one.vault.current == "test"
    with pytest.raises(VaultError):
        one.vault.seal("canary", HERE)
    saved(file, MASTER_KEY)
    await one.act()
    assert one.vault.seal("canary", HERE).startswith("v1:test:")
