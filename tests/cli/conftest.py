"""An operator at a command line, with a folder, a database and networks to work with."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from cli.operators import Operator
from installation import pg_database
from oncue.cli import common
from oncue.cli.serving import simulated


@pytest.fixture
def operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """Nothing is set up yet."""
    made = Operator(tmp_path / "data", capsys, monkeypatch)
    made.set("ONCUE_DATA_DIR", str(made.folder))
    made.set("COLUMNS", "200")
    for screen in (common.console, common.errors):  # made on import, and of any width by then
        monkeypatch.setattr(screen, "width", 200)
    return made


@pytest.fixture
def postgres(operator: Operator, postgres_url: str) -> Iterator[str]:
    """The operator has a PostgreSQL database, new and empty, where the tests have one."""
    with pg_database(f"oncue_cli_{os.getpid()}") as url:
        operator.set("ONCUE_DATABASE_URL", url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest) -> None:
    """The operator's database, of each kind in turn."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres")


@pytest.fixture
def sandbox(operator: Operator, free_port: int) -> Iterator[str]:
    """Simulated networks in a thread of their own, and the operator's setting that uses them."""
    loop = asyncio.new_event_loop()
    networks = simulated("127.0.0.1", free_port, None)
    loop.run_until_complete(networks.__aenter__())
    thread = Thread(target=loop.run_forever)
    thread.start()
    url = f"http://127.0.0.1:{free_port}"
    operator.set("ONCUE_SANDBOX_URL", url)
    yield url
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(networks.__aexit__(None, None, None))
    loop.close()
