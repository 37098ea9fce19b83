"""The file of keys: it changes whole or not at all, and who has read it before notices."""

import base64
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oncue.accounts.vault import (
    KeyUnknown,
    Vault,
    VaultError,
    add_new_key,
    create_key_file,
    keep_current_key,
    key_id_of,
    open_vault,
)
from oncue.db.sealed import Place

HERE = Place("here")
OLD = "old:" + base64.b64encode(b"o" * 32).decode()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A key file with one key."""
    file = tmp_path / "secret-keys"
    file.write_text(OLD + "\n")
    file.chmod(0o600)
    return file


def saved(file: Path, text: str) -> None:
    """As an editor saves: another file takes its place."""
    other = file.with_name("edited")
    other.write_text(text)
    other.replace(file)


def ids_in(file: Path) -> list[str]:
    return [line.partition(":")[0] for line in file.read_text().splitlines()]


@contextmanager
def no_room_for(more_than: int) -> Iterator[None]:
    """No file can be longer than so many bytes, for as long as the block lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (more_than, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_new_one_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret-keys"

    create_key_file(file)

    vault = open_vault("", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert vault.open(vault.seal("canary", HERE), HERE) == "canary"


def test_it_is_never_made_over_an_existing_one(file: Path) -> None:
    with pytest.raises(FileExistsError):
        create_key_file(file)

    assert file.read_text() == OLD + "\n"


def test_one_that_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "secret-keys"

    with no_room_for(more_than=10), pytest.raises(OSError, match="too large"):
        create_key_file(file)

    assert not file.exists()


def test_a_new_key_is_put_in_front_of_the_others(file: Path) -> None:
    before = open_vault("", file)
    sealed = before.seal("canary", HERE)

    add_new_key(file)

    after = open_vault("", file)
    assert (ids_in(file)[0], ids_in(file)[1:]) == (after.current, ["old"])
    assert after.current != "old"
    assert after.open(sealed, HERE) == "canary"
    assert [each.name for each in file.parent.iterdir()] == ["secret-keys"]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_its_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)

    add_new_key(file)

    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write somebody else's file")
def test_its_owner_stays_who_can_read_it(file: Path) -> None:
    os.chown(file, 1234, 2345)

    add_new_key(file)

    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_a_link_to_it_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "secret-keys"
    link.parent.mkdir()
    link.symlink_to(file)

    add_new_key(link)

    assert link.is_symlink()
    assert len(ids_in(file)) == 2


def test_without_room_it_stays_as_it_was(file: Path) -> None:
    with no_room_for(more_than=60), pytest.raises(OSError, match="too large"):
        add_new_key(file)

    assert file.read_text() == OLD + "\n"
    assert [each.name for each in file.parent.iterdir()] == ["secret-keys"]


def test_a_new_key_that_a_crash_kept_from_its_place_is_put_there(file: Path) -> None:
    """It may have sealed something: a power cut can take a name back that was seen already."""
    file.with_name("secret-keys.new").write_text(f"{NEW}\n{OLD}\n")

    add_new_key(file)

    assert ids_in(file) == ["new", "old"]
    assert [each.name for each in file.parent.iterdir()] == ["secret-keys"]


@pytest.mark.parametrize("rest", ["", NEW, "half a li", f"{NEW}\nold:{'A' * 43}="])
def test_what_else_a_crash_has_left_is_no_key_to_go_on_with(file: Path, rest: str) -> None:
    file.with_name("secret-keys.new").write_text(rest)

    add_new_key(file)

    assert ids_in(file)[1:] == ["old"]
    assert ids_in(file)[0] not in ("new", "")


def test_old_keys_are_taken_out(file: Path) -> None:
    file.write_text(f"{NEW},{OLD}")

    keep_current_key(file)

    assert file.read_text() == NEW + "\n"


def test_a_key_that_was_put_in_front_seals_what_is_sealed_next(file: Path) -> None:
    vault = open_vault("", file)
    before = vault.seal("first", HERE)

    add_new_key(file)
    after = vault.seal("second", HERE)

    assert (key_id_of(before), key_id_of(after)) == ("old", ids_in(file)[0])
    assert [vault.open(sealed, HERE) for sealed in (before, after)] == ["first", "second"]


def test_what_another_process_sealed_with_a_new_key_is_opened(file: Path) -> None:
    one, other = open_vault("", file), open_vault("", file)
    add_new_key(file)

    sealed = one.seal("canary", HERE)

    assert other.open(sealed, HERE) == "canary"
    assert other.current == one.current


def test_a_key_that_is_nowhere_is_named_with_where_it_belongs(file: Path) -> None:
    saved(file, f"{NEW}\n{OLD}\n")
    sealed = open_vault("", file).seal("canary", HERE)
    saved(file, f"{OLD}\n")

    with pytest.raises(KeyUnknown, match=f"lack 'new'.*into {file}, behind"):
        open_vault("", file).open(sealed, HERE)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (NEW, "lacks the key 'old'"),
        (f"{NEW}\nold:{'A' * 43}=", "lacks the key 'old'"),
        ("new:bm9uZQ", "'new' is not base64"),
        ("", "is empty"),
        ("\xff", "cannot be read"),
    ],
)
def test_nothing_is_sealed_while_it_is_in_doubt_with_what(
    file: Path, text: str, complaint: str
) -> None:
    vault = open_vault("", file)
    sealed = vault.seal("canary", HERE)
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(VaultError, match=complaint):
        vault.seal("more", HERE)

    assert vault.open(sealed, HERE) == "canary"
    saved(file, f"{NEW}\n{OLD}\n")
    assert key_id_of(vault.seal("more", HERE)) == "new"


def test_without_its_file_a_process_goes_on_with_the_keys_it_has(file: Path) -> None:
    vault = open_vault("", file)
    file.unlink()

    sealed = vault.seal("canary", HERE)

    assert vault.open(sealed, HERE) == "canary"
    with pytest.raises(KeyUnknown):
        vault.open(sealed.replace("old", "new"), HERE)


def test_a_file_that_was_saved_without_a_change_changes_nothing(file: Path) -> None:
    vault = open_vault("", file)
    before = vault.source

    saved(file, file.read_text())

    assert key_id_of(vault.seal("canary", HERE)) == "old"
    assert vault.source != before


def test_two_processes_know_whether_they_have_the_same_file(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    stat_ = file.stat()
    os.utime(copy, ns=(stat_.st_atime_ns, stat_.st_mtime_ns))

    one, other, from_copy = (open_vault("", each) for each in (file, file, copy))

    assert one.source == other.source != from_copy.source
    assert open_vault(OLD, file).source == "environment"


def test_two_keys_of_one_id_are_told_apart_and_not_told() -> None:
    def told(text: str) -> list[str]:
        return open_vault(text, Path("none")).keys.told()

    other = "old:" + base64.b64encode(b"x" * 32).decode()

    assert told(f"{NEW},{OLD}") == [*told(NEW), *told(OLD)]
    assert told(OLD) != told(other)
    assert told(OLD)[0].partition("/")[0] == "old"
    assert not any(len(each) > 20 for each in told(f"{NEW},{OLD}"))


def test_two_vaults_are_no_more_one_than_their_keys() -> None:
    vault = Vault(open_vault(NEW, Path("none")).keys)

    vault.adopt(open_vault(OLD, Path("none")))

    assert vault.current == "old"
