"""A good request for every operation, of our own making: random ones rarely get that far."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from api.test_openapi import ASKED, COMPAT, LATER, NEW, Ask, on

VIDEO: Final = {"mediaId": "@media", "accountIds": ["@account"], "scheduledFor": LATER}

# What the tables of test_openapi leave to other tests. In this order: a post is put away, taken
# out again, and taken down.
MORE: Final[Mapping[str, Ask]] = {
    "GET /v1/posts/import/template": Ask(),
    "POST /v1/posts/bulk": Ask(json={"posts": [NEW]}),
    "POST /v1/posts/bulk-video": Ask(json={"posts": [VIDEO]}),
    "POST /v1/posts/{post_id}/archive": on("plain"),
    "POST /v1/posts/{post_id}/unarchive": on("plain"),
    "POST /v1/posts/{post_id}/unpublish": on("plain"),
}


def good_requests(things: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every operation, and the parts of a case for it."""
    good = {operation: asks[0] for operation, asks in {**ASKED, **COMPAT}.items()} | dict(MORE)
    for operation, ask in good.items():
        yield operation, _parts(operation, ask, things)


def _parts(operation: str, ask: Ask, things: Mapping[str, str]) -> Mapping[str, Any]:
    parts: dict[str, Any] = {
        "path_parameters": {
            name: things[thing] for name, thing in ask.named.items() if f"{{{name}}}" in operation
        },
        "query": dict(parse_qsl(_told(ask.query[1:], things))),
    }
    if ask.file is not None:
        parts |= {"body": {"file": ask.file}, "media_type": "multipart/form-data"}
    elif ask.json is not None:
        body = json.loads(_told(json.dumps(ask.json), things))
        parts |= {"body": body, "media_type": "application/json"}
    return parts


def _told(text: str, things: Mapping[str, str]) -> str:
    for thing in ("account", "webhook", "media"):
        text = text.replace(f"@{thing}", things[thing])
    return text
