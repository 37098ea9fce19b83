"""oncue apps: the apps by which networks know a workspace."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from oncue.accounts import apps
from oncue.accounts.models import WorkspaceApp
from oncue.accounts.vault import open_vault
from oncue.cli.common import (
    console,
    listing,
    parse_platform,
    print_json,
    secret_of,
    settings,
    transact,
    workspace_id,
)
from oncue.cli.keys import Workspace
from oncue.cli.workspaces import AsJson
from oncue.connectors.grants import App
from oncue.lib.clock import utc_now

app = typer.Typer(help="Apps at networks where one is made by hand; their secrets stay sealed.")

Platform = Annotated[str, typer.Argument(help="TWITTER ...")]


@app.command("set")
def set_app(
    platform: Platform,
    client_id: Annotated[str, typer.Option(help="What the network calls the app.")],
    client_secret: Annotated[
        str, typer.Option(help="Its secret; - reads it from standard input.")
    ] = "",
    workspace: Workspace = None,
) -> None:
    """Give a workspace its own app. It goes before ONCUE_<PLATFORM>_CLIENT_ID."""
    current, named = settings(), parse_platform(platform)
    vault = open_vault(current.secret_keys, current.key_file)
    made = App(client_id=client_id, secret=secret_of(client_secret))

    def work(session: Session) -> None:
        owner = workspace_id(session, workspace)
        apps.put(session, vault, owner, named, made, utc_now())

    transact(work)
    console.print(f"{named} knows the workspace as {client_id} from now on.", highlight=False)


@app.command("list")
def list_apps(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List a workspace's own apps, without their secrets."""

    def work(session: Session) -> list[WorkspaceApp]:
        return list(apps.list_own(session, workspace_id(session, workspace)))

    found = transact(work)
    if as_json:
        print_json([{"platform": row.platform, "clientId": row.client_id} for row in found])
        return
    table = listing("platform", "client id", "since")
    for row in found:
        table.row(row.platform, row.client_id, f"{row.updated_at:%F}")
    console.print(table)


@app.command("remove")
def remove_app(platform: Platform, workspace: Workspace = None) -> None:
    """Go back to the installation's app."""
    named = parse_platform(platform)
    transact(lambda session: apps.remove(session, workspace_id(session, workspace), named))
    console.print(f"{named} knows the workspace by the installation's app again.")
