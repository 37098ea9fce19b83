"""oncue doctor: everything that can be looked at without changing anything, and what to do."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from oncue.cli.common import console, print_json, settings
from oncue.cli.doctor_checks import data_folder, media_folder, networks, secret_keys
from oncue.cli.doctor_database import database
from oncue.cli.doctor_media import bucket
from oncue.cli.findings import Finding, Level, ok, problem
from oncue.cli.workspaces import AsJson
from oncue.lib.clock import utc_now
from oncue.settings import BadSetting, Settings

COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def doctor(
    network: Annotated[
        bool, typer.Option("--network", help="Also ask whether the networks can be reached.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look the installation over. It changes nothing; exit 1 where something has to be done."""
    findings = asyncio.run(examine(network=network))
    if as_json:
        print_json(_facts(findings))
    else:
        _show(findings)
    raise typer.Exit(0 if _is_well(findings) else 1)


async def examine(*, network: bool) -> Sequence[Finding]:
    """Every finding; without good settings there is nothing else to look at."""
    try:
        current = settings()
    except BadSetting as wrong:
        return [problem("settings", str(wrong), "Correct the variable; docs/operating.md has all.")]
    found = [
        _settings(current),
        data_folder(current),
        *media_folder(current),
        secret_keys(current),
    ]
    found += await database(current, utc_now)
    if network and _is_well(found):
        found += [*await networks(current), *await bucket(current)]
    return found


def _settings(current: Settings) -> Finding:
    where = "SQLite" if current.is_sqlite else "PostgreSQL"
    return ok("settings", f"{where}; data in {current.data_dir.absolute()}")


def _is_well(findings: Sequence[Finding]) -> bool:
    return all(finding.level is not Level.PROBLEM for finding in findings)


def _show(findings: Sequence[Finding]) -> None:
    table = Table("what", "", "finding", "what to do")
    for finding in findings:
        table.add_row(
            finding.name,
            f"[{COLOURS[finding.level]}]{finding.level}[/]",
            Text(finding.words, overflow="fold"),
            Text(finding.advice),
        )
    console.print(table)


def _facts(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "ok": _is_well(findings),
        "checks": [
            {
                "name": finding.name,
                "level": finding.level,
                "finding": finding.words,
                "advice": finding.advice,
            }
            for finding in findings
        ],
    }
