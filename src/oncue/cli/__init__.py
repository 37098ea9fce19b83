"""The command line. Each command is a thin edge: settings, one function, words for the result."""

import sys
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from oncue import __version__
from oncue.cli import accounts, apps, demo, doctor, keys, serving, setup, workspaces

app = typer.Typer(
    name="oncue",
    help="Publish posts to social networks: on cue and exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serving.serve)
app.command("worker")(serving.worker)
app.command("sandbox")(serving.sandbox)
app.command("init")(setup.init)
app.command("migrate")(setup.migrate)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(keys.app, name="keys")
app.add_typer(accounts.app, name="accounts")
app.add_typer(apps.app, name="apps")

FAILED: Final = 1


@app.command("version")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run a command; an error an operator can do something about is one sentence and exit 1."""
    from oncue.cli.common import EXPECTED, told

    try:
        app()
    except EXPECTED as error:
        Console(stderr=True).print(
            f"[bold red]oncue:[/] {escape(told(error))}", highlight=False, soft_wrap=True
        )
        sys.exit(FAILED)
