"""The measure of a large retry runs and says what it promises to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = 600

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_retry_is_measured_and_so_is_what_others_notice(
    request: pytest.FixtureRequest, database: str
) -> None:
    if database == "postgresql":
        request.getfixturevalue("postgres_url")  # skips where there is none
    command = [sys.executable, "bench/retry_failed.py", "--json"]

    done = subprocess.run(
        [*command, "--rows", str(ROWS), "--database", database],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    [measured] = said["measured"]
    assert said["skipped"] == []
    assert (measured["database"], measured["rows"]) == (database, ROWS)
    for latencies in (measured["calm"], measured["meanwhile"]):
        assert latencies["count"] > 0
        assert 0 < latencies["median"] <= latencies["worst"]
    assert measured["command"].endswith(f"--rows {ROWS} --database {database}")
