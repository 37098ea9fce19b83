"""How a publication ended, as its event says it: the facts of that moment."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.posts.lifecycle import SHOWN_AS, State, Status
from oncue.posts.models import Destination


def result(
    status: Status, published_at: datetime | None, rows: Iterable[Destination]
) -> dict[str, Any]:
    """The data of post.published, post.partial and post.failed (V318)."""
    return {
        "status": status,
        "publishedAt": _iso(published_at),
        "platforms": [_shown(row) for row in rows],
    }


def _shown(row: Destination) -> dict[str, Any]:
    return {
        "postPlatformId": ids.to_typeid("pp", row.id),
        "accountId": ids.to_typeid("acc", row.account_id),
        "platform": row.platform.lower(),
        "status": SHOWN_AS[State(row.state)],
        "platformPostId": row.platform_post_id,
        "platformPostUrl": row.platform_post_url,
        "publishedAt": _iso(row.published_at),
        "error": row.error,
    }


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
