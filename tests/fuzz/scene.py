"""What an installation has to be asked about, once it has test_openapi's scene."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from api.test_openapi import HOOK
from fuzz.things import Place, Things
from installation import Installation
from oncue.api.native.paging import write_cursor
from oncue.lib import ids
from oncue.lib.clock import iso

POSTS: Final = (
    "partial",
    "failed",
    "unknown",
    "published",
    "plain",
    "recurring",
    "threaded",
    "draft",
    "doomed",
    "submitted",
    "pending",
    "pending too",
)


def things_of(installation: Installation, made: Mapping[str, str]) -> Things:
    """A scene that was made, as paths and as values of fields."""
    posts = [made[name] for name in POSTS]
    accounts = list(installation.accounts.values())
    times = [iso(installation.clock() + timedelta(days=days)) for days in (1, 30, 400)]
    media, account_ids = [made["media"]], [ids.to_typeid("acc", row.id) for row in accounts]
    cursor = write_cursor(installation.workspace_id, installation.clock(), accounts[0].id)
    return Things(
        _places(made),
        {
            "accountId": account_ids,
            "accountIds": account_ids,
            "account_id": [row.number for row in accounts],
            "account_ids": [row.number for row in accounts],
            "at": ["2026-11-25T09:00:00Z"],
            "cursor": [cursor],
            "media": media,
            "mediaId": media,
            "mediaIds": media,
            "media_ids": media,
            "personaId": [made["persona"], "our brand's voice"],
            "postIds": posts,
            "post_ids": posts,
            "recurrenceRule": ["FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "FREQ=WEEKLY;COUNT=3"],
            "scheduledFor": times,
            "scheduled_for": times,
            "timezone": ["UTC", "Europe/Berlin", "Australia/Lord_Howe"],
            "url": [HOOK["url"]],
            "webhookId": [made["webhook"]],
        },
    )


def _places(made: Mapping[str, str]) -> list[Place]:
    posts = [{"post_id": made[name], "platform_id": made[f"{name}'s platform"]} for name in POSTS]
    hooks = [
        {"webhook_id": made["webhook"], "delivery_id": made["delivery"]},
        {"webhook_id": made["doomed webhook"]},
    ]
    personas = [{"persona_id": made[name]} for name in ("persona", "doomed persona")]
    return [
        *posts,
        *hooks,
        *personas,
        {"account_id": made["account"]},
        {"media_id": made["media"]},
        {"job_id": made["job"]},
    ]
