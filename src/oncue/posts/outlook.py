"""What a workspace knows of networks at one moment: the facts that preflight judges (C30)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.connectors.registry import spec_of
from oncue.connectors.spec import Draft, Problem
from oncue.posts.checks import network_problems
from oncue.posts.lifecycle import UNFINISHED, State
from oncue.posts.models import Destination
from oncue.posts.preflight import Facts

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)


def look(
    session: Session, workspace_id: UUID, platforms: Sequence[str], text: str, now: datetime
) -> list[Facts]:
    """The facts of each platform, in the order asked for. `text` may be empty: none yet.

    Disconnected accounts do not count. A day is one of UTC, and every healthy account adds the
    network's daily limit to it.
    """
    accounts = _accounts(session, workspace_id, platforms)
    traffic = _traffic(session, workspace_id, platforms, now)
    return [
        _facts(platform, accounts.get(platform, {}), traffic.get(platform, {}), text, now)
        for platform in platforms
    ]


def _facts(
    platform: str,
    accounts: Mapping[str, int],
    traffic: Mapping[str, int],
    text: str,
    now: datetime,
) -> Facts:
    spec, healthy = spec_of(platform), accounts.get("active", 0)
    return Facts(
        network=spec.name,
        healthy_accounts=healthy,
        expired_accounts=sum(accounts.values()) - healthy,
        daily_limit=spec.daily_posts * healthy if spec.daily_posts and healthy else None,
        text_problems=_text_problems(platform, text, now),
        **traffic,
    )


def _text_problems(platform: str, text: str, now: datetime) -> list[Problem]:
    """What the network has against the text; what it wants beside a text is not asked here."""
    if not text.strip():
        return []
    draft = Draft(text=text, key="", begun_at=now)
    return [found for found in network_problems(platform, draft) if found.field == "content"]


def _accounts(
    session: Session, workspace_id: UUID, platforms: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    """How many accounts each platform has in each status."""
    rows = session.execute(
        select(Account.platform, Account.status, func.count())
        .where(
            Account.workspace_id == workspace_id,
            Account.platform.in_(platforms),
            Account.status != "disconnected",
        )
        .group_by(Account.platform, Account.status)
    )
    found: dict[str, dict[str, int]] = {platform: {} for platform in platforms}
    for platform, status, count in rows:
        found[platform][status] = count
    return found


def _traffic(
    session: Session, workspace_id: UUID, platforms: Sequence[str], now: datetime
) -> Mapping[str, Mapping[str, int]]:
    """What each platform's destinations add to Facts, by its names."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    failed = and_(Destination.state == State.FAILED, Destination.settled_at >= now - DAY)
    today = or_(_published_since(midnight), _going_out_before(midnight + DAY))
    near = or_(
        _published_since(now - HOUR),
        and_(_going_out_before(now + HOUR), _when() >= now - HOUR),
    )
    rows = session.execute(
        select(
            Destination.platform,
            func.count().filter(failed).label("recent_failures"),
            func.count().filter(today).label("posts_today"),
            func.count().filter(near).label("posts_within_an_hour"),
        )
        .where(Destination.workspace_id == workspace_id, Destination.platform.in_(platforms))
        .group_by(Destination.platform)
    ).mappings()
    return {
        row["platform"]: {name: row[name] for name in row if name != "platform"} for row in rows
    }


def _when() -> ColumnElement[datetime | None]:
    """When an unfinished destination goes out; one that is with a worker was due."""
    return func.coalesce(Destination.run_at, Destination.due_at)


def _published_since(moment: datetime) -> ColumnElement[bool]:
    return and_(Destination.state == State.PUBLISHED, Destination.published_at >= moment)


def _going_out_before(moment: datetime) -> ColumnElement[bool]:
    return and_(Destination.state.in_(UNFINISHED), _when() < moment)
