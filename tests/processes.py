"""Real Oncue processes, to be killed; and a world of networks that outlives them.

A World is an `oncue sandbox`: its ledger is the only witness of what the networks accepted.
The processes are forked off one that has imported Oncue already, which saves each two seconds
of importing. They import this module too, so it makes do with the standard library.
"""

import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

GLANCE: Final = 0.01  # seconds between two looks at something that is about to happen
PATIENCE: Final = 30.0
KILLED: Final = -signal.SIGKILL

_nursery = get_context("forkserver")
_nursery.set_forkserver_preload(["oncue.cli"])


def eventually(happened: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Return as soon as it has happened; fail after `within` seconds.

    The longer it takes the less often we look: looking takes time from what is to happen.
    """
    started = time.monotonic()
    while not happened():
        waited = time.monotonic() - started
        assert waited < within, f"not within {within} seconds: {what}"
        time.sleep(GLANCE + waited / 20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Process:
    """One `oncue` command at work. What it says goes to `log`."""

    command: Sequence[str]
    log: Path
    _child: ForkServerProcess

    def ended(self, within: float = PATIENCE) -> int:
        """The exit code, once there is one; KILLED after a kill -9."""
        self._child.join(within)
        assert self._child.exitcode is not None, f"still running after {within} seconds"
        return self._child.exitcode

    def is_running(self) -> bool:
        return self._child.is_alive()

    def kill(self) -> None:
        self._child.kill()
        self.ended()

    def stop(self) -> int:
        """Ask it to stop, and wait; the exit code."""
        self._child.terminate()
        return self.ended()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def says(self) -> str:
        return self.log.read_text()

    def _signal(self, number: int) -> None:
        assert self._child.pid is not None
        os.kill(self._child.pid, number)


def start(log: Path, *command: str, **environment: str) -> Process:
    """Start `oncue COMMAND` with these settings and no others."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("ONCUE_")}
    log.touch()
    child = _nursery.Process(
        target=_oncue, args=(command, inherited | environment, log), daemon=True
    )
    child.start()
    return Process(command, log, child)


def _oncue(command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """What the new process does: become `oncue COMMAND`."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environment)
    from oncue.cli import main
    from oncue.lib import crashpoints

    importlib.reload(crashpoints)  # it read the environment when it was imported
    sys.argv = ["oncue", *command]
    main()


def ask(method: str, url: str, body: object = None, **headers: str) -> Any:
    """The JSON that a server answers; raises URLError."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"content-type": "application/json", **headers}, method=method)
    with urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def until_served(process: Process, url: str) -> None:
    """Wait for the process to answer at `url`."""

    def answers() -> bool:
        assert process.is_running(), process.says()
        try:
            with urlopen(url, timeout=PATIENCE) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except (URLError, ConnectionError):
            return False

    eventually(answers, f"{url} answers")


@dataclass(frozen=True)
class World:
    """The simulated networks, in a process of their own."""

    url: str
    file: Path

    def size(self) -> int:
        """How much the networks have accepted so far."""
        return self.file.read_bytes().count(b"\n")

    def posts(self) -> list[Mapping[str, Any]]:
        """What was accepted as posts, in order."""
        lines = self.file.read_bytes().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [entry for entry in entries if entry["kind"] == "post"]

    def fault(self, **order: object) -> None:
        ask("POST", f"{self.url}/_sandbox/faults", order)

    def forgive(self) -> None:
        """Take back the faults that nobody has met yet."""
        ask("DELETE", f"{self.url}/_sandbox/faults")


@contextmanager
def simulated(folder: Path) -> Iterator[World]:
    """A World for as long as the block lasts; it keeps its ledger in `folder`."""
    port, file, log = free_port(), folder / "ledger.jsonl", folder / "sandbox-log"
    process = start(log, "sandbox", "--port", str(port), "--ledger", str(file))
    world = World(f"http://127.0.0.1:{port}", file)
    try:
        until_served(process, f"{world.url}/_sandbox/ledger")
        yield world
    finally:
        process.kill()
