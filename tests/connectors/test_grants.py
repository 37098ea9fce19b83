"""OAuth's requests and answers, for every network alike: no HTTP, no clock, no chance."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from oncue.connectors.answers import Refusal, Refused, Reply, Unclear, Unreadable
from oncue.connectors.base import Exchange
from oncue.connectors.grants import (
    App,
    Desk,
    challenge_of,
    judge,
    page_query,
    page_url,
    read_grant,
    read_registration,
    registration,
)
from oncue.connectors.oauth import Endpoints, KnownBy, OAuth, Proof, is_grant
from oncue.connectors.twitter import Twitter

OAUTH: Final = OAuth(
    authorize="/authorize",
    token="/token",
    revoke="/revoke",
    scopes=("read", "write"),
    known_by=KnownBy.GIVEN,
    proof=Proof.BASIC,
    lives=timedelta(hours=2),
)
ENDPOINTS: Final = Endpoints(authorize="/authorize", token="/token", revoke="/revoke", push="/par")
SECRET: Final = App(client_id="our app", secret="s3:cret")
PUBLIC: Final = App(client_id="our app")
PROVEN: Final = App(client_id="our app", assertion="jwt")


def desk(app: App = SECRET, proof: Proof = Proof.BASIC) -> Desk:
    return Desk(oauth=replace(OAUTH, proof=proof), endpoints=ENDPOINTS, app=app)


def yes(**body: Any) -> Reply:
    return Reply(200, {"access_token": "a", "token_type": "bearer"} | body)


def no(status: int, error: str | None = None, **body: Any) -> Reply:
    return Reply(status, {"error": error, **body} if error else body)


def test_a_verifier_is_known_by_its_digest() -> None:
    # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_page_is_told_what_is_asked_and_not_how_it_will_be_proved() -> None:
    query = page_query(
        OAUTH, "us", redirect_uri="https://us.test/", state="s", verifier="canary", handle="maria"
    )

    assert query == {
        "response_type": "code",
        "client_id": "us",
        "redirect_uri": "https://us.test/",
        "scope": "read write",
        "state": "s",
        "code_challenge": challenge_of("canary"),
        "code_challenge_method": "S256",
    }


def test_a_network_may_want_to_know_more() -> None:
    asks_more = replace(OAUTH, hints=True, extra={"prompt": "consent"})

    query = page_query(
        asks_more, "us", redirect_uri="x", state="s", verifier="v", handle="maria.test"
    )

    assert (query["login_hint"], query["prompt"]) == ("maria.test", "consent")
    nobody = page_query(asks_more, "us", redirect_uri="x", state="s", verifier="v")
    assert "login_hint" not in nobody


@pytest.mark.parametrize(
    ("page", "url"),
    [
        ("https://x.test/a", "https://x.test/a?scope=a%20b&state=c%26d"),
        ("https://x.test/a?b=c", "https://x.test/a?b=c&scope=a%20b&state=c%26d"),
    ],
)
def test_a_page_has_its_query_in_its_address(page: str, url: str) -> None:
    assert page_url(page, {"scope": "a b", "state": "c&d"}) == url


BASIC: Final = "Basic " + base64.b64encode(b"our%20app:s3%3Acret").decode()


@pytest.mark.parametrize(
    ("app", "proof", "more", "headers"),
    [
        (SECRET, Proof.BASIC, {}, {"authorization": BASIC}),
        (SECRET, Proof.POST, {"client_id": "our app", "client_secret": "s3:cret"}, {}),
        (PUBLIC, Proof.BASIC, {"client_id": "our app"}, {}),
        (PUBLIC, Proof.KEY, {"client_id": "our app"}, {}),
        (
            PROVEN,
            Proof.KEY,
            {
                "client_id": "our app",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": "jwt",
            },
            {},
        ),
    ],
)
def test_a_client_proves_who_it_is_as_the_network_wants_it(
    app: App, proof: Proof, more: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    at = desk(app, proof)

    assert at.renew("r") == Exchange(
        "POST",
        "/token",
        form={"grant_type": "refresh_token", "refresh_token": "r", **more},
        headers=headers,
    )
    assert at.revoke("r", "refresh_token").form == {
        "token": "r",
        "token_type_hint": "refresh_token",
        **more,
    }
    assert at.push({"a": "b"}).form == {"a": "b", **more}


def test_a_code_is_traded_with_the_address_and_the_verifier_it_was_asked_with() -> None:
    asked = desk(PUBLIC).redeem("c", "https://us.test/", "v")

    assert (asked.path, asked.form) == (
        "/token",
        {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": "https://us.test/",
            "code_verifier": "v",
            "client_id": "our app",
        },
    )


@pytest.mark.parametrize("asked", [desk().renew("canary"), desk().redeem("canary", "x", "canary")])
def test_what_is_secret_is_not_shown(asked: Exchange) -> None:
    assert "canary" not in repr(asked)
    assert "s3" not in repr(desk())


def test_a_server_is_told_our_name_and_where_people_come_back_to() -> None:
    oauth = replace(OAUTH, register="/apps")

    asked = registration(oauth, name="Us", redirect_uri="https://us.test/b", website="https://us")
    bare = registration(oauth, name="Us", redirect_uri="https://us.test/b", website="")

    told = {"client_name": "Us", "redirect_uris": "https://us.test/b", "scopes": "read write"}
    assert asked == Exchange("POST", "/apps", form=told | {"website": "https://us"})
    assert bare.form == told
    reply = Reply(200, {"client_id": "i", "client_secret": "s"})
    assert read_registration(reply) == App(client_id="i", secret="s")
    for nonsense in ({"client_id": "i"}, {"client_id": "i\n", "client_secret": "s"}):
        with pytest.raises(Unreadable):
            read_registration(Reply(200, nonsense))


def test_a_grant_is_what_the_answer_has() -> None:
    grant = read_grant(
        OAUTH, yes(refresh_token="r", expires_in=60, scope="write read more", sub="did:x")
    )

    assert grant.secrets == {"accessToken": "a", "refreshToken": "r"}
    assert (grant.expires_in, grant.subject) == (timedelta(minutes=1), "did:x")
    assert "refreshToken" not in repr(grant)


@pytest.mark.parametrize(
    ("told", "lives"),
    [
        (60, timedelta(minutes=1)),
        (60.5, timedelta(seconds=60.5)),
        (None, timedelta(hours=2)),
        ("60", timedelta(hours=2)),
        (0, timedelta(hours=2)),
        (-1, timedelta(hours=2)),
        (True, timedelta(hours=2)),
        (10**30, timedelta(days=3650)),
    ],
)
def test_how_long_a_token_lives_is_believed_within_reason(told: object, lives: timedelta) -> None:
    assert read_grant(OAUTH, yes(expires_in=told)).expires_in == lives


def test_a_network_whose_tokens_last_says_nothing() -> None:
    assert read_grant(replace(OAUTH, lives=None), yes()).expires_in is None


def test_what_was_asked_for_has_to_be_granted_the_first_time() -> None:
    with pytest.raises(Refused, match="not granted: write"):
        read_grant(OAUTH, yes(scope="read"))

    assert read_grant(OAUTH, yes(scope="read"), asked=False).secrets == {"accessToken": "a"}


def test_a_token_has_to_be_bound_to_our_key_where_the_network_binds_them() -> None:
    binding = replace(OAUTH, binds=True)

    with pytest.raises(Refused, match="not bound"):
        read_grant(binding, yes())

    assert read_grant(binding, yes(token_type="DPoP")).secrets["accessToken"] == "a"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": None},
        {"access_token": ["a"]},
        {"access_token": ""},
        {"access_token": "a\r\nx: y"},
        {"access_token": "a" * 20_000},
        {"access_token": "a", "refresh_token": "a\x00"},
        [],
    ],
)
def test_an_answer_without_a_token_cannot_be_read(body: object) -> None:
    with pytest.raises(Unreadable):
        read_grant(OAUTH, Reply(200, body))


GONE: Final = replace(OAUTH, gone=frozenset({"invalid_grant", "invalid_request"}))


@pytest.mark.parametrize(
    ("oauth", "reply", "meaning"),
    [
        (OAUTH, no(400, "invalid_grant"), Refusal.RECONNECT),
        (OAUTH, no(401, "invalid_grant"), Refusal.RECONNECT),
        (OAUTH, no(400, "invalid_request"), Refusal.REJECTED),
        (GONE, no(400, "invalid_request"), Refusal.RECONNECT),
        (OAUTH, no(401, "invalid_client"), Refusal.REJECTED),
        (OAUTH, no(404), Refusal.REJECTED),
        (OAUTH, no(429, "invalid_grant"), Refusal.RATE_LIMITED),
        (OAUTH, no(503, "invalid_grant"), Refusal.TRY_LATER),
        (OAUTH, no(408), Refusal.TRY_LATER),
    ],
)
def test_a_refusal_says_whether_the_grant_is_gone(
    oauth: OAuth, reply: Reply, meaning: Refusal
) -> None:
    with pytest.raises(Refused) as refused:
        judge(Twitter(), oauth, reply)

    assert refused.value.meaning is meaning
    assert refused.value.reply is None  # nothing of it is recorded


@pytest.mark.parametrize("reply", [no(500, "invalid_grant"), no(302), Reply(200, "<html>")])
def test_an_answer_that_tells_nothing_is_unclear(reply: Reply) -> None:
    with pytest.raises(Unclear):
        judge(Twitter(), OAUTH, reply)


@pytest.mark.parametrize("reply", [yes(), Reply(200, None), Reply(201, {})])
def test_a_yes_is_a_yes(reply: Reply) -> None:
    judge(Twitter(), OAUTH, reply)


def test_a_refusal_has_the_networks_words_and_code_and_pause() -> None:
    reply = Reply(
        429,
        {"error": "slow_down", "error_description": "Not so fast" + "!" * 500},
        {"retry-after": "7"},
    )

    with pytest.raises(Refused, match="Not so fast") as refused:
        judge(Twitter(), OAUTH, reply)

    assert refused.value.code == "slow_down"
    assert refused.value.retry_after == timedelta(seconds=7)
    assert len(str(refused.value)) == 300


@pytest.mark.parametrize(
    ("secrets", "is_one"),
    [
        ({"accessToken": "a"}, False),
        ({"accessToken": "a", "refreshToken": "r"}, True),
        ({"accessToken": "a", "clientId": "us"}, True),
        ({"identifier": "maria", "appPassword": "p", "refreshJwt": "j"}, False),
    ],
)
def test_credentials_that_came_of_oauth_are_told_from_others(
    secrets: Mapping[str, str], is_one: bool
) -> None:
    assert is_grant(secrets) is is_one
