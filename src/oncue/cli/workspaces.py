"""oncue workspaces: tenants of this installation, their plans and limits."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from sqlalchemy.orm import Session

from oncue.cli.common import console, listing, parse_id, print_json, transact
from oncue.errors import Invalid, Issue
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.settings import PLATFORMS
from oncue.workspaces import plans, service
from oncue.workspaces.models import Workspace
from oncue.workspaces.plans import PLANS

app = typer.Typer(help="Workspaces: each has its own accounts, posts, keys and limits.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

UNLIMITED: Final = "unlimited"
NUMBER: Final = re.compile(r"[0-9]{1,10}")
MOST: Final = 2**31 - 1  # what the database can hold
PLAN_HELP: Final = f"One of {', '.join(PLANS)}."
MONTH_HELP: Final = f"So many posts a calendar month (UTC), or {UNLIMITED}."
DAY_HELP: Final = f"So many posts a day (UTC) on a network: TWITTER=50, or TWITTER={UNLIMITED}."


@app.command("create")
def create(
    name: str,
    plan: Annotated[str, typer.Option(help=PLAN_HELP)] = plans.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Make a workspace."""
    workspace = transact(
        lambda session: service.create(session, name, utc_now(), plan=plan), begins=True
    )
    if as_json:
        print_json(facts(workspace))
    else:
        console.print(f"Workspace [bold]{escape(name)}[/]: {ids.to_typeid('ws', workspace.id)}")


@app.command("set")
def set_limits(
    workspace_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    plan: Annotated[str | None, typer.Option(help=PLAN_HELP)] = None,
    posts_per_month: Annotated[str | None, typer.Option(help=MONTH_HELP)] = None,
    posts_per_day: Annotated[list[str] | None, typer.Option(help=DAY_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Change a workspace's plan and limits; what is not named stays. They hold at once."""
    owner = parse_id("ws", workspace_id)
    per_day = _by_network(posts_per_day or [])

    def work(session: Session) -> Workspace:
        if plan is not None:
            service.set_plan(session, owner, plan)
        if posts_per_month is not None:
            limit = _limit("--posts-per-month", posts_per_month)
            service.set_posts_per_month(session, owner, limit)
        if per_day:
            service.set_posts_per_day(session, owner, per_day)
        return service.get(session, owner)

    changed = transact(work)
    if as_json:
        print_json(facts(changed))
    else:
        console.print(f"{changed.name}: {changed.plan}, {_in_words(changed)}", highlight=False)


@app.command("list")
def list_workspaces(as_json: AsJson = False) -> None:
    """List the workspaces."""
    found = transact(service.list_all)
    if as_json:
        print_json([facts(row) for row in found])
        return
    table = listing("id", "name", "plan", "limits", "since")
    for row in found:
        table.row(
            ids.to_typeid("ws", row.id), row.name, row.plan, _in_words(row), f"{row.created_at:%F}"
        )
    console.print(table)


def facts(row: Workspace) -> Mapping[str, Any]:
    """A workspace as commands print it; null and {} are no limits."""
    return {
        "workspaceId": ids.to_typeid("ws", row.id),
        "name": row.name,
        "plan": row.plan,
        "postsPerMonth": row.posts_per_month,
        "postsPerDay": row.posts_per_day or {},
    }


def _in_words(row: Workspace) -> str:
    per_month = [] if row.posts_per_month is None else [f"{row.posts_per_month} posts a month"]
    per_day = (row.posts_per_day or {}).items()
    words = per_month + [f"{limit} a day on {platform}" for platform, limit in per_day]
    return ", ".join(words) or "posts without limit"


def _by_network(given: Sequence[str]) -> Mapping[str, int | None]:
    """The --posts-per-day of one command; raises Invalid."""
    limits: dict[str, int | None] = {}
    for each in given:
        name, _, number = each.partition("=")
        if name.upper() not in PLATFORMS:
            message = f"{each} does not name a network, as in TWITTER=50: {', '.join(PLATFORMS)}"
            raise Invalid([Issue(field="--posts-per-day", message=message)])
        limits[name.upper()] = _limit("--posts-per-day", number)
    return limits


def _limit(option: str, given: str) -> int | None:
    if given == UNLIMITED:
        return None
    if not NUMBER.fullmatch(given) or int(given) > MOST:
        message = f"{given!r} is neither a number from 0 to {MOST} nor {UNLIMITED}"
        raise Invalid([Issue(field=option, message=message)])
    return int(given)
