"""Posts as records of the simulated Bluesky."""

from collections.abc import Mapping
from typing import Any

from oncue.sandbox.bluesky_lexicons import POST
from oncue.sandbox.bluesky_names import blob_of, moment_of
from oncue.sandbox.ledger import Entry
from oncue.sandbox.xrpc import Body, Wrong


def expect_facets_inside(record: Body) -> None:
    """Each facet begins and ends between two characters of the text."""
    text = record["text"].encode()
    borders = {index for index, byte in enumerate(text) if byte & 0xC0 != 0x80} | {len(text)}
    for number, facet in enumerate(record.get("facets", [])):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if start >= end or not {start, end} <= borders:
            at = f"$.record.facets[{number}].index"
            raise Wrong(400, "InvalidRequest", f"Invalid {POST} record: not in the text at {at}")


def restored(entry: Entry) -> Body:
    """A post from before a restart: what the ledger keeps of it, and the time in its key."""
    record: Body = {
        "$type": POST,
        "text": entry.text,
        "createdAt": moment_of(entry.id).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if entry.media:
        images = [
            {"image": blob_of(file), **without(file, "type", "bytes", "sha256")}
            for file in entry.media
        ]
        record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
    return record


def without(these: Mapping[str, Any], *names: str) -> Body:
    return {name: value for name, value in these.items() if name not in names}
