"""A profiler that counts CPU time and not calls, over every thread, and slows little down.

Every few milliseconds it looks at where each thread is, and books the CPU time the thread has
used since the last look to the modules on its stack. A thread that waits books nothing.
"""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from bench.figures import Share

EVERY_SECONDS: Final = 0.002
SWITCH_SECONDS: Final = 0.0005
SHOWN: Final = 10
KNOWN: Final = ("bench", "asyncio", "concurrent", "json")
ON_EVERY_STACK: Final = frozenset({"asyncio", "bench", "concurrent", "python"})


class Sampler:
    """Collects until stopped."""

    def __init__(self) -> None:
        self._itself: defaultdict[str, float] = defaultdict(float)
        self._with_callees: defaultdict[str, float] = defaultdict(float)
        self._used = {ident: _cpu_seconds(ident) for ident in sys._current_frames()}  # noqa: SLF001
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def shares(self) -> Sequence[Share]:
        """The groups of modules that most of the time was spent in or under."""
        total = sum(self._itself.values()) or 1.0
        shown = [
            Share(
                group=group,
                itself=self._itself[group] / total,
                with_callees=seconds / total,
            )
            for group, seconds in sorted(self._with_callees.items(), key=_seconds, reverse=True)
            if group not in ON_EVERY_STACK
        ]
        return shown[:SHOWN]

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            for ident, frame in sys._current_frames().items():  # noqa: SLF001
                if ident != threading.get_ident():
                    self._book(frame, self._seconds_of(ident))

    def _seconds_of(self, ident: int) -> float:
        """The CPU time a thread has used since it was last looked at."""
        now, before = _cpu_seconds(ident), self._used.get(ident, 0.0)
        self._used[ident] = now
        return now - before if now >= before else now  # else a new thread has got its number

    def _book(self, frame: FrameType, seconds: float) -> None:
        groups = [group_of(at.f_code.co_filename) for at in _stack(frame)]
        self._itself[groups[0]] += seconds
        for group in set(groups):
            self._with_callees[group] += seconds


@contextmanager
def sampled() -> Iterator[Sampler]:
    """A sampler for as long as the block lasts."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    sampler = Sampler()
    try:
        yield sampler
    finally:
        sampler.stop()
        sys.setswitchinterval(before)


def group_of(file: str) -> str:
    """What a source file belongs to: a module of ours, somebody's package, or Python itself."""
    parts = Path(file).with_suffix("").parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    if "src" in parts and "oncue" in parts:
        return ".".join(parts[parts.index("src") + 1 :])
    return next((known for known in KNOWN if known in parts), "python")


def _cpu_seconds(ident: int) -> float:
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(ident))
    except OSError:  # the thread has ended
        return 0.0


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _seconds(booked: tuple[str, float]) -> float:
    return booked[1]
