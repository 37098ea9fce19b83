"""A good request for every operation, of our own making: random ones rarely get that far."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from api.test_openapi import ASKED, COMPAT, LATER, NEW, PNG, Ask, on

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


# Signed addresses, by what stands behind them.
SIGNED: Final = {
    "GET /media/{media_id}": ("media", "media's address"),
    "GET /media/{media_id}/thumbnail": ("media", "thumbnail's address"),
    "PUT /v1/media/uploads/{media_id}": ("awaited media", "upload's address"),
}
BRIEFLY_GOOD: Final = (
    "POST /v1/accounts/callback/{platform}",
    "POST /v1/media/{media_id}/refresh-presign",
    *SIGNED,
)


def good_requests(things: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every operation, and the parts of a case for it; first what is good for a short time."""
    good = {operation: asks[0] for operation, asks in {**ASKED, **COMPAT}.items()} | dict(MORE)
    parts = {operation: _parts(operation, ask, things) for operation, ask in good.items()}
    parts |= {
        operation: {
            "path_parameters": {"media_id": things[media]},
            "query": dict(parse_qsl(things[address])),
        }
        for operation, (media, address) in SIGNED.items()
    }
    upload = parts["PUT /v1/media/uploads/{media_id}"]
    parts["PUT /v1/media/uploads/{media_id}"] = {
        **upload,
        "body": PNG,
        "media_type": "application/octet-stream",
    }
    for operation in BRIEFLY_GOOD:
        yield operation, parts.pop(operation)
    yield from parts.items()


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
    for thing in ("account", "webhook", "media", "file", "code", "state"):
        text = text.replace(f"@{thing}", things[thing])
    return text
