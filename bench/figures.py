"""What a measurement comes to, and the stopwatch that takes it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Database(StrEnum):
    """Which database is measured on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much to measure: so many items, but no longer than this."""

    items: int
    seconds: float

    @property
    def part(self) -> "Extent":
        """Enough of it for a profile."""
        return Extent(items=max(self.items // 4, 1), seconds=self.seconds / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many items one program did, how quickly, and the CPU its process took for each."""

    items: int
    per_second: float
    cpu_milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of the CPU time spent in a group of modules, and in what that group called."""

    group: str
    itself: float
    with_callees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Our pace beside that of a bare program that does the same."""

    what: str
    database: Database
    ours: Pace
    bare: Pace
    beside: str
    command: str

    @property
    def ratio(self) -> float:
        return self.ours.per_second / self.bare.per_second

    def as_json(self) -> Mapping[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where the CPU time of a measurement went, most of it first."""

    what: str
    database: Database
    shares: Sequence[Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything one benchmark found."""

    figures: Sequence[Figure]
    profiles: Sequence[Profile] = ()


async def paced(work: Callable[[], Awaitable[int]], pid: int | None = None) -> Pace:
    """The pace of `work`, which says how many items it did; the CPU is `pid`'s or our own."""
    process = pid or os.getpid()
    cpu, start = cpu_seconds(process), time.perf_counter()
    items = await work()
    seconds, used = time.perf_counter() - start, cpu_seconds(process) - cpu
    return Pace(items=items, per_second=items / seconds, cpu_milliseconds=used / items * 1000)


def cpu_seconds(pid: int) -> float:
    """What a process and its threads have used so far."""
    if pid == os.getpid():
        return time.process_time()
    facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(facts[11]), int(facts[12])
    return (user + system) / TICKS_PER_SECOND


async def each(extent: Extent, concurrency: int, act: Callable[[int], Awaitable[object]]) -> int:
    """Do `act` with 0, 1, 2 ..., so many at a time; how often it was done."""
    numbers, deadline = iter(range(extent.items)), time.monotonic() + extent.seconds
    done = 0

    async def some() -> None:
        nonlocal done
        for number in numbers:
            await act(number)
            done += 1
            if time.monotonic() > deadline:
                return

    await asyncio.gather(*(some() for _ in range(concurrency)))
    return done
