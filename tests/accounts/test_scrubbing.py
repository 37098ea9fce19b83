"""What a network repeats of our credentials is hidden, and nothing else is."""

from oncue.accounts.scrubbing import said_in, scrubbed
from oncue.connectors.answers import Reply
from oncue.connectors.base import Exchange

SECRETS = {
    "accessToken": "canary-123",
    "refreshToken": "canary-123-and-more",
    "botToken": "4711:canary/b",
    "identifier": "maria.example",
    "chatId": "@mariashouse",
    "pin": "canary-456",
    "shortToken": "short",
}


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    reply = Reply(
        400,
        {
            "error": "no: canary-123-and-more, nor canary-123",
            "seen": [{"canary-123": "https://api/bot4711:canary/b/x?t=4711%3Acanary%2Fb"}],
        },
        {"location": "/?token=canary-123"},
    )

    assert scrubbed(reply, SECRETS) == Reply(
        400,
        {
            "error": "no: ***, nor ***",
            "seen": [{"***": "https://api/bot***/x?t=***"}],
        },
        {"location": "/?token=***"},
    )


def test_what_is_no_secret_or_may_be_any_word_stays() -> None:
    reply = Reply(200, {"n": 5, "none": None, "text": "maria.example @mariashouse short"})

    assert scrubbed(reply, SECRETS) == reply


def test_a_text_is_no_exception() -> None:
    assert scrubbed(Reply(502, "<b>canary-123</b>"), SECRETS).body == "<b>***</b>"


def test_what_is_said_in_signing_in_is_known_by_its_name() -> None:
    exchange = Exchange(
        "POST",
        "/session",
        json={"identifier": "maria.example", "password": "canary-789", "tries": 5},
        headers={"authorization": "Bearer canary-000", "accept": "text/canary"},
    )

    reply = Reply(401, "maria.example, canary-789, Bearer canary-000, text/canary")

    assert scrubbed(reply, said_in(exchange)).body == "maria.example, ***, Bearer ***, text/canary"


def test_what_oauth_names_in_its_own_way_is_known_too() -> None:
    names = ("state", "code", "code_verifier", "client_assertion", "client_secret", "token")
    form = {name: f"canary-{name}" for name in names} | {"redirect_uri": "https://app.example"}

    reply = Reply(400, " ".join(form.values()))

    hidden = scrubbed(reply, said_in(Exchange("POST", "/token", form=form)))
    assert hidden.body == "*** *** *** *** *** *** https://app.example"
