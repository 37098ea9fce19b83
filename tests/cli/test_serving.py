"""oncue serve: what it says when it cannot, and the README's request against what it serves."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from cli.operators import Operator
from oncue.cli.demo import free_ports

ONCUE = Path(sys.executable).with_name("oncue")
README = Path(__file__).parents[2] / "README.md"


def test_a_port_that_is_taken_is_one_sentence(operator: Operator) -> None:
    operator.types("init")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = operator.types("serve", "--port", str(port))

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"oncue: Cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_second_publisher_on_sqlite_is_refused(operator: Operator, free_port: int) -> None:
    operator.types("init")
    with served(operator.folder, free_port):
        said = operator.types("serve", "--port", str(free_port + 1))

    assert said.code == 1
    assert "Another process already publishes" in said.err


def test_a_database_that_does_not_let_us_in_is_one_sentence(
    operator: Operator, postgres_url: str, free_port: int
) -> None:
    operator.types("init")
    elsewhere = postgres_url.rpartition("/")[0] + "/missing"
    operator.set("ONCUE_DATABASE_URL", elsewhere)

    said = operator.types("serve", "--port", str(free_port))

    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "oncue: The database cannot be reached; nothing was changed. "
        '(database "missing" does not exist)\n'
    )


def test_serving_before_init_says_what_to_do(operator: Operator, free_port: int) -> None:
    said = operator.types("serve", "--port", str(free_port))

    assert said.code == 1
    assert "`oncue init` makes a key" in said.err


def test_the_readmes_request_works_when_pasted(operator: Operator, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("there is no curl here to paste the README's request with")
    port, sandbox_port = free_ports(2)
    operator.types("init", "--sandbox")
    operator.folder.rename(tmp_path / "oncue-data")

    with served(tmp_path / "oncue-data", port, "--sandbox", "--sandbox-port", str(sandbox_port)):
        request = readme_request().replace("8080", str(port)).replace("8090", str(sandbox_port))
        pasted = subprocess.run(
            ["sh", "-e"], input=request, cwd=tmp_path, capture_output=True, text=True, check=True
        )

    assert '"status":"scheduled"' in pasted.stdout
    published = re.findall(r'"platform": "(\w+)", [^}]*"text": "Hello from Oncue"', pasted.stdout)
    assert sorted(published) == ["BLUESKY", "MASTODON"]


def test_keys_that_others_can_read_are_told_of_at_the_start(
    operator: Operator, tmp_path: Path, free_port: int
) -> None:
    operator.types("init")
    (operator.folder / "secret-keys").chmod(0o644)
    log = tmp_path / "log"

    with log.open("w") as said, served(operator.folder, free_port, level="warning", log=said):
        pass

    entries = [json.loads(line) for line in log.read_text().splitlines()]
    [entry] = [entry for entry in entries if entry.get("what") == "secret keys"]
    assert entry["event"] == "found_at_start"
    assert entry["finding"].endswith("secret-keys has mode 644")
    assert entry["advice"].startswith("chmod 600")


def readme_request() -> str:
    """The README's first block of shell."""
    block = re.search(r"^```sh\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block.group(1)


@contextmanager
def served(
    folder: Path, port: int, *more: str, level: str = "error", log: IO[str] | None = None
) -> Iterator[None]:
    """`oncue serve` in a process of its own, which ends well when it is asked to."""
    process = subprocess.Popen(
        [ONCUE, "serve", "--port", str(port), *more],
        env={"ONCUE_DATA_DIR": str(folder), "ONCUE_LOG_LEVEL": level},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == f"Oncue on http://127.0.0.1:{port}\n"
        yield
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
