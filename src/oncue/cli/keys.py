"""oncue keys: API keys, shown once; and the key that seals secrets."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from oncue.cli.common import console, listing, parse_id, print_json, transact, workspace_id
from oncue.cli.rotating import rotate_secrets
from oncue.cli.workspaces import AsJson
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.workspaces import keys
from oncue.workspaces.keys import ALL_SCOPES, Dialect, NewKey

app = typer.Typer(help="API keys, and the secret key.")
app.command("rotate-secrets")(rotate_secrets)

Workspace = Annotated[
    str | None, typer.Option("--workspace", help="A workspace's id; the first one if left out.")
]


@app.command("create")
def create(
    workspace: Workspace = None,
    scopes: Annotated[
        str | None, typer.Option(help="Comma-separated scopes; all of them if left out.")
    ] = None,
    dialect: Annotated[Dialect, typer.Option(help="Which API the key is for.")] = Dialect.NATIVE,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown now and never again."""
    wanted = ALL_SCOPES if scopes is None else scopes.replace(",", " ").split()

    def work(session: Session) -> NewKey:
        owner = workspace_id(session, workspace)
        return keys.create(session, owner, dialect=dialect, scopes=wanted, now=utc_now(), name=name)

    made = transact(work)
    shown = ids.to_typeid("key", made.id)
    if as_json:
        print_json({"id": shown, "key": made.key, "scopes": list(made.scopes)})
        return
    console.print(f"Key {shown}, shown this once:\n\n  [bold]{made.key}[/]\n", highlight=False)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, without the keys."""
    found = transact(keys.list_keys)
    if as_json:
        print_json(
            [
                {
                    "id": ids.to_typeid("key", row.id),
                    "workspaceId": ids.to_typeid("ws", row.workspace_id),
                    "name": row.name,
                    "hint": row.hint,
                    "scopes": row.scopes,
                    "revoked": row.revoked_at is not None,
                }
                for row in found
            ]
        )
        return
    table = listing("id", "name", "key", "scopes", "since", "revoked")
    for row in found:
        table.row(
            ids.to_typeid("key", row.id),
            row.name,
            row.hint,
            "all" if len(row.scopes) == len(ALL_SCOPES) else ", ".join(row.scopes),
            f"{row.created_at:%F}",
            f"{row.revoked_at:%F}" if row.revoked_at else "",
        )
    console.print(table)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")],
) -> None:
    """End a key: it is refused from the next request on."""
    transact(lambda session: keys.revoke(session, parse_id("key", key_id), utc_now()))
    console.print(f"Revoked {key_id}.")
