"""What receivers read: an envelope, and in it what happened, with constants in capitals (C12)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from oncue.lib import ids
from oncue.lib.clock import iso
from oncue.outbox import Event
from oncue.posts.lifecycle import Status

PUBLISH_ERROR: Final = "PUBLISH_ERROR"
IN_CAPITALS: Final = frozenset({"status", "platform"})
STATUSES: Final = frozenset(Status)


def envelope(message_id: UUID, type_: str, created_at: datetime, data: Mapping[str, Any]) -> str:
    """The body of a message, as it is signed and sent."""
    whole = {
        "id": ids.to_typeid("evt", message_id),
        "type": type_,
        "createdAt": iso(created_at),
        "data": data,
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def data_of(event: Event, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """An event's data for receivers. `facts` are those of its post (None: it is gone).

    What the event says itself comes first: it is what was true when it happened.
    """
    said = {name: value for name, value in event.data.items() if name != "post"}
    owner = {"workspaceId": ids.to_typeid("ws", event.workspace_id)}
    if event.post_id is None:
        return {**_in_capitals(said), **owner}
    known = facts or event.data.get("post") or {}
    meant = event.type.removeprefix("post.")
    status = said.get("status") or (meant if meant in STATUSES else known.get("status"))
    told = {
        "id": ids.to_typeid("post", event.post_id),
        **owner,
        "content": known.get("content"),
        "scheduledFor": known.get("scheduledFor"),
        **said,
        "status": status,
    }
    if "platforms" in told:
        told["platforms"] = [_platform(entry) for entry in told["platforms"]]
    capitals: dict[str, Any] = _in_capitals(told)
    return capitals


def _platform(entry: Mapping[str, Any]) -> dict[str, Any]:
    """How it went on one account: where and when, or why not."""
    names = ["platform", "accountId", "postPlatformId", "status"]
    if entry["status"] == "published":
        names += ["platformPostId", "platformPostUrl", "publishedAt"]
    told = {name: entry[name] for name in names}
    if entry["status"] == "failed":
        told["error"] = {"code": PUBLISH_ERROR, "message": entry["error"]}
    return told


def _in_capitals(part: Any) -> Any:
    match part:
        case dict():
            return {
                name: value.upper()
                if name in IN_CAPITALS and isinstance(value, str)
                else _in_capitals(value)
                for name, value in part.items()
            }
        case list():
            return [_in_capitals(item) for item in part]
        case _:
            return part
