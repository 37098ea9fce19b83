"""Whatever is logged, no secret is."""

import json
import subprocess
import sys
from typing import Any

import pytest

from oncue.lib.logs import HIDDEN, redact

KEY = "oncue_live_0123456789abcdefghijABCDEFGHIJ0123456789"
JWT = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"


def logged(**entry: Any) -> dict[str, Any]:
    return dict(redact(None, "info", dict(entry)))


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "access_token",
        "refreshToken",
        "appPassword",
        "client_secret",
        "credentials",
        "set-cookie",
        "accessJwt",
    ],
)
def test_what_is_named_like_a_secret_is_hidden(name: str) -> None:
    assert logged(**{name: "canary"}) == {name: HIDDEN}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"key {KEY} was refused", "key *** was refused"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("sent bearer abc", "sent ***"),
        (f"token {JWT}!", "token ***!"),
        (
            "POST https://api.telegram.org/bot123:AA-b_c/getMe",
            "POST https://api.telegram.org***/getMe",
        ),
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(said: str, shown: str) -> None:
    assert logged(event=said) == {"event": shown}


def test_secrets_within_what_is_logged_are_hidden_too() -> None:
    entry = logged(
        request={"headers": {"authorization": "Basic canary"}, "url": f"/?key={KEY}"},
        accounts=[{"name": "maria", "secrets": {"accessToken": "canary"}}, f"Bearer {KEY}"],
    )

    assert entry == {
        "request": {"headers": {"authorization": HIDDEN}, "url": f"/?key={HIDDEN}"},
        "accounts": [{"name": "maria", "secrets": HIDDEN}, HIDDEN],
    }


def test_what_is_no_secret_stays_as_it_is() -> None:
    entry = {"event": "destination_settled", "platform": "TWITTER", "count": 3, "error": None}

    assert logged(**entry) == entry


PROGRAM = f"""
import structlog
from oncue.lib import logs

logs.configure("info")
log = structlog.get_logger()
log.debug("not shown")
try:
    raise RuntimeError("refused: Bearer {JWT}")
except RuntimeError:
    log.exception("broke", account="maria", access_token="canary")
"""


def test_a_line_is_one_json_object_and_its_traceback_keeps_no_secret() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    [line] = ran.stderr.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["account"]) == ("broke", "error", "maria")
    assert "RuntimeError: refused: ***" in entry["exception"]
    assert "canary" not in line
    assert JWT not in line


LIBRARY = f"""
import logging
from oncue.lib import logs

logs.configure("info")
log = logging.getLogger("library")
log.info("not shown")
try:
    raise RuntimeError("refused: Bearer {JWT}")
except RuntimeError:
    log.exception("it went %s", "wrong")
"""


def test_what_a_library_says_is_one_json_object_as_well() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True
    )

    [line] = ran.stderr.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["logger"]) == (
        "it went wrong",
        "error",
        "library",
    )
    assert entry["timestamp"].endswith("Z")
    assert "RuntimeError: refused: ***" in entry["exception"]
    assert JWT not in line
