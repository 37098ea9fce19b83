"""The doctor: what it looks at, how bad it finds it, and that it changes nothing."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cli.operators import Operator
from installation import MASTER_KEY, Installation
from oncue.cli import doctor_checks
from oncue.cli.doctor_checks import data_folder, media_folder
from oncue.cli.doctor_database import database
from oncue.cli.findings import Finding, Level, ok
from oncue.lib.clock import iso
from oncue.settings import Settings

EVERYTHING = ["settings", "data folder", "secret keys", "schema", "vault"]
EVERYTHING += [
    "sealed secrets",
    "processes",
    "clock",
    "due posts",
    "being published",
    "held posts",
    "posts without an account",
    "unknown outcomes",
    "accounts",
    "media",
]


def by_name(report: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["level"] for check in report["checks"]}


async def found(installation: Installation, name: str) -> Finding:
    """What the doctor finds at the clock's time."""
    current = replace(installation.services.settings, secret_keys=MASTER_KEY)
    findings = {each.name: each for each in await database(current, installation.clock)}
    return findings[name]


def befalls(operator: Operator, mishap: str) -> None:
    """Something that nothing of ours would do to a database."""
    with closing(sqlite3.connect(operator.folder / "oncue.db")) as connection:
        connection.executescript(mishap)


@pytest.mark.usefixtures("anywhere")
def test_a_new_installation_is_well(operator: Operator) -> None:
    operator.types("init", "--sandbox")

    said = operator.types("doctor", "--json")

    assert (said.code, said.err) == (0, "")
    assert said.json["ok"] is True
    assert [name for name in by_name(said.json) if name != "queue"] == EVERYTHING
    assert set(by_name(said.json).values()) == {"ok"}
    assert all(c.keys() == {"name", "level", "finding", "advice"} for c in said.json["checks"])


def test_people_are_shown_a_table(operator: Operator) -> None:
    operator.types("init", "--sandbox")

    said = operator.types("doctor")

    assert said.code == 0
    assert "4 connected" in said.out


def test_where_nothing_is_set_up_the_doctor_says_so_and_sets_nothing_up(
    operator: Operator,
) -> None:
    said = operator.types("doctor", "--network", "--json")

    assert said.code == 1
    assert by_name(said.json) == {
        "settings": "ok",
        "data folder": "problem",
        "secret keys": "problem",
        "database": "problem",
    }
    assert not operator.folder.exists()


def test_a_setting_that_makes_no_sense_is_the_only_finding(operator: Operator) -> None:
    operator.set("ONCUE_DATABASE_URL", "mysql://localhost/x")

    said = operator.types("doctor", "--json")

    assert said.code == 1
    assert by_name(said.json) == {"settings": "problem"}


def test_a_key_file_that_others_can_read_is_a_problem(operator: Operator) -> None:
    operator.types("init")
    (operator.folder / "secret-keys").chmod(0o644)

    said = operator.types("doctor", "--json")

    assert said.code == 1
    [problem] = [check for check in said.json["checks"] if check["level"] == "problem"]
    assert problem["name"] == "secret keys"
    assert problem["advice"] == f"chmod 600 {operator.folder / 'secret-keys'}"


def test_keys_that_do_not_open_the_vault_are_a_problem(operator: Operator) -> None:
    operator.types("init")
    key_id, _, _ = (operator.folder / "secret-keys").read_text().partition(":")

    operator.set("ONCUE_SECRET_KEYS", f"{key_id}:{'A' * 43}=")
    wrong = operator.types("doctor", "--json")
    operator.set("ONCUE_SECRET_KEYS", MASTER_KEY)
    unknown = operator.types("doctor", "--json")

    assert by_name(wrong.json)["vault"] == by_name(unknown.json)["vault"] == "problem"
    assert by_name(wrong.json)["secret keys"] == "ok"


@pytest.mark.parametrize(
    ("mishap", "explained"),
    [
        ("DROP TABLE step", "Tables are missing: step"),
        ("UPDATE alembic_version SET version_num = '9999'", "It is at revision 9999"),
        ("DELETE FROM alembic_version", "The database is empty"),
    ],
)
def test_a_schema_that_is_not_ours_is_a_problem(
    operator: Operator, mishap: str, explained: str
) -> None:
    operator.types("init")
    befalls(operator, mishap)

    said = operator.types("doctor", "--json")

    assert said.code == 1
    assert said.json["checks"][-1]["name"] == "schema"
    assert said.json["checks"][-1]["finding"].startswith(explained)


@pytest.mark.parametrize("lost", ["pgqueuer_log", "pgqueuer"])
def test_a_queue_that_is_not_whole_is_mended_by_migrate(
    operator: Operator, postgres: str, lost: str
) -> None:
    operator.types("init")

    async def lose() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute(f"DROP TABLE {lost} CASCADE")
        await connection.close()

    asyncio.run(lose())
    ill = operator.types("doctor", "--json")
    operator.types("migrate")
    well = operator.types("doctor", "--json")

    assert (ill.code, by_name(ill.json)["queue"]) == (1, "problem")
    assert (well.code, by_name(well.json)["queue"]) == (0, "ok")


def test_a_file_that_is_no_database_is_a_problem(operator: Operator) -> None:
    operator.types("init")
    (operator.folder / "oncue.db").write_bytes(b"precious" * 1_000)

    said = operator.types("doctor", "--json")

    assert said.code == 1
    assert said.json["checks"][-1]["finding"].startswith("It cannot be read: ")


def test_a_database_server_that_is_not_there_is_a_problem(
    operator: Operator, free_port: int
) -> None:
    operator.types("init")
    operator.set("ONCUE_DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port}/oncue")

    said = operator.types("doctor", "--json")

    assert said.code == 1
    assert by_name(said.json)["database"] == "problem"
    assert f"('127.0.0.1', {free_port})" in said.json["checks"][-1]["finding"]


def test_a_folder_that_cannot_be_written_is_a_problem() -> None:
    finding = data_folder(Settings(data_dir=Path("/proc")))

    assert finding.level is Level.PROBLEM
    assert "cannot be written" in finding.words


@pytest.mark.parametrize(
    ("limit", "level"),
    [("SCARCE_BYTES", Level.WARNING), ("TOO_FEW_BYTES", Level.PROBLEM)],
)
def test_a_disk_that_is_nearly_full_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, level: Level
) -> None:
    monkeypatch.setattr(doctor_checks, limit, 1 << 60)

    assert data_folder(Settings(data_dir=tmp_path)).level is level


def test_a_folder_of_files_on_a_disk_of_its_own_is_looked_at_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, elsewhere, closed = (Settings(data_dir=tmp_path / name) for name in "abc")
    for settings, target in ((elsewhere, "/dev/shm"), (closed, "/proc")):
        settings.data_dir.mkdir()
        settings.media_dir.symlink_to(target)
    there.media_dir.mkdir(parents=True)

    found = [media_folder(settings) for settings in (there, elsewhere, closed)]
    monkeypatch.setattr(doctor_checks, "TOO_FEW_BYTES", 1 << 60)
    [full] = media_folder(elsewhere)

    assert [[each.level for each in findings] for findings in found] == [
        [],
        [Level.OK],
        [Level.PROBLEM],
    ]
    assert (full.name, full.level) == ("media folder", Level.PROBLEM)


@pytest.mark.usefixtures("sandbox")
def test_networks_are_asked_on_request_only(operator: Operator) -> None:
    operator.types("init", "--sandbox")

    unasked = operator.types("doctor", "--json")
    asked = operator.types("doctor", "--network", "--json")

    assert asked.code == 0
    assert by_name(asked.json).keys() - by_name(unasked.json).keys() == {
        "X",
        "Bluesky",
        "Mastodon",
        "Telegram",
    }


def test_a_network_that_does_not_answer_is_a_problem(operator: Operator, free_port: int) -> None:
    operator.types("init", "--sandbox")
    operator.set("ONCUE_SANDBOX_URL", f"http://127.0.0.1:{free_port}")

    said = operator.types("doctor", "--network", "--json")

    assert said.code == 1
    assert by_name(said.json)["Mastodon"] == "problem"


@pytest.mark.anyio
async def test_a_due_post_that_nobody_takes_is_noticed(installation: Installation) -> None:
    at = installation.clock() + timedelta(minutes=1)
    await installation.create("MASTODON", scheduledFor=iso(at))
    assert (await found(installation, "due posts")).level is Level.OK

    installation.clock.advance(minutes=6)

    finding = await found(installation, "due posts")
    assert finding.level is Level.WARNING
    assert finding.words.startswith("One has been due for 5 min")


@pytest.mark.anyio
async def test_a_post_that_is_held_for_a_person_is_named(installation: Installation) -> None:
    post = await installation.create("MASTODON", scheduledFor=iso(installation.clock()))
    assert await found(installation, "held posts") == ok("held posts", "none")

    installation.clock.advance(days=2)
    await installation.run_due()

    finding = await found(installation, "held posts")
    assert finding.level is Level.WARNING
    assert post["id"] in finding.words
    assert (await found(installation, "due posts")).level is Level.OK


@pytest.mark.anyio
async def test_a_post_that_has_been_with_a_worker_for_long_is_noticed(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    await installation.api.post(f"/v1/posts/{post['id']}/publish")
    await installation.worker.promote()
    assert await found(installation, "being published") == ok("being published", "nothing is stuck")

    installation.clock.advance(minutes=16)

    finding = await found(installation, "being published")
    assert finding.level is Level.WARNING
    assert post["id"] in finding.words


@pytest.mark.anyio
async def test_outcomes_that_wait_for_a_person_are_named(installation: Installation) -> None:
    posts = []
    for _ in range(4):
        await installation.fault(kind="accept_then_drop", platform="TELEGRAM")
        posts.append(await installation.publish("TELEGRAM"))

    finding = await found(installation, "unknown outcomes")

    assert finding.level is Level.WARNING
    assert [post["id"] in finding.words for post in posts] == [True, True, True, False]
    assert finding.words.endswith("and 1 more")


@pytest.mark.anyio
async def test_accounts_to_connect_again_are_named(installation: Installation) -> None:
    await installation.fault(kind="revoked_token", platform="MASTODON")
    await installation.publish("MASTODON")

    finding = await found(installation, "accounts")

    assert finding.level is Level.WARNING
    assert finding.words == "To be connected again: MASTODON oncue"


@pytest.mark.anyio
async def test_a_post_that_waits_for_its_account_is_none_for_a_person_to_publish(
    installation: Installation,
) -> None:
    await installation.fault(kind="revoked_token", platform="MASTODON")
    post = await installation.publish("MASTODON")

    waiting = await found(installation, "posts without an account")

    assert waiting.level is Level.WARNING
    assert post["id"] in waiting.words
    assert waiting.advice.startswith("Connect the accounts again: they go on by themselves")
    assert await found(installation, "held posts") == ok("held posts", "none")


@pytest.mark.anyio
async def test_a_clock_that_was_set_back_is_noticed(installation: Installation) -> None:
    await installation.create("MASTODON")
    installation.clock.advance(hours=-1)

    finding = await found(installation, "clock")

    assert finding.level is not Level.OK
    assert finding.advice
