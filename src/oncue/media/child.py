"""The inside of a confined process: take its limits, do its one task, say how it went, end."""

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from oncue.errors import NotAccepted
from oncue.media.disk import FULL

TASKS: Final[Mapping[str, str]] = {
    "probe": "oncue.media.probing",
    "render": "oncue.media.rendering",
}


def main(words: Mapping[str, Any]) -> None:
    """Answer with one line of JSON on the standard output."""
    confine(words["limits"])
    try:
        module = importlib.import_module(TASKS[words["task"]])
        work: Callable[..., Mapping[str, Any]] = module.work
        told: dict[str, Any] = {"value": work(**words["order"])}
    except NotAccepted as refused:
        told = {"refused": asdict(refused)}
    except OSError as trouble:
        told = {"full": True} if trouble.errno in FULL else _broke(trouble)
    except MemoryError:
        told = {"refused": asdict(out_of_memory())}
    except Exception as error:  # noqa: BLE001  (an edge: a decoder may trip over anything)
        told = _broke(error)
    sys.stdout.write(json.dumps(told | spent()) + "\n")
    sys.stdout.flush()
    os._exit(0)  # nothing that tidies up after a stranger's file is worth a crash


def confine(limits: Mapping[str, Any]) -> None:
    """Once and for all: a limit that was lowered can not be raised."""
    os.nice(limits["nice"])
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["written_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
    }
    if sys.platform != "darwin":  # where the kernel knows the limit and does not keep it
        bounds[resource.RLIMIT_AS] = limits["memory_bytes"]
    for what, most in bounds.items():
        resource.setrlimit(what, (most, most))


def spent() -> dict[str, Any]:
    """CPU time in seconds, and the most memory that was resident, in bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_bytes": _peak()}


def _peak() -> int:
    """From /proc where there is one: ru_maxrss counts what the parent had before `exec`, too."""
    try:
        with Path("/proc/self/status").open(encoding="ascii") as status:
            facts = dict(line.split(":", 1) for line in status)
        return int(facts["VmHWM"].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _broke(error: Exception) -> dict[str, Any]:
    return {"refused": asdict(unreadable()), "broke": f"{type(error).__name__}: {error}"[:500]}


def unreadable(why: str = "it is cut off or broken") -> NotAccepted:
    return NotAccepted(code="MEDIA_UNREADABLE", reason=f"the file cannot be read: {why}")


def out_of_memory() -> NotAccepted:
    reason = "it takes more memory to read the file than is allowed"
    return NotAccepted(code="PROBE_LIMIT", reason=reason, facts={"limit": "memory"})
