"""Secrets at rest: only for their own row, and only with the right key."""

import base64
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.accounts.models import AccountSecret, VaultCheck
from oncue.accounts.vault import (
    Keys,
    Tampered,
    VaultError,
    create_key_file,
    key_id_of,
    new_key,
    open_vault,
    parse_keys,
)
from oncue.db.sealed import Place, place_of
from oncue.webhooks.models import WebhookEndpoint

OLD = "old:" + base64.b64encode(b"o" * 32).decode()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()
WORKSPACE, ACCOUNT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)


def row(workspace_id: UUID = WORKSPACE, account_id: UUID = ACCOUNT) -> Place:
    return place_of(AccountSecret.sealed, workspace_id=workspace_id, account_id=account_id)


ROW = row()
SEALED_BY_THE_FIRST_VERSION = "v1:old:sutazotMy20nvqKN:pjlkVVtSHRvv6jeHzBJXnwZmZus1kg=="


@given(st.text())
def test_what_was_sealed_opens_again(secret: str) -> None:
    vault = parse_keys(NEW)

    assert vault.open(vault.seal(secret, ROW), ROW) == secret


def test_a_sealed_secret_shows_neither_itself_nor_that_another_is_the_same() -> None:
    vault = parse_keys(NEW)

    one, other = vault.seal("canary", ROW), vault.seal("canary", ROW)

    assert one != other
    assert "canary" not in one
    assert base64.b64encode(b"canary").decode().rstrip("=") not in one


@pytest.mark.parametrize(
    "elsewhere",
    [
        row(account_id=OTHER),
        row(workspace_id=OTHER),
        row(ACCOUNT, WORKSPACE),
        place_of(WebhookEndpoint.secret, workspace_id=WORKSPACE, id=ACCOUNT),
        place_of(VaultCheck.sealed),
        Place(""),
    ],
)
def test_a_secret_moved_to_another_row_does_not_open_there(elsewhere: Place) -> None:
    vault = parse_keys(NEW)

    with pytest.raises(Tampered):
        vault.open(vault.seal("canary", ROW), elsewhere)


def test_one_field_of_a_row_is_not_the_other() -> None:
    vault, named = parse_keys(NEW), {"workspace_id": WORKSPACE, "id": ACCOUNT}
    sealed = vault.seal("canary", place_of(WebhookEndpoint.old_secret, **named))

    with pytest.raises(Tampered):
        vault.open(sealed, place_of(WebhookEndpoint.secret, **named))


def test_what_the_first_version_sealed_opens() -> None:
    assert parse_keys(OLD).open(SEALED_BY_THE_FIRST_VERSION, ROW) == "canary"


def test_a_secret_with_any_bit_changed_does_not_open() -> None:
    vault = parse_keys(NEW)
    version, key_id, *parts = vault.seal("canary", ROW).split(":")
    nonce, ciphertext = (bytearray(base64.b64decode(part)) for part in parts)

    for changing in (nonce, ciphertext):
        for place in range(len(changing)):
            changing[place] ^= 1
            changed = [base64.b64encode(part).decode() for part in (nonce, ciphertext)]
            with pytest.raises(Tampered):
                vault.open(":".join([version, key_id, *changed]), ROW)
            changing[place] ^= 1


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "canary",
        "v1:new:AAAA",
        "v1:new:AAAA:AAAA:AAAA",
        "v1:new::",
        "v1:new:AAAA:AAAA",
        "v1:new:AAAAAAAAAAAAAAAA:A",
        "v1:new:ключ:ключ",
    ],
)
def test_what_was_never_sealed_is_tampered_with(sealed: str) -> None:
    with pytest.raises(Tampered):
        parse_keys(NEW).open(sealed, ROW)


def test_another_key_under_the_same_name_does_not_open_it() -> None:
    impostor = parse_keys("new:" + base64.b64encode(b"x" * 32).decode())

    with pytest.raises(Tampered):
        impostor.open(parse_keys(NEW).seal("canary", ROW), ROW)


def test_of_two_keys_the_first_seals_and_both_open() -> None:
    before, after = parse_keys(OLD), parse_keys(f"{NEW},{OLD}")
    kept = before.seal("canary", ROW)

    assert after.open(kept, ROW) == "canary"
    assert (key_id_of(kept), key_id_of(after.seal("canary", ROW))) == ("old", "new")


def test_a_key_that_was_taken_away_is_missed_by_name() -> None:
    sealed = parse_keys(OLD).seal("canary", ROW)

    with pytest.raises(VaultError, match="'old'"):
        parse_keys(NEW).open(sealed, ROW)


def test_a_form_of_the_future_is_refused_as_such() -> None:
    with pytest.raises(VaultError, match="v2"):
        parse_keys(NEW).open("v2:new:AAAA:AAAA", ROW)


@pytest.mark.parametrize("text", [f"{NEW},{OLD}", f" {NEW} , {OLD},", f"{NEW}\n{OLD}\n"])
def test_keys_stand_on_lines_or_between_commas(text: str) -> None:
    assert parse_keys(text).keys == Keys("new", {"new": b"n" * 32, "old": b"o" * 32})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("bm8gbmFtZQ==", "id:base64"),
        (":" + OLD.partition(":")[2], "id:base64"),
        ("short:c2hvcnQ=", "'short' has 5 bytes, not 32"),
        ("odd:abc", "'odd' is not base64"),
        ("url:" + "_" * 43 + "=", "'url' is not base64"),
        ("latin:ключ", "'latin' is not base64"),
        (f"{OLD},old:" + base64.b64encode(b"x" * 32).decode(), "'old' is there twice"),
    ],
)
def test_malformed_keys_are_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(VaultError, match=complaint) as refused:
        parse_keys(text)

    assert text.partition(":")[2].strip() == "" or text.partition(":")[2] not in str(refused.value)


def test_a_key_where_its_id_should_be_is_not_shown() -> None:
    key = OLD.partition(":")[2]

    with pytest.raises(VaultError) as refused:
        parse_keys(f"{key}:old")

    assert key not in str(refused.value)


def test_the_keys_themselves_are_never_shown() -> None:
    vault = parse_keys(NEW)

    assert repr(vault) == "Vault(current='new')"
    assert repr(vault.keys) == "Keys(current='new')"


def test_without_any_key_there_is_no_vault_and_none_is_made(tmp_path: Path) -> None:
    file = tmp_path / "secret-keys"

    with pytest.raises(VaultError, match=str(file)):
        open_vault("", file)

    assert not file.exists()


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "secret-keys"
    create_key_file(file)

    assert open_vault(NEW, file).current == "new"


def test_every_new_key_is_another() -> None:
    keys = {new_key() for _ in range(50)}

    assert len(keys) == 50
    assert parse_keys(",".join(keys)).current in {key.partition(":")[0] for key in keys}
