"""oncue keys rotate-secrets, typed on an installation that has something sealed."""

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from accounts.sealing import keys_in_use, opened, swap
from cli.operators import Operator
from oncue.accounts.holders import KeyHolder
from oncue.accounts.models import Account, AccountSecret
from oncue.accounts.vault import open_vault
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.locks import held
from oncue.sandbox.identities import USERS
from oncue.settings import load

T = TypeVar("T")

ROTATE: Final = ("keys", "rotate-secrets")
OLD: Final = "old:" + "o" * 43 + "="
NEW: Final = "new:" + "n" * 43 + "="


@pytest.fixture
def file(operator: Operator) -> Path:
    return operator.folder / "secret-keys"


def transact(work: Callable[[Session], T]) -> T:
    """Run one function on the operator's database."""

    async def run() -> T:
        db = open_database(load())
        try:
            return await db.write(work)
        finally:
            await db.close()

    return asyncio.run(run())


def is_readable() -> bool:
    """Whether the operator's keys open every secret, and it is the sandbox users'."""
    current = load()
    vault = open_vault(current.secret_keys, current.key_file)
    found = transact(lambda session: opened(session, vault))["account_secret.sealed"]
    return all(
        any(value in secret for secret in found)
        for make in USERS.values()
        for value in make("oncue").credentials.values()
    )


def account_ids() -> dict[str, str]:
    rows = transact(lambda session: session.scalars(select(Account)).all())
    return {row.platform: ids.to_typeid("acc", row.id) for row in rows}


@pytest.mark.usefixtures("anywhere")
def test_from_one_key_to_the_next_and_the_old_one_is_gone(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    old = file.read_text().partition(":")[0]

    changed = operator.types(*ROTATE, "--json")
    new, _, _ = file.read_text().partition(":")

    assert (changed.code, changed.err) == (0, "")
    assert changed.json == {
        "keyId": new,
        "madeKey": True,
        "resealed": 4,
        "unreadable": [],
        "left": {},
        "unusedKeyIds": [old],
    }
    assert transact(keys_in_use) == {new}
    assert is_readable()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    removed = operator.types(*ROTATE, "--remove-old", "--json")

    assert (removed.code, removed.json) == (0, {"removed": [old]})
    assert [line.partition(":")[0] for line in file.read_text().splitlines()] == [new]
    assert is_readable()
    assert operator.types("doctor", "--json").json["ok"] is True


def test_people_are_told_what_was_done_and_what_comes_next(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    old = file.read_text().partition(":")[0]

    changed = operator.types(*ROTATE)
    removed = operator.types(*ROTATE, "--remove-old")
    once_more = operator.types(*ROTATE, "--remove-old")

    assert "4 secrets sealed anew" in changed.out
    assert "No new key was made" not in changed.out
    assert f"Nothing is sealed with {old} any more. Backups made until now need it" in changed.out
    assert "oncue keys rotate-secrets --remove-old" in changed.out
    assert f"Took {old} out of" in removed.out
    assert "There is no old key" in once_more.out
    assert [(said.code, said.err) for said in (changed, removed, once_more)] == [(0, "")] * 3


def test_a_second_change_begins_only_after_the_first_ones_old_key_is_out(
    operator: Operator, file: Path
) -> None:
    operator.types("init", "--sandbox")
    first = operator.types(*ROTATE, "--json").json
    keys = file.read_text()

    again = operator.types(*ROTATE, "--json").json

    assert again == first | {"madeKey": False, "resealed": 0}
    assert "No new key was made" in operator.types(*ROTATE).out
    assert file.read_text() == keys
    operator.types(*ROTATE, "--remove-old")
    second = operator.types(*ROTATE, "--json").json
    assert (second["madeKey"], second["unusedKeyIds"]) == (True, [first["keyId"]])


def test_a_dry_run_counts_and_changes_nothing(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    old, _, _ = file.read_text().partition(":")
    keys = file.read_text()

    said = operator.types(*ROTATE, "--dry-run", "--json")
    shown = operator.types(*ROTATE, "--dry-run")

    assert said.json["makesKey"] is True
    assert said.json["toReseal"] == 4
    assert said.json["secrets"]["account_secret.sealed"] == {old: 4}
    assert "4 secrets would be sealed anew with a new key" in shown.out
    assert file.read_text() == keys
    assert transact(keys_in_use) == {old}


def test_a_key_that_an_operator_has_put_in_front_is_the_one_to_change_to(
    operator: Operator, file: Path
) -> None:
    operator.types("init", "--sandbox")
    file.write_text(f"{NEW}\n{file.read_text()}")

    assert operator.types(*ROTATE, "--dry-run", "--json").json["makesKey"] is False
    changed = operator.types(*ROTATE, "--json").json

    assert (changed["keyId"], changed["madeKey"], changed["resealed"]) == ("new", False, 4)
    assert is_readable()


@pytest.mark.usefixtures("anywhere")
def test_keys_of_the_setting_are_changed_by_whoever_sets_them(
    operator: Operator, file: Path
) -> None:
    operator.types("init", "--sandbox")
    old = file.read_text().strip()
    file.unlink()
    operator.set("ONCUE_SECRET_KEYS", old)
    alone = operator.types(*ROTATE)

    operator.set("ONCUE_SECRET_KEYS", f"{NEW},{old}")
    changed = operator.types(*ROTATE, "--json")
    removed = operator.types(*ROTATE, "--remove-old")
    operator.set("ONCUE_SECRET_KEYS", NEW)

    assert (alone.code, alone.out) == (1, "")
    assert "ONCUE_SECRET_KEYS has one key" in alone.err
    assert (changed.code, changed.json["resealed"]) == (0, 4)
    assert "take it out of ONCUE_SECRET_KEYS" in removed.out
    assert is_readable()
    assert operator.types("doctor", "--json").json["ok"] is True
    assert not file.exists()
    operator.set("ONCUE_SECRET_KEYS", old)
    assert "lack 'new'" in operator.types("init").err


def test_an_old_key_stays_while_something_is_sealed_with_it(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    old, _, _ = file.read_text().partition(":")
    file.write_text(f"{NEW}\n{file.read_text()}")
    keys = file.read_text()

    said = operator.types(*ROTATE, "--remove-old")

    assert said.code == 1
    assert f"4 with {old}" in said.err
    assert file.read_text() == keys


def test_secrets_that_cannot_be_opened_are_named_and_stop_nothing(
    operator: Operator, file: Path
) -> None:
    operator.types("init", "--sandbox")
    old, _, _ = file.read_text().partition(":")
    shown = account_ids()
    one, other = (ids.from_typeid("acc", shown[name]) for name in ("MASTODON", "TWITTER"))
    transact(lambda session: swap(session, one, other))

    said = operator.types(*ROTATE, "--json")
    for_people = operator.types(*ROTATE)
    removing = operator.types(*ROTATE, "--remove-old")

    assert (said.code, said.json["resealed"], said.json["left"]) == (1, 2, {old: 2})
    assert {(each["table"], each["id"], each["reason"]) for each in said.json["unreadable"]} == {
        ("account_secret", shown["MASTODON"], "tampered"),
        ("account_secret", shown["TWITTER"], "tampered"),
    }
    assert for_people.code == 1
    assert f"account_secret.sealed of {shown['TWITTER']} cannot be opened" in for_people.out
    assert removing.code == 1
    expired = transact(
        lambda session: set(
            session.scalars(select(Account.platform).where(Account.status == "expired"))
        )
    )
    assert expired == {"MASTODON", "TWITTER"}

    for platform in expired:
        operator.types("accounts", "remove", shown[platform])
    assert operator.types(*ROTATE).code == 0
    assert operator.types(*ROTATE, "--remove-old").code == 0


def test_a_backup_made_before_a_change_needs_the_old_key_and_goes_on_from_there(
    operator: Operator, file: Path, tmp_path: Path
) -> None:
    operator.types("init", "--sandbox")
    old, database = file.read_text(), operator.folder / "oncue.db"
    shutil.copy(database, tmp_path / "backup.db")
    operator.types(*ROTATE)
    operator.types(*ROTATE, "--remove-old")
    shutil.copy(tmp_path / "backup.db", database)

    without = operator.types("init")
    file.write_text(file.read_text() + old)
    with_old = operator.types(*ROTATE, "--json")

    assert without.code == 1
    assert f"lack {old.partition(':')[0]!r}" in without.err
    assert "behind the others" in without.err
    assert (with_old.code, with_old.json["resealed"]) == (0, 4)
    assert is_readable()


@pytest.mark.usefixtures("anywhere")
def test_a_key_goes_round_several_processes_behind_the_present_one_first(
    operator: Operator,
) -> None:
    operator.set("ONCUE_SECRET_KEYS", OLD)
    operator.types("init", "--sandbox")

    for keys, in_use in ((f"{OLD},{NEW}", "old"), (f"{NEW},{OLD}", "new"), (NEW, "new")):
        operator.set("ONCUE_SECRET_KEYS", keys)
        assert operator.types("init").code == 0  # as any process starts
        assert operator.types(*ROTATE, "--json").code == (0 if "," in keys else 1)
        assert transact(keys_in_use) == {in_use}


def test_a_command_that_has_ended_holds_no_keys_any_more(operator: Operator) -> None:
    operator.types("init", "--sandbox")

    operator.types(*ROTATE)
    operator.types(*ROTATE, "--remove-old")

    assert transact(lambda session: session.scalars(select(KeyHolder)).all()) == []


def test_one_at_a_time(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    keys = file.read_text()

    with held(operator.folder / "rotation.lock"):
        said = operator.types(*ROTATE)

    assert said.code == 1
    assert "Another `oncue keys rotate-secrets` is at work" in said.err
    assert file.read_text() == keys


def test_a_key_file_that_cannot_be_changed_is_one_sentence(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    keys = file.read_text()
    file.with_name("secret-keys.new").mkdir()

    said = operator.types(*ROTATE)

    assert said.code == 1
    assert f"{file} cannot be changed: Is a directory. It is as it was." in said.err
    assert file.read_text() == keys


def test_wrong_keys_change_nothing(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    file.write_text(f"{NEW}\nother:{'x' * 43}=\n")

    said = operator.types(*ROTATE)

    assert said.code == 1
    assert "not the ones" in said.err
    assert "new" not in transact(keys_in_use)


@pytest.mark.usefixtures("postgres")
def test_init_makes_no_key_file_over_what_another_has_sealed(
    operator: Operator, file: Path
) -> None:
    operator.types("init", "--sandbox")
    file.unlink()

    said = operator.types("init")

    assert said.code == 1
    assert "There are no secret keys" in said.err
    assert not file.exists()


def test_init_makes_no_key_file_where_the_setting_had_the_keys(
    operator: Operator, file: Path
) -> None:
    operator.set("ONCUE_SECRET_KEYS", NEW)
    operator.types("init")
    operator.set("ONCUE_SECRET_KEYS", "")

    assert "There are no secret keys" in operator.types("init").err

    assert not file.exists()


def test_init_makes_a_key_where_there_is_a_workspace_and_nothing_sealed(
    operator: Operator, file: Path
) -> None:
    operator.types("workspaces", "create", "First")

    assert operator.types("init").code == 0

    assert file.exists()


def test_the_doctor_counts_what_is_sealed_with_which_key(operator: Operator, file: Path) -> None:
    def finding() -> tuple[str, str]:
        checks = operator.types("doctor", "--json").json["checks"]
        [found] = [check for check in checks if check["name"] == "sealed secrets"]
        return found["level"], found["finding"]

    operator.types("init", "--sandbox")
    old, _, _ = file.read_text().partition(":")
    assert finding() == ("ok", f"4 with {old}")

    file.write_text(f"{NEW}\n{file.read_text()}")
    assert finding() == ("warning", f"4 with {old}")

    operator.types(*ROTATE)
    assert finding() == ("ok", f"4 with new; nothing needs {old}")

    transact(
        lambda session: session.execute(
            update(AccountSecret).values(sealed="v1:lost:AAAA:AAAA")
        ).close()
    )
    assert finding() == ("warning", "4 with lost; there is no key lost")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write somebody else's file")
def test_the_key_file_stays_its_owners_when_root_types(operator: Operator, file: Path) -> None:
    operator.types("init", "--sandbox")
    os.chown(file, 1234, 1234)

    operator.types(*ROTATE)
    operator.types(*ROTATE, "--remove-old")

    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1234)
