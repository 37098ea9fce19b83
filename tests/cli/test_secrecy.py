"""No command says what an operator's settings keep secret, whatever is wrong with them."""

import pytest

from cli.operators import Operator, Said

PASSWORD = "canary-password-1f0c"
KEY = "Y2FuYXJ5LW1hc3Rlci1rZXktMzItYnl0ZXMtbG9uZyE="
TOKEN = "canary-token-88d1"

COMMANDS = [
    ["init"],
    ["migrate"],
    ["doctor"],
    ["doctor", "--json", "--network"],
    ["serve", "--port", "0"],
    ["worker"],
    ["keys", "list"],
    ["keys", "rotate-secrets"],
    ["keys", "rotate-secrets", "--dry-run"],
    ["keys", "rotate-secrets", "--remove-old", "--json"],
    ["accounts", "list"],
    ["accounts", "add", "TWITTER", "--credential", f"accessToken={TOKEN}"],
]


def tells(said: Said, secret: str) -> bool:
    return secret in said.out + said.err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_that_cannot_be_reached_is_told_without_its_password(
    operator: Operator, free_port: int, words: list[str]
) -> None:
    address = f"postgresql://oncue:{PASSWORD}@127.0.0.1:{free_port}/oncue"
    operator.set("ONCUE_DATABASE_URL", address)
    operator.set("ONCUE_SECRET_KEYS", f"k:{KEY}")

    said = operator.types(*words)

    assert said.code == 1
    assert said.out + said.err
    assert not any(tells(said, secret) for secret in (PASSWORD, KEY, TOKEN))


@pytest.mark.parametrize(
    "keys", [KEY, f"{KEY}:k", f"k:{KEY},k:{KEY}", f"k:{KEY},other", f"k:{KEY}AAAA", f"k:{KEY[1:]}"]
)
def test_keys_that_make_no_sense_are_not_repeated(operator: Operator, keys: str) -> None:
    operator.types("init")
    operator.set("ONCUE_SECRET_KEYS", keys)

    for words in (["init"], ["doctor"], ["keys", "rotate-secrets"], ["serve"]):
        said = operator.types(*words)

        assert said.code == 1
        assert not tells(said, KEY[2:-2])
