"""oncue demo: the whole way of a post, once, on networks that are only simulated."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oncue.accounts.vault import create_key_file
from oncue.cli.common import console, errors, print_json
from oncue.cli.demo_calendar import Desk, Line, WentWrong, go_through
from oncue.cli.demo_ledger import Verdict, audit, claims_of
from oncue.cli.serving import served, simulated
from oncue.cli.setup import install
from oncue.cli.workspaces import AsJson
from oncue.connectors.registry import CONNECTORS
from oncue.lib import ids, logs
from oncue.lib.http import HttpClient, NeverAnswered, NeverSent
from oncue.runtime import CannotStart, Runtime
from oncue.settings import Settings

HERE: Final = "127.0.0.1"
MANY: Final = 100  # more posts than the calendar has


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What happened, and what the networks say about it."""

    lines: Sequence[Line]
    verdicts: Sequence[Verdict]
    seconds: float

    @property
    def is_good(self) -> bool:
        return all(line.as_planned for line in self.lines) and all(
            verdict.agrees for verdict in self.verdicts
        )


def demo(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="A new folder to keep the data in; a temporary one if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a small calendar to simulated networks, and compare what they hold with it.

    Exit 0 where everything went as planned and Oncue and the networks agree line by line.
    """
    logs.configure("error")
    shown = Console(quiet=as_json)
    try:
        with _folder(data_dir) as folder, shown.status("Working ..."):
            report = asyncio.run(_demo(folder, shown.print))
    except (WentWrong, NeverSent, NeverAnswered) as trouble:
        errors.print(f"[bold red]oncue:[/] the demo could not go on: {trouble}", highlight=False)
        raise typer.Exit(1) from trouble
    if as_json:
        print_json(_facts(report))
    else:
        _show(report)
    raise typer.Exit(0 if report.is_good else 1)


async def _demo(folder: Path, say: Callable[[str], None]) -> Report:
    begun = time.monotonic()
    port, sandbox_port = free_ports(2)
    current = Settings(data_dir=folder, sandbox_url=f"http://{HERE}:{sandbox_port}")
    create_key_file(current.key_file)
    async with (
        simulated(HERE, sandbox_port, folder / "sandbox-ledger.jsonl"),
        served(current, HERE, port) as (made, _serving),
        _desk(made, f"http://{HERE}:{port}") as desk,
    ):
        lines = await go_through(desk, lambda done: say(f"[green]✓[/] {done}"))
        posts = await desk.ask("GET", f"/v1/posts?status=all&limit={MANY}")
        claims = [
            claim for post in reversed(posts["data"]) for claim in claims_of(post, desk.corrected)
        ]
        verdicts = audit(claims, await desk.ledger())
    return Report(lines=lines, verdicts=verdicts, seconds=time.monotonic() - begun)


@asynccontextmanager
async def _desk(made: Runtime, api: str) -> AsyncIterator[Desk]:
    """A first workspace with an account on every network, and somebody who works there."""
    services = made.services
    new = await services.db.write(lambda session: install(session, services.vault, sandbox=True))
    http = HttpClient()
    try:
        yield Desk(
            http=http,
            api=api,
            sandbox=services.settings.sandbox_url,
            key=new.api_key or "",
            accounts={row.platform: ids.to_typeid("acc", row.id) for row in new.accounts},
            folder=services.settings.data_dir,
        )
    finally:
        await http.close()


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is None:
        with TemporaryDirectory(prefix="oncue-demo-") as folder:
            yield Path(folder)
        return
    if named.exists() and any(named.iterdir()):
        raise CannotStart(f"{named} is not empty: the demo wants a folder of its own.")
    yield named


def free_ports(count: int) -> list[int]:
    """Ports on this machine that nobody listens on."""
    probes = [socket.create_server((HERE, 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _show(report: Report) -> None:
    told = Table("what", "network", "status", "late", "where, or why not", box=SIMPLE_HEAD)
    for line in report.lines:
        told.add_row(
            line.what,
            _name(line.platform),
            _mark(good=line.as_planned, words=line.status),
            "" if line.lateness_ms is None else f"{line.lateness_ms} ms",
            Text(line.url or line.note, overflow="fold"),
        )
    console.print(told)
    held = Table("network", "text", "Oncue says", "it holds", "", box=SIMPLE_HEAD)
    for verdict in report.verdicts:
        held.add_row(*_audit_row(verdict))
    console.print(held)
    console.print(_closing(report), highlight=False)


def _audit_row(verdict: Verdict) -> tuple[str | Text, ...]:
    claim, entries = verdict.claim, verdict.entries
    platform = claim.platform if claim else entries[0]["platform"]
    text = claim.text if claim else entries[0]["text"] or entries[0]["kind"]
    words = "agrees" if verdict.agrees else "DIFFERS"
    return (
        _name(platform),
        Text(text),
        claim.status if claim else "nothing",
        f"{len(entries)}x",
        _mark(good=verdict.agrees, words=words),
    )


def _name(platform: str) -> str:
    return CONNECTORS[platform].spec.name


def _mark(*, good: bool, words: str) -> str:
    return f"[green]{words}[/]" if good else f"[bold red]{words}[/]"


def _closing(report: Report) -> str:
    astray = sum(not line.as_planned for line in report.lines)
    differing = sum(not verdict.agrees for verdict in report.verdicts)
    if report.is_good:
        return (
            f"[green]Everything went as planned, and Oncue and the networks agree on all "
            f"{len(report.verdicts)} lines[/] ({report.seconds:.1f} s)."
        )
    return f"[bold red]{astray} not as planned, {differing} lines on which the two differ.[/]"


def _facts(report: Report) -> dict[str, Any]:
    return {
        "agrees": report.is_good,
        "seconds": round(report.seconds, 3),
        "destinations": [
            {
                "what": line.what,
                "platform": line.platform,
                "status": line.status,
                "asPlanned": line.as_planned,
                "url": line.url,
                "latenessMs": line.lateness_ms,
                "note": line.note,
            }
            for line in report.lines
        ],
        "ledger": [
            {
                "platform": verdict.claim.platform if verdict.claim else None,
                "text": verdict.claim.text if verdict.claim else None,
                "status": verdict.claim.status if verdict.claim else None,
                "entries": list(verdict.entries),
                "agrees": verdict.agrees,
            }
            for verdict in report.verdicts
        ],
    }
