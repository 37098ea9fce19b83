"""The benchmark runs and says what it promises to say. Nothing here depends on a figure."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COUNT = 8
MEASUREMENTS = {
    "create": "posts.create",
    "create-http": "POST /v1/posts",
    "drain": "drain, fake network",
    "drain-sandbox": "drain, sandbox",
}

pytestmark = pytest.mark.timeout(400)


def bench(*options: str, **environment: str) -> Any:
    """What the benchmark says of a handful of posts."""
    command = [sys.executable, "bench/run.py", "--quick", "--json", *options]
    command += ["--posts", str(COUNT), "--destinations", str(COUNT)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def said() -> Any:
    """Everything that is measured on SQLite."""
    return bench("--database", "sqlite")


@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_our_pace_is_put_beside_a_bare_program_s(said: Any, measurement: str) -> None:
    what = MEASUREMENTS[measurement]

    figures = [figure for figure in said["figures"] if figure["what"] == what]

    assert figures
    for figure in figures:
        assert figure["command"] == f"python bench/run.py --only {measurement} --database sqlite"
        assert figure["ours"]["items"] == figure["bare"]["items"] == COUNT
        assert figure["ratio"] == figure["ours"]["per_second"] / figure["bare"]["per_second"]


def test_a_profile_says_where_most_of_the_time_went(said: Any) -> None:
    profiles = {profile["what"]: profile["shares"] for profile in said["profiles"]}

    assert profiles.keys() == {"posts.create", "drain, fake network"}
    for shares in profiles.values():
        sizes = [share["with_callees"] for share in shares]
        assert 1 <= len(sizes) <= 10
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.usefixtures("postgres_url")  # skips where there is none
def test_postgresql_is_measured_too() -> None:
    said = bench("--only", "create", "--database", "postgresql")

    assert [figure["database"] for figure in said["figures"]] == ["postgresql"]
    assert said["skipped"] == []


def test_a_database_that_is_not_there_is_left_out_with_a_word() -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1"

    said = bench("--only", "create", "--database", "postgresql", ONCUE_TEST_PG=nowhere)

    assert said["figures"] == []
    [reason] = said["skipped"]
    assert nowhere in reason
