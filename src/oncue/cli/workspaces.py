"""oncue workspaces: tenants of this installation."""

from typing import Annotated

import typer

from oncue.cli.common import console, listing, print_json, transact
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.workspaces import service

app = typer.Typer(help="Workspaces: each has its own accounts, posts and keys.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("create")
def create(name: str, as_json: AsJson = False) -> None:
    """Make a workspace."""
    workspace = transact(lambda session: service.create(session, name, utc_now()))
    shown = ids.to_typeid("ws", workspace.id)
    if as_json:
        print_json({"workspaceId": shown})
    else:
        console.print(f"Workspace [bold]{name}[/]: {shown}")


@app.command("list")
def list_workspaces(as_json: AsJson = False) -> None:
    """List the workspaces."""
    found = transact(service.list_all)
    if as_json:
        print_json(
            [
                {"workspaceId": ids.to_typeid("ws", row.id), "name": row.name, "plan": row.plan}
                for row in found
            ]
        )
        return
    table = listing("id", "name", "plan", "since")
    for row in found:
        table.add_row(ids.to_typeid("ws", row.id), row.name, row.plan, f"{row.created_at:%F}")
    console.print(table)
