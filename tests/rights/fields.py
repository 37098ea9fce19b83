"""Where the served OpenAPI document lets a request name something: the places that bear ids.

A place is written as in path:post_id, query:cursor or body:posts[].threadPosts[].mediaIds[];
what stands in an object under a name of the caller's is at {}.
"""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any, Final, TypeAlias

from api.operations import KEYLESS

Document: TypeAlias = Mapping[str, Any]
Schema: TypeAlias = Mapping[str, Any]

METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options", "trace")

# A place bears ids by its name, or because its example is an id of ours.
NAMES: Final = re.compile(r"(^|[_-])(id|ids|key|cursor|media|state|code)$|(Id|Ids|Key|Cursor)$")
ID: Final = re.compile(r"[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}")

# Places of every operation that no request of the matrix fills, each with its reason.
NOT_FILLED: Final[Mapping[str, str]] = {
    "header:idempotency-key": "one dependency reads it for all: test_other_ways_in.py",
    "body:pageId": "a network's own, looked for among the account's pages: api/test_pages.py",
    "body:clientId": "a network's own",
}


def operations(document: Document) -> Set[str]:
    """Every operation of both dialects, as in GET /v1/posts/{post_id}."""
    return {
        f"{method.upper()} {path}"
        for path, told in document["paths"].items()
        for method in told
        if method in METHODS
    }


def gaps(document: Document, filled: Mapping[str, Set[str]]) -> Set[str]:
    """What stops the matrix from being whole.

    `filled` has, for each operation, the places its request names a thing at. An operation or a
    place that only one of the two knows is a gap. What needs no key names nobody's workspace.
    """
    served = operations(document) - KEYLESS.keys()
    found = {f"no request: {operation}" for operation in served - filled.keys()}
    found |= {f"not served: {operation}" for operation in filled.keys() - served}
    for operation in served & filled.keys():
        told = id_places(document, operation) - NOT_FILLED.keys()
        found |= {f"not filled: {operation} {place}" for place in told - filled[operation]}
        found |= {f"not told of: {operation} {place}" for place in filled[operation] - told}
    return found


def id_places(document: Document, operation: str) -> Set[str]:
    """Every place where a request of this operation can name a thing."""
    return {place for place, schema in leaves(document, operation) if bears_id(place, schema)}


def bears_id(place: str, schema: Schema) -> bool:
    name = re.split(r"[.:]", place)[-1].rstrip("[]{}")
    examples = [*schema.get("examples", ()), schema.get("example")]
    return bool(NAMES.search(name)) or any(
        isinstance(example, str) and ID.fullmatch(example) for example in examples
    )


def leaves(document: Document, operation: str) -> Iterator[tuple[str, Schema]]:
    """Every parameter, and every place of a body that has no further ones in it."""
    for at, schema in roots(document, operation):
        yield from _leaves(document, schema, at, frozenset())


def roots(document: Document, operation: str) -> Iterator[tuple[str, Schema]]:
    """The schema of every parameter, and of the body in each form it may have."""
    method, path = operation.split()
    told = document["paths"][path]
    asked = told[method.lower()]
    for parameter in (*told.get("parameters", ()), *asked.get("parameters", ())):
        yield f"{parameter['in']}:{parameter['name']}", parameter["schema"]
    for content in asked.get("requestBody", {}).get("content", {}).values():
        yield "body:", content["schema"]


def _leaves(
    document: Document, schema: Schema, at: str, within: Set[str]
) -> Iterator[tuple[str, Schema]]:
    if (name := schema.get("$ref")) is not None:
        if name not in within:  # else it is told of already, some steps further out
            yield from _leaves(document, resolved(document, schema), at, within | {name})
        return
    inner = list(parts(schema, at))
    if not inner and schema.get("type") != "null":
        yield at, schema
    for place, part in inner:
        yield from _leaves(document, part, place, within)


def resolved(document: Document, schema: Schema) -> Schema:
    """What a reference refers to."""
    found: Schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def parts(schema: Schema, at: str) -> Iterator[tuple[str, Schema]]:
    """What a schema is made of, and where that is."""
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(word, ()):
            yield at, choice
    for name, field in schema.get("properties", {}).items():
        yield inside(at, name), field
    for item in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(item, Mapping):
            yield f"{at}[]", item
    if isinstance(values := schema.get("additionalProperties"), Mapping):
        yield f"{at}{{}}", values


def inside(at: str, name: str) -> str:
    """The place of a field of the object at a place."""
    return f"{at}{name}" if at.endswith(":") else f"{at}.{name}"
