"""What an operator types to set up an installation, and what the commands print."""

import os
import stat
from pathlib import Path

import pytest

from cli.operators import NOBODY, Operator
from oncue.workspaces.keys import ALL_SCOPES, is_well_formed

NETWORKS = ["TWITTER", "BLUESKY", "MASTODON", "TELEGRAM"]


@pytest.mark.usefixtures("anywhere")
def test_init_makes_a_workspace_two_keys_and_an_account_on_every_sandbox_network(
    operator: Operator,
) -> None:
    said = operator.types("init", "--sandbox", "--json")

    assert (said.code, said.err) == (0, "")
    assert said.json.keys() == {"workspaceId", "apiKey", "compatApiKey", "accounts"}
    assert said.json["workspaceId"].startswith("ws_")
    assert is_well_formed(said.json["apiKey"])
    assert is_well_formed(said.json["compatApiKey"])
    assert said.json["apiKey"] != said.json["compatApiKey"]
    assert [account["platform"] for account in said.json["accounts"]] == NETWORKS
    assert [account["number"] for account in said.json["accounts"]] == [1, 2, 3, 4]
    named = {"id", "number", "platform", "username", "status"}
    assert all(account.keys() == named for account in said.json["accounts"])


@pytest.mark.usefixtures("anywhere")
def test_init_run_again_changes_nothing_and_prints_no_secret(operator: Operator) -> None:
    first = operator.types("init", "--sandbox", "--json").json
    names = (operator.folder / "sandbox.env").read_bytes()

    again = operator.types("init", "--sandbox", "--json")

    assert again.code == 0
    assert again.json == first | {"apiKey": None, "compatApiKey": None}
    assert (operator.folder / "sandbox.env").read_bytes() == names
    assert len(operator.types("keys", "list", "--json").json) == 2
    assert "nothing was changed" in operator.types("init").out


def test_init_for_people_shows_the_keys_once(operator: Operator) -> None:
    first = operator.types("init")
    second = operator.types("init")

    assert first.code == 0
    assert first.out.count("oncue_live_") == 2
    assert "oncue_live_" not in second.out


def test_init_keeps_its_secrets_from_others(operator: Operator) -> None:
    operator.types("init", "--sandbox")

    for name in ("secret-keys", "sandbox.env"):
        assert stat.S_IMODE((operator.folder / name).stat().st_mode) == 0o600


def test_init_without_a_sandbox_keeps_no_copy_of_a_key(operator: Operator) -> None:
    said = operator.types("init", "--json")

    assert said.json["accounts"] == []
    assert not (operator.folder / "sandbox.env").exists()
    assert not any(
        said.json["apiKey"].encode() in file.read_bytes() for file in operator.folder.iterdir()
    )


def test_init_does_not_make_a_second_key_over_data_that_an_earlier_one_sealed(
    operator: Operator,
) -> None:
    operator.types("init")
    (operator.folder / "secret-keys").unlink()

    said = operator.types("init")

    assert said.code == 1
    assert "There are no secret keys" in said.err
    assert not (operator.folder / "secret-keys").exists()


def test_keys_other_than_the_ones_it_was_sealed_with_are_refused(operator: Operator) -> None:
    operator.types("init")
    kept = (operator.folder / "secret-keys").read_text()
    key_id, _, _ = kept.partition(":")
    operator.set("ONCUE_SECRET_KEYS", f"{key_id}:{'A' * 43}=")

    said = operator.types("init")

    assert said.code == 1
    assert "not the ones" in said.err


@pytest.mark.parametrize("scopes", ["", " , "])
def test_a_key_for_nothing_is_not_a_key_for_everything(operator: Operator, scopes: str) -> None:
    operator.types("init")

    said = operator.types("keys", "create", "--scopes", scopes)

    assert said.code == 1
    assert "scopes: at least one is needed, of posts:read, " in said.err
    assert len(operator.types("keys", "list", "--json").json) == 2


def test_the_list_of_accounts_says_how_each_is(operator: Operator) -> None:
    account = operator.types("init", "--sandbox", "--json").json["accounts"][0]
    before = operator.types("accounts", "list", "--json").json[0]
    operator.types("accounts", "remove", account["id"])

    after = operator.types("accounts", "list", "--json").json[0]

    assert (before, after) == (account, account | {"status": "disconnected"})


def test_a_new_key_is_shown_once_with_its_scopes(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("keys", "create", "--scopes", "posts:write, posts:read", "--json")

    assert said.code == 0
    assert said.json.keys() == {"id", "key", "scopes"}
    assert is_well_formed(said.json["key"])
    assert said.json["scopes"] == ["posts:read", "posts:write"]
    listed = operator.types("keys", "list", "--json").json
    assert said.json["id"] in [row["id"] for row in listed]
    assert said.json["key"] not in str(listed)


def test_a_key_has_every_scope_unless_told_otherwise(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("keys", "create", "--dialect", "compat", "--json")

    assert said.json["scopes"] == list(ALL_SCOPES)


def test_a_key_for_another_workspace_belongs_there(operator: Operator) -> None:
    operator.types("init")
    made = operator.types("workspaces", "create", "Second", "--json").json

    operator.types("keys", "create", "--workspace", made["workspaceId"], "--json")

    listed = operator.types("keys", "list", "--json").json
    assert listed[-1]["workspaceId"] == made["workspaceId"]
    names = [row["name"] for row in operator.types("workspaces", "list", "--json").json]
    assert names == ["My workspace", "Second"]


def test_a_revoked_key_is_listed_as_such_and_cannot_be_revoked_twice(operator: Operator) -> None:
    operator.types("init")
    made = operator.types("keys", "create", "--json").json

    assert operator.types("keys", "revoke", made["id"]).code == 0
    again = operator.types("keys", "revoke", made["id"])

    assert (again.code, again.err.strip()) == (1, f"oncue: No key with id {made['id']}")
    listed = {row["id"]: row["revoked"] for row in operator.types("keys", "list", "--json").json}
    assert listed.pop(made["id"]) is True
    assert set(listed.values()) == {False}


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (["keys", "create", "--scopes", "everything"], "scopes: everything: not among posts:read"),
        (["keys", "create", "--workspace", "ws_1"], "ws_1 is no ws id"),
        (["keys", "create", "--workspace", NOBODY], "No workspace with id ws_000"),
        (["keys", "revoke", "acc_1"], "acc_1 is no key id: key_ ids are expected here"),
        (["accounts", "remove", NOBODY], "No account with id acc_000"),
        (["accounts", "add", "MASTODON", "--credential", "token"], "reads NAME=VALUE"),
        (["accounts", "add", "MYSPACE", "--credential", "a=b"], "MYSPACE is not one of BLUESKY"),
        (["accounts", "add", "MASTODON", "--credential", "accessToken=a"], "needs a server"),
        (["accounts", "add", "TELEGRAM", "--credential", "botToken=a"], "Telegram needs chatId"),
        (["worker"], "`oncue worker` needs PostgreSQL"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_1(
    operator: Operator, words: list[str], explained: str
) -> None:
    operator.types("init")

    said = operator.types(*words)

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("oncue: ")
    assert explained in said.err


def test_a_command_that_does_not_exist_is_exit_2(operator: Operator) -> None:
    assert operator.types("publish-everything").code == 2
    assert operator.types("keys", "create", "--dialect", "klingon").code == 2


def test_a_command_before_init_says_what_to_do(operator: Operator) -> None:
    said = operator.types("keys", "create")

    assert said.code == 1
    assert "run `oncue init`" in said.err


@pytest.mark.usefixtures("sandbox")
def test_an_account_is_connected_once_the_network_has_vouched_for_it(operator: Operator) -> None:
    operator.types("init")
    words = ["accounts", "add", "mastodon", "--credential", "accessToken=sandbox:maria"]
    words += ["--server", "https://mastodon.example/", "--json"]

    said = operator.types(*words)
    again = operator.types(*words)

    assert (said.code, said.err) == (0, "")
    account_id = said.json["id"]
    assert said.json == {
        "id": account_id,
        "number": 1,
        "platform": "MASTODON",
        "username": "maria",
        "status": "active",
    }
    assert again.json == said.json
    assert operator.types("accounts", "list", "--json").json == [said.json]


@pytest.mark.usefixtures("sandbox")
def test_a_removed_account_is_shown_as_disconnected(operator: Operator) -> None:
    account = operator.types("init", "--sandbox", "--json").json["accounts"][0]

    assert operator.types("accounts", "remove", account["id"]).code == 0

    [row] = [
        line
        for line in operator.types("accounts", "list").out.splitlines()
        if account["id"] in line
    ]
    assert row.split()[-1] == "disconnected"


def test_a_network_that_cannot_be_reached_is_one_sentence(
    operator: Operator, free_port: int
) -> None:
    operator.types("init")
    operator.set("ONCUE_SANDBOX_URL", f"http://127.0.0.1:{free_port}")

    said = operator.types("accounts", "add", "TWITTER", "--credential", "accessToken=secret-4711")

    assert said.code == 1
    assert "X cannot be asked now" in said.err
    assert "secret-4711" not in said.err


def test_ids_are_never_cut_in_a_narrow_window(operator: Operator) -> None:
    account = operator.types("init", "--sandbox", "--json").json["accounts"][1]
    operator.set("COLUMNS", "60")

    assert account["id"] in operator.types("accounts", "list").out
    for row in operator.types("keys", "list", "--json").json:
        assert row["id"] in operator.types("keys", "list").out


@pytest.mark.usefixtures("anywhere")
def test_migrate_applies_what_is_missing_and_then_nothing(operator: Operator) -> None:
    first = operator.types("migrate")
    second = operator.types("migrate")

    assert (first.code, second.code) == (0, 0)
    assert first.out.startswith("Applied 0001")
    assert second.out == "The schema is up to date.\n"


@pytest.mark.parametrize(
    ("variable", "value", "explained"),
    [
        ("ONCUE_DATABASE_URL", "mysql://localhost/x", "postgresql:// or sqlite:///"),
        ("ONCUE_LOOKUP_SECONDS", "soon", "list of seconds"),
        ("ONCUE_SECRET_KEYS", "nonsense", "id:base64"),
        ("ONCUE_SECRET_KEYS", "k1:AAAA", "has 3 bytes, not 32"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    operator: Operator, variable: str, value: str, explained: str
) -> None:
    operator.set(variable, value)

    said = operator.types("init")

    assert said.code == 1
    assert explained in said.err


def test_a_folder_that_cannot_be_made_is_one_sentence(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    operator.set("ONCUE_DATA_DIR", str(tmp_path / "file" / "data"))

    said = operator.types("init")

    assert said.code == 1
    assert said.err.startswith("oncue: ")
    assert os.sep in said.err


@pytest.mark.parametrize("command", ["keys list", "accounts list", "workspaces list", "apps list"])
def test_where_nothing_was_set_up_a_command_says_so_and_makes_nothing(
    operator: Operator, command: str
) -> None:
    said = operator.types(*command.split())

    assert said.code == 1
    assert f"{operator.folder}/oncue.db does not exist: run `oncue init`" in said.err
    assert not operator.folder.exists()


def test_nobody_else_on_the_machine_may_read_the_database(operator: Operator) -> None:
    operator.types("init")

    kept = [file for file in operator.folder.iterdir() if file.name.startswith("oncue.db")]
    assert kept
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


def test_an_error_is_said_as_it_is_whatever_is_in_it(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("keys", "revoke", "[/bold]")

    assert said.code == 1
    assert said.err.startswith("oncue: id: [/bold] is no key id: ")


def test_a_name_is_shown_as_it_is_whatever_is_in_it(operator: Operator) -> None:
    operator.types("init")

    made = operator.types("workspaces", "create", "[/odd]")
    listed = operator.types("workspaces", "list")

    assert (made.code, listed.code) == (0, 0)
    assert "[/odd]" in made.out
    assert "[/odd]" in listed.out


def test_a_long_error_is_one_line_for_whoever_reads_logs(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("keys", "revoke", "a-long-id " * 20)

    assert said.code == 1
    assert said.err.count("\n") == 1
