"""oncue accounts: connect accounts whose credentials are at hand."""

import asyncio
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy.orm import Session

from oncue.accounts import flows, queries, service
from oncue.accounts.checking import say_goodbye
from oncue.accounts.connecting import connect_account
from oncue.accounts.models import Account
from oncue.accounts.oauth import Wanted, begin
from oncue.accounts.places import server_named
from oncue.accounts.service import NewAccount
from oncue.cli.common import (
    console,
    listing,
    parse_id,
    parse_platform,
    print_json,
    secret_of,
    settings,
    transact,
    workspace_id,
)
from oncue.cli.keys import Workspace
from oncue.cli.workspaces import AsJson
from oncue.errors import Invalid, Issue
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.runtime import runtime
from oncue.workspaces import service as workspaces

app = typer.Typer(help="Connected accounts.")


@app.command("add")
def add(
    platform: Annotated[str, typer.Argument(help="TWITTER, BLUESKY, MASTODON, TELEGRAM ...")],
    credential: Annotated[
        list[str],
        typer.Option(
            "--credential",
            help="NAME=VALUE, once for each credential; NAME=- reads it from standard input.",
        ),
    ],
    workspace: Workspace = None,
    name: Annotated[str, typer.Option(help="What to call the account.")] = "",
    server: Annotated[str, typer.Option(help="Its server, where the network has many.")] = "",
    as_json: AsJson = False,
) -> None:
    """Connect an account, once the network has vouched for its credentials."""
    new = NewAccount(
        platform=platform.upper(),
        credentials=dict(_pair(given) for given in credential),
        server=server_named(server),
        display_name=name,
    )

    async def run() -> Account:
        async with runtime(settings()) as made:
            db = made.services.db
            owner = await db.read(lambda session: workspace_id(session, workspace))
            return await connect_account(made.services.wire, owner, new)

    account = asyncio.run(run())
    if as_json:
        print_json(facts(account))
    else:
        console.print(
            f"Connected {account.platform} [bold]{escape(account.username)}[/]: "
            f"{ids.to_typeid('acc', account.id)}"
        )


@app.command("connect")
def connect(
    platform: Annotated[str, typer.Argument(help="TWITTER, BLUESKY, MASTODON ...")],
    workspace: Workspace = None,
    server: Annotated[str, typer.Option(help="Its server, where the network has many.")] = "",
    handle: Annotated[str, typer.Option(help="The account's handle, where that says more.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the address where the account's owner allows the connection; a server has to run."""
    wanted = Wanted(platform=parse_platform(platform), server=server, handle=handle)

    async def run() -> str:
        async with runtime(settings()) as made:
            wire = made.services.wire
            owner = await wire.db.read(lambda session: workspace_id(session, workspace))
            begun = await begin(wire, owner, wanted)
            await wire.db.write(
                lambda session: flows.keep(session, wire.vault, begun.state, begun.flow, wire.now())
            )
            return begun.url

    url = asyncio.run(run())
    if as_json:
        print_json({"url": url})
        return
    console.print("Open this within ten minutes, where the server can be reached:\n")
    typer.echo(url)


@app.command("list")
def list_accounts(
    workspace: Annotated[
        str | None, typer.Option(help="A workspace's id; all of them if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the connected accounts."""

    def work(session: Session) -> list[Account]:
        named = (
            [workspace_id(session, workspace)]
            if workspace
            else [row.id for row in workspaces.list_all(session)]
        )
        return [
            account
            for owner in named
            for account in queries.list_page(session, owner, limit=10_000)
        ]

    found = transact(work)
    if as_json:
        print_json([facts(account) for account in found])
        return
    table = listing("id", "number", "platform", "username", "status", whole=("status",))
    for account in found:
        table.row(
            ids.to_typeid("acc", account.id),
            str(account.number),
            account.platform,
            account.username,
            account.status,
        )
    console.print(table)


@app.command("remove")
def remove(
    account_id: Annotated[str, typer.Argument(help="The account's id, as `list` shows it.")],
    workspace: Workspace = None,
) -> None:
    """Disconnect an account: its credentials are forgotten, its posts stay."""
    named = parse_id("acc", account_id)

    async def run() -> None:
        async with runtime(settings()) as made:
            wire = made.services.wire
            owner = await wire.db.read(lambda session: workspace_id(session, workspace))
            account = await wire.db.read(lambda session: queries.get(session, owner, named))
            now = utc_now()
            held = await wire.db.write(
                lambda session: service.part_with(session, wire.vault, owner, named, now)
            )
            await say_goodbye(wire, account, held)

    asyncio.run(run())
    console.print(f"Disconnected {account_id}.")


def facts(account: Account) -> dict[str, object]:
    """An account as commands print it."""
    return {
        "id": ids.to_typeid("acc", account.id),
        "number": account.number,
        "platform": account.platform,
        "username": account.username,
        "status": account.status,
    }


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise Invalid([Issue(field="--credential", message="reads NAME=VALUE")])
    return name, secret_of(value)
