"""Work on strangers' files, each in a process of its own that may take little and reach less."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from oncue.errors import NotAccepted, Unavailable
from oncue.media import disk

log = structlog.get_logger()

MIB: Final = 1024 * 1024
MOST_ANSWERED: Final = 64 * 1024  # bytes; an answer has some hundred

# Without `site` and the environment's say; modules are found where this process finds them.
_BEGIN: Final = (
    "import sys, json; order = json.loads(sys.argv[1]); sys.path[:] = order['modules']; "
    "from oncue.media.child import main; main(order)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one process may take."""

    memory_bytes: int = 512 * MIB  # of address space
    cpu_seconds: int = 10
    wall_seconds: float = 60
    written_bytes: int = 8 * MIB  # in one file
    open_files: int = 32
    nice: int = 0


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a task found or why it refused, and what it took to know."""

    value: Mapping[str, Any] | None
    refused: NotAccepted | None
    cpu_seconds: float
    peak_bytes: int


async def run(task: str, order: Mapping[str, Any], limits: Limits) -> Mapping[str, Any]:
    """Have a process of its own do `task`, one of those in oncue.media.child.

    Raises NotAccepted as the task did, and with the code PROBE_LIMIT where it went over a limit
    or died; Unavailable where there is no room on the disk, or for a process. The process and
    what it may have started are gone when this returns or is cancelled.
    """
    answer = await ask(task, order, limits)
    if answer.refused is not None:
        raise answer.refused
    assert answer.value is not None
    return answer.value


async def ask(task: str, order: Mapping[str, Any], limits: Limits) -> Answer:
    """Like `run`, for those who want to know what it took as well."""
    words = {
        "task": task,
        "order": order,
        "limits": asdict(limits),
        "modules": [path for path in sys.path if Path(path).is_absolute()],
    }
    process = await _begun(json.dumps(words))
    try:
        async with asyncio.timeout(limits.wall_seconds):
            said = await _said(process)
            status = await process.wait()
    except TimeoutError:
        raise _over(f"{limits.wall_seconds:g} seconds") from None
    finally:
        await _end(process)
    if status:
        log.warning("media_process_died", task=task, status=status)
        died = f"signal {-status}" if status < 0 else f"status {status}"
        raise _over(f"the process ended with {died}")
    return _understood(task, json.loads(said))


async def _begun(words: str) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", "-c", _BEGIN, words),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_environment(),
            cwd="/",
            start_new_session=True,
        )
    except OSError as trouble:
        raise Unavailable("No process can be started; nothing was changed.") from trouble


async def _said(process: Process) -> bytes:
    assert process.stdout is not None
    try:
        await process.stdout.readexactly(MOST_ANSWERED)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
    return b""


async def _end(process: Process) -> None:
    """Kill whatever is left of the process's group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _environment() -> dict[str, str]:
    """One heap rather than one a thread, of 64 MiB of address space each."""
    inherited = {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} & os.environ.keys()  # of Python itself
    return {name: os.environ[name] for name in inherited} | {
        "MALLOC_ARENA_MAX": "1",
        "LC_ALL": "C.UTF-8",
    }


def _understood(task: str, told: Mapping[str, Any]) -> Answer:
    if "full" in told:
        raise disk.full()
    if "broke" in told:
        log.info("media_unreadable", task=task, error=told["broke"])
    refused = told.get("refused")
    return Answer(
        value=told.get("value"),
        refused=None if refused is None else NotAccepted(**refused),
        cpu_seconds=told["cpu_seconds"],
        peak_bytes=told["peak_bytes"],
    )


def _over(limit: str) -> NotAccepted:
    return NotAccepted(
        code="PROBE_LIMIT",
        reason=f"it takes more time or memory to read the file than is allowed ({limit})",
        facts={"limit": limit},
    )
