"""Changing the keys under load, killed again and again: every secret stays readable."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any, Final, TypeVar
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from accounts.sealing import keys_in_use
from crash.site import EVERYWHERE, Site
from installation import MASTER_KEY
from oncue.accounts import credentials
from oncue.accounts.credentials import Held
from oncue.accounts.vault import Vault, open_vault, parse_keys
from oncue.accounts.vault_check import check_vault
from oncue.lib import ids
from oncue.lib.crashpoints import KEYS_REPLACED, ROTATION_POINTS
from oncue.webhooks import service as webhooks
from oncue.webhooks.sealing import opened
from processes import KILLED, Process, ask, eventually, until_served

T = TypeVar("T")

FROM_FILE: Final = {"ONCUE_SECRET_KEYS": "", "ONCUE_OUTBOUND_ALLOW": "127.0.0.1"}
HOOK: Final = {"url": "http://127.0.0.1:9/hook", "events": ["account.disconnected"]}
USERS: Final = tuple(f"user{number}" for number in range(12))
PACE: Final = 0.02  # seconds between two requests of a writer
KILLS: Final = int(os.environ.get("ONCUE_CRASH_KILLS", "3"))
SEED: Final = 20261126

pytestmark = pytest.mark.timeout(180 + 10 * KILLS)


@dataclass
class Writers:
    """Clients that make and renew secrets for as long as they are let, and remember them."""

    site: Site
    endpoints: dict[str, str] = field(default_factory=dict)  # the newest secret, by id
    answers: dict[str, Any] = field(default_factory=dict)  # by Idempotency-Key
    turns: dict[str, int] = field(default_factory=dict)  # of each account that was renewed
    broken: list[BaseException] = field(default_factory=list)

    def asks(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        authorization = f"Bearer {self.site.key}"
        url = f"{self.site.url}{path}"
        return ask(method, url, body, authorization=authorization, **headers)

    def have_done_enough(self) -> bool:
        """Whether there was some load; or nothing more will come of it."""
        least = min(len(self.answers), max(self.turns.values(), default=0))
        return bool(self.broken) or least > 20

    def makes_endpoints(self, turn: int) -> None:
        named = {"idempotency-key": f"once-{turn}"}
        made = self.asks("POST", "/v1/webhooks", HOOK, **named)
        self.answers[named["idempotency-key"]] = made
        self.endpoints[made["id"]] = made["secret"]

    def rotates_an_endpoint(self, turn: int) -> None:
        known = sorted(self.endpoints)
        if known:
            endpoint = known[turn % len(known)]
            renewed = self.asks("POST", f"/v1/webhooks/{endpoint}/rotate-secret")
            self.endpoints[endpoint] = renewed["secret"]

    def connects_an_account_again(self, turn: int) -> None:
        user = USERS[turn % 7]
        credentials = {"accessToken": f"sandbox:{user}", "turn": str(turn)}
        body = {
            "platform": "MASTODON",
            "credentials": credentials,
            "serverUrl": "https://mastodon.sandbox.test",
        }
        made = self.asks("POST", "/v1/accounts", body)
        self.turns[made["id"]] = turn


@contextmanager
def writing(site: Site) -> Iterator[Writers]:
    """Writers at work for as long as the block lasts; none of their requests may fail."""
    writers, over = Writers(site), Event()
    kinds = (writers.makes_endpoints, writers.rotates_an_endpoint)

    def go_on(*works: Callable[[int], None]) -> None:
        turn = 0
        try:
            while not over.is_set():
                for work in works:
                    work(turn)
                turn += 1
                over.wait(PACE)
        except BaseException as broke:  # noqa: BLE001  told below
            writers.broken.append(broke)

    threads = [
        Thread(target=go_on, args=kinds),
        Thread(target=go_on, args=(writers.connects_an_account_again,)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield writers
        eventually(writers.have_done_enough, "the writers have written much")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert writers.broken == []


def begin(site: Site) -> Sequence[UUID]:
    """Connect accounts, and serve with keys from a file; the accounts."""
    connected = site.connect(*EVERYWHERE, users=USERS)
    site.settings.key_file.write_text(MASTER_KEY + "\n")
    until_served(site.serve(**FROM_FILE), f"{site.url}/readyz")
    return connected


def rotate(site: Site, *options: str, **environment: str) -> Process:
    return site.start("keys", "rotate-secrets", "--json", *options, **(FROM_FILE | environment))


def done(process: Process) -> Mapping[str, Any]:
    """What a rotation that ended well says at its end."""
    assert process.ended(within=60) == 0, process.says()
    said: dict[str, Any] = json.loads(process.says().splitlines()[-1])
    return said


def test_a_change_that_is_killed_everywhere_ends_with_every_secret_readable(
    on_sqlite: Site,
) -> None:
    site = on_sqlite
    connected = begin(site)
    with writing(site) as writers:
        for point in ROTATION_POINTS:
            dying = rotate(site, ONCUE_CRASH_AT=point)
            assert dying.ended(within=60) == KILLED, (point, dying.says())
            if point == ROTATION_POINTS[0]:
                assert site.transact(keys_in_use) == {"test"}
        said = done(rotate(site))
        dying = rotate(site, "--remove-old", ONCUE_CRASH_AT=KEYS_REPLACED)
        assert dying.ended() == KILLED
        once_more = done(rotate(site, "--remove-old"))

    assert (said["unreadable"], said["left"], said["unusedKeyIds"]) == ([], {}, ["test"])
    assert once_more == {"removed": []}
    check(site, writers, connected, said["keyId"])


def test_a_change_that_is_killed_at_random_instants_likewise(on_postgres: Site) -> None:
    site, random = on_postgres, Random(SEED)
    connected = begin(site)
    site.start("worker", **FROM_FILE)
    with writing(site) as writers:
        for _ in range(KILLS):
            dying = rotate(site)
            dying._child.join(random.uniform(0.3, 1.5))
            dying.kill()
        said = done(rotate(site))
        done(rotate(site, "--remove-old"))

    check(site, writers, connected, said["keyId"])


def test_a_worker_elsewhere_with_a_copy_of_the_key_file_is_not_left_behind(
    on_postgres: Site, tmp_path: Path
) -> None:
    site, elsewhere = on_postgres, tmp_path / "elsewhere"
    begin(site)
    elsewhere.mkdir()
    (elsewhere / "secret-keys").write_text(MASTER_KEY + "\n")
    worker = site.start("worker", **(FROM_FILE | {"ONCUE_DATA_DIR": str(elsewhere)}))
    eventually(lambda: "Publishing" in worker.says(), "the worker is there")

    refused = rotate(site)

    assert refused.ended(within=60) == 1
    assert "have their keys from elsewhere" in refused.says()
    assert f"process {worker._child.pid} on " in refused.says()
    assert site.settings.key_file.read_text() == MASTER_KEY + "\n"
    assert site.transact(keys_in_use) == {"test"}
    worker.stop()
    assert done(rotate(site))["left"] == {}


def check(site: Site, writers: Writers, connected: Sequence[UUID], new: str) -> None:
    """Everything is sealed with the new key alone, is what it was, and serves its purpose."""
    file = site.settings.key_file
    vault = open_vault("", file)
    assert list(vault.keys.by_id) == [new]
    assert site.transact(keys_in_use) == {new}
    assert site.transact(lambda session: check_vault(session, vault)) == {new}
    assert not any(key in file.read_text() for key in parse_keys(MASTER_KEY).keys.by_id)

    assert site.transact(lambda session: endpoints(session, site, vault, writers)) == dict(
        writers.endpoints
    )
    assert site.transact(lambda session: turns(session, site, vault, writers)) == dict(
        writers.turns
    )

    said = "".join(process.says() for process in site.processes)
    secrets = {*writers.endpoints.values(), *MASTER_KEY.split(":")[1:], site.key}
    assert not any(secret in said for secret in secrets)

    for process in site.processes:
        process.kill()
    until_served(site.serve(**FROM_FILE), f"{site.url}/readyz")
    key, answer = next(reversed(writers.answers.items()))
    again = writers.asks("POST", "/v1/webhooks", HOOK, **{"idempotency-key": key})
    assert again == answer
    site.publish("Hello", connected[:20])
    site.until_settled()
    assert site.verdict() == {"published": 20}


def endpoints(session: Session, site: Site, vault: Vault, writers: Writers) -> Mapping[str, str]:
    """The newest secret of each endpoint."""
    return {
        shown: opened(
            vault, webhooks.get(session, site.workspace_id, ids.from_typeid("wh", shown))
        )[0].value
        for shown in writers.endpoints
    }


def turns(session: Session, site: Site, vault: Vault, writers: Writers) -> Mapping[str, int]:
    """Which of its connections an account's credentials are from."""
    found = {}
    for shown in writers.turns:
        held = credentials.load(session, vault, site.workspace_id, ids.from_typeid("acc", shown))
        assert isinstance(held, Held)
        found[shown] = int(held.secrets["turn"])
    return found
