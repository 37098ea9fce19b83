"""Secrets that can be recognised anywhere, and every place in which they could turn up."""

import base64
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2 as httpx
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from installation import MASTER_KEY
from oncue.lib.http import Answer, HttpClient, Request
from oncue.settings import Settings

CREDENTIALS: Final[Mapping[str, Mapping[str, str]]] = {
    "TWITTER": {"accessToken": "canary-x-5dd21c0e", "refreshToken": "canary-x-refresh-77aa"},
    "BLUESKY": {"identifier": "maria", "appPassword": "canary-app-password-90b1"},
    "MASTODON": {"accessToken": "canary-mastodon-31f7"},
    "TELEGRAM": {"botToken": "4711:canary-telegram-c4d8", "chatId": "@maria"},
}
NOT_SECRET: Final = ("identifier", "chatId")


def of_accounts() -> set[str]:
    return {
        value
        for credentials in CREDENTIALS.values()
        for name, value in credentials.items()
        if name not in NOT_SECRET
    }


def of_the_master_key() -> set[str]:
    return {MASTER_KEY.partition(":")[2], base64.b64decode(MASTER_KEY.partition(":")[2]).decode()}


# What OAuth's requests and answers call their secrets.
OF_OAUTH: Final = frozenset(
    {
        "access_token",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "refresh_token",
        "state",
        "token",
    }
)


class Parrot(HttpClient):
    """Networks that repeat all that they are sent: in every word of an error, and beside a yes.

    `heard` is what of it was secret by its name, on the way there or back.
    """

    def __init__(self, *, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.heard: set[str] = set()

    async def send(self, request: Request) -> Answer:
        self._hear(request.form)
        self._hear(request.json)
        answer = await super().send(request)
        self._hear(answer.body)
        sent = json.dumps([request.url, dict(request.headers), request.json, request.form])
        sent = sent.replace("\\", "")
        if not isinstance(answer.body, dict):
            return answer
        if answer.status < 400:
            body = {**answer.body, "debug": {sent: [sent]}}
        else:
            body = _repeating(answer.body, sent)
        headers = {**answer.headers, "link": f"<{request.url}>; rel={sent}"}
        return Answer(status=answer.status, headers=headers, body=body)

    def _hear(self, said: Any) -> None:
        if isinstance(said, Mapping):
            self.heard |= {said[name] for name in OF_OAUTH & said.keys()}


def _repeating(value: Any, sent: str) -> Any:
    match value:
        case str():
            return f"{sent} {value}"
        case dict():
            return {
                name: part if name in ("error", "type") else _repeating(part, sent)
                for name, part in value.items()
            } | {"error_description": sent}
        case list():
            return [_repeating(part, sent) for part in value]
        case _:
            return value


@dataclass
class Seen:
    """Everything that anybody was told, by where it was."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    is_telling: bool = False  # the answer that is to come holds a secret by right

    def add(self, where: str, said: str) -> None:
        self.texts.setdefault(where, []).append(said)

    async def hears(self, response: httpx.Response) -> None:
        """Note an answer of the API, unless a secret is what was asked for."""
        await response.aread()
        if not self.is_telling:
            asked = f"{response.request.method} {response.request.url.path}"
            self.add(f"the answer to {asked}", f"{response.headers} {response.text}")

    def where(self, secrets: Collection[str]) -> set[str]:
        """Where any of the secrets stands, in clear or thinly veiled."""
        return {
            f"{secret} in {where}"
            for secret in secrets
            for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
            for where, texts in self.texts.items()
            if any(form in said for said in texts)
        }


def rows(session: Session) -> Iterator[tuple[str, str]]:
    """Every row of every table there is, ours or another's: the table, and the row as text."""
    for table in sorted(inspect(session.connection()).get_table_names()):
        for row in session.execute(text(f'SELECT * FROM "{table}"')):
            yield (
                table,
                " ".join(
                    value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    for value in row
                ),
            )


def files(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every file of the data folder, to the byte: of SQLite also what is deleted or to come."""
    for file in sorted(settings.data_dir.rglob("*")):
        if file.is_file():
            yield file.name, file.read_bytes().decode("latin-1")


def backup(settings: Settings, folder: Path) -> str:
    """A copy of the SQLite database, as an operator makes one."""
    copy = folder / "backup.db"
    with (
        closing(sqlite3.connect(settings.data_dir / "oncue.db")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy.read_bytes().decode("latin-1")
