"""Measure creating and draining, on both databases, beside bare programs that do the same.

python bench/run.py                                   everything, in a few minutes
python bench/run.py --only drain --database sqlite    one measurement; each figure names its own

A measurement ends after 2,000 items or 15 seconds (--quick: 200 or 3), whichever is first.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs as a script too

from bench.figures import Database, Extent, Figure, Profile, Results
from bench.places import why_missing

from bench import creating, draining
from oncue.lib import logs

Measure: TypeAlias = Callable[[Database, Extent, str], Results]

CREATIONS: Final[Mapping[str, Measure]] = {
    "create": creating.core,
    "create-http": creating.over_http,
}
DRAINS: Final[Mapping[str, Measure]] = {
    "drain": draining.fake,
    "drain-sandbox": draining.sandbox,
}
FULL: Final = Extent(items=2_000, seconds=15)
QUICK: Final = Extent(items=200, seconds=3)

console = Console(width=max(Console().width, 110))  # the table is wider than a pipe says it is
progress = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for; a table, or JSON."""
    asked = _parser().parse_args(arguments)
    logs.configure("warning")
    usual = QUICK if asked.quick else FULL
    found: list[Results] = []
    skipped: list[str] = []
    for database in [Database(asked.database)] if asked.database else list(Database):
        if missing := why_missing(database):
            skipped.append(missing)
            progress.print(missing)
            continue
        for name, measure in {**CREATIONS, **DRAINS}.items():
            if asked.only in (None, name):
                items = asked.posts if name in CREATIONS else asked.destinations
                extent = replace(usual, items=items or usual.items)
                progress.print(f"{name} on {database} ...")
                found.append(measure(database, extent, _command(name, database)))
    figures = [figure for results in found for figure in results.figures]
    profiles = [profile for results in found for profile in results.profiles]
    if asked.json:
        print(json.dumps(_facts(figures, profiles, skipped)))
    else:
        _show(figures, profiles)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="fewer of each: a glance")
    parser.add_argument("--only", choices=[*CREATIONS, *DRAINS], help="one measurement")
    parser.add_argument("--database", choices=list(Database), help="one database")
    parser.add_argument("--posts", type=int, metavar="N", help="how many posts to create")
    parser.add_argument("--destinations", type=int, metavar="N", help="how many to drain")
    return parser


def _command(name: str, database: Database) -> str:
    return f"python bench/run.py --only {name} --database {database}"


def _facts(
    figures: Sequence[Figure], profiles: Sequence[Profile], skipped: Sequence[str]
) -> Mapping[str, Any]:
    return {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "figures": [figure.as_json() for figure in figures],
        "profiles": [asdict(profile) for profile in profiles],
        "skipped": list(skipped),
    }


def _show(figures: Sequence[Figure], profiles: Sequence[Profile]) -> None:
    table = Table("what", "on", "beside", box=SIMPLE_HEAD)
    for heading in ("ours/s", "bare/s", "ratio", "ours, ms", "bare, ms"):
        table.add_column(heading, justify="right")
    for figure in figures:
        ours, bare = figure.ours, figure.bare
        table.add_row(
            figure.what,
            figure.database,
            figure.beside,
            f"{ours.per_second:,.0f}",
            f"{bare.per_second:,.0f}",
            f"{figure.ratio:.2f}",
            f"{ours.cpu_milliseconds:.2f}",
            f"{bare.cpu_milliseconds:.2f}",
        )
    console.print(table)
    console.print("ms is the CPU time of the measured process for each item.\n")
    for profile in profiles:
        shares = ", ".join(
            f"{share.group} {share.with_callees:.0%} ({share.itself:.0%} itself)"
            for share in profile.shares
        )
        console.print(f"{profile.what} on {profile.database}: {shares}\n", highlight=False)
    for command in dict.fromkeys(figure.command for figure in figures):
        console.print(command, highlight=False)


if __name__ == "__main__":
    main()
