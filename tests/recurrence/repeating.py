"""What the tests of recurring posts share: a post with a rule, and time that goes by."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2 as httpx
from sqlalchemy import update

from installation import Installation
from oncue.workspaces.models import Workspace

NOON = "FREQ=DAILY;BYHOUR=12;BYMINUTE=30"
SUNDAY, MONDAY, TUESDAY, WEDNESDAY = (f"2026-11-{day}T12:30" for day in range(22, 26))
"""When that comes round, for the first time half an hour after the clock's first moment."""


def path(post: dict[str, Any], rest: str = "") -> str:
    return f"/v1/posts/{post['id']}/recurrence{rest}"


async def ask(
    oncue: Installation, post: dict[str, Any], rule: str = NOON, zone: str = "UTC", **fields: object
) -> httpx.Response:
    """POST a rule."""
    body = {"recurrenceRule": rule, "timezone": zone} | fields
    return await oncue.api.post(path(post), json=body)


async def repeated(
    oncue: Installation, rule: str = NOON, zone: str = "UTC", **fields: object
) -> dict[str, Any]:
    """A post that is published now and has this rule."""
    post = await oncue.publish("MASTODON")
    answer = await ask(oncue, post, rule, zone, **fields)
    assert answer.status_code == 201, answer.text
    return post


async def live_through(oncue: Installation, *moments: str) -> None:
    """Let a worker be there at each of these moments of UTC, and do what is due."""
    for moment in moments:
        oncue.clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        await oncue.errands()
        await oncue.run_due()


async def rule_of(oncue: Installation, post: dict[str, Any]) -> dict[str, Any]:
    answer = await oncue.api.get(path(post))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def change(oncue: Installation, post: dict[str, Any], **fields: object) -> dict[str, Any]:
    answer = await oncue.api.patch(path(post), json=fields)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def history(oncue: Installation, post: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """What became of each time, earliest first."""
    answer = await oncue.api.get(path(post, "/runs?limit=100"))
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["data"]))


async def outcomes(oncue: Installation, post: dict[str, Any]) -> Sequence[tuple[str, str]]:
    """The same in short: due time to the minute, and outcome."""
    return [(run["dueAt"][:16], run["outcome"]) for run in await history(oncue, post)]


async def put_on(oncue: Installation, plan: str, workspace_id: UUID | None = None) -> None:
    """Put a workspace on a plan."""
    await oncue.db.write(
        lambda session: session.execute(
            update(Workspace)
            .where(Workspace.id == (workspace_id or oncue.workspace_id))
            .values(plan=plan)
        )
    )
