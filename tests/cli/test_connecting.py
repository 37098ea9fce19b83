"""What an operator types to connect accounts on networks' pages, and to give networks apps."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from browser import allow
from cli.operators import Operator


def queries(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.usefixtures("anywhere", "sandbox")
def test_an_address_is_printed_that_leads_to_the_networks_page_and_back_to_the_server(
    operator: Operator,
) -> None:
    operator.types("init")
    operator.set("ONCUE_PUBLIC_URL", "https://oncue.example")

    said = operator.types("accounts", "connect", "twitter", "--json")

    assert (said.code, said.err) == (0, "")
    back = asyncio.run(allow(said.json["url"]))
    assert back.address == "https://oncue.example/oauth/callback"
    assert back.said.keys() == {"code", "state"}
    assert queries(said.json["url"])["state"] == back.said["state"]


@pytest.mark.usefixtures("sandbox")
def test_for_people_the_address_stands_alone_on_its_line(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("accounts", "connect", "MASTODON")

    assert said.out.splitlines()[-1].startswith("http://127.0.0.1:")
    assert asyncio.run(allow(said.out.splitlines()[-1])).address.startswith("http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("TWITTER",), "ONCUE_TWITTER_CLIENT_ID"),
        (("MASTODON",), "needs a server"),
        (("MASTODON", "--server", "https://10.0.0.1"), "cannot be called"),
        (("TELEGRAM",), "connected with credentials: POST /v1/accounts or `oncue accounts add`"),
        (("TWITTER", "--server", "https://x.example"), "X has no servers to choose"),
        (("MYSPACE",), "is not one of"),
    ],
)
def test_what_stands_in_the_way_is_said(
    operator: Operator, words: tuple[str, ...], complaint: str
) -> None:
    operator.types("init")

    said = operator.types("accounts", "connect", *words)

    assert said.code == 1
    assert complaint in said.err


@pytest.mark.usefixtures("anywhere", "sandbox")
def test_credentials_can_be_typed_where_nobody_reads_them(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operator.types("init")
    given = tmp_path / "secrets"
    given.write_text("1:sandbox:maria\n@maria\n")

    with given.open() as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        said = operator.types(
            *("accounts", "add", "telegram", "--json"),
            *("--credential", "botToken=-", "--credential", "chatId=-"),
        )

    assert (said.code, said.json["platform"], said.json["username"]) == (0, "TELEGRAM", "maria")


@pytest.mark.usefixtures("anywhere", "sandbox")
def test_an_account_is_removed_though_its_network_has_nothing_to_end(operator: Operator) -> None:
    made = operator.types("init", "--sandbox", "--json").json
    account = next(each["id"] for each in made["accounts"] if each["platform"] == "TWITTER")

    said = operator.types("accounts", "remove", account)

    assert said.code == 0
    listed = {each["id"] for each in operator.types("accounts", "list", "--json").json}
    assert account in listed


@pytest.mark.usefixtures("anywhere")
def test_a_workspaces_app_is_set_listed_and_removed_and_its_secret_never_shown(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operator.types("init")
    given = tmp_path / "secret"
    given.write_text("canary-secret\n")

    with given.open() as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        put = operator.types(
            "apps", "set", "twitter", "--client-id", "ours", "--client-secret", "-"
        )
    as_json = operator.types("apps", "list", "--json")
    table = operator.types("apps", "list")
    removed = operator.types("apps", "remove", "TWITTER")
    again = operator.types("apps", "remove", "TWITTER")

    assert [each.code for each in (put, as_json, table, removed, again)] == [0, 0, 0, 0, 1]
    assert as_json.json == [{"platform": "TWITTER", "clientId": "ours"}]
    assert "ours" in table.out
    assert "canary" not in put.out + as_json.out + table.out + removed.out
    assert operator.types("apps", "list", "--json").json == []


def test_a_network_that_takes_no_app_says_so(operator: Operator) -> None:
    operator.types("init")

    said = operator.types("apps", "set", "MASTODON", "--client-id", "ours")

    assert (said.code, "needs no app" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ONCUE_TWITTER_CLIENT_SECRET", "canary-secret"),
        ("ONCUE_PUBLIC_URL", "oncue.example"),
        ("ONCUE_OAUTH_REDIRECTS", "https://app.example http://app.example"),
    ],
)
def test_a_setting_that_cannot_be_is_named(operator: Operator, variable: str, value: str) -> None:
    operator.set(variable, value)

    said = operator.types("init")

    assert said.code == 1
    assert variable in said.err
    assert "canary" not in said.err
