"""Processes to measure, or to measure against: started, waited for, ended."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = sys.executable
ONCUE: Final = str(Path(sys.executable).with_name("oncue"))
START_SECONDS: Final = 30
STOP_SECONDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that answers at `url`."""

    pid: int
    url: str


@contextmanager
def running(*words: str, environment: Mapping[str, str] | None = None) -> Iterator[Process]:
    """A process with this command line; {port} among its words becomes a free port."""
    port = _free_port()
    command = [word.replace("{port}", str(port)) for word in words]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Process(pid=process.pid, url=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended at once with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer")
