"""Checks values against lexicons, the schemas of Bluesky's protocol.

A strict reading of the part that posts need: what a lexicon does not name is refused, where a
real server would let it pass. https://atproto.com/specs/lexicon
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import regex

Schema: TypeAlias = Mapping[str, Any]
Lexicons: TypeAlias = Mapping[str, Mapping[str, Schema]]  # a document's id -> its definitions

DID: Final = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]"
LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
HANDLE: Final = rf"(?:{LABEL}\.)+(?=[a-zA-Z]){LABEL}"
FORMATS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "at-identifier": rf"{DID}|{HANDLE}",
        "at-uri": rf"at://(?:{DID}|{HANDLE})(?:/[a-zA-Z0-9.-]+(?:/[a-zA-Z0-9_~.:-]+)?)?",
        "cid": r"baf[a-z2-7]{56}",
        "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)",
        "did": DID,
        "handle": HANDLE,
        "language": r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]+)*",
        "nsid": rf"(?:{LABEL}\.)+{LABEL}\.[a-zA-Z][a-zA-Z0-9]*",
        "record-key": r"(?!\.{1,2}$)[a-zA-Z0-9_~.:-]{1,512}",
        "tid": r"[234567abcdefghij][234567a-z]{12}",
        "uri": r"\w+:(?://)?[^\s/]\S*",
    }.items()
}
GRAPHEME: Final = regex.compile(r"\X")


class Invalid(ValueError):
    """A value that its lexicon does not allow, in the words a server would use."""


def check(value: Any, schema: Schema, lexicons: Lexicons, home: str, at: str = "$") -> None:
    """Raise Invalid unless `value` is what `schema` of the document `home` says."""
    Checker(lexicons).check(value, schema, home, at)


class Checker:
    def __init__(self, lexicons: Lexicons) -> None:
        self._lexicons = lexicons

    def check(self, value: Any, schema: Schema, home: str, at: str) -> None:
        kind = schema["type"]
        if kind in SIMPLE:
            SIMPLE[kind](value, schema, at)
            return
        match kind:
            case "record":
                self.check(value, schema["record"], home, at)
            case "object" | "params":
                self._object(value, schema, home, at)
            case "array":
                _expect(isinstance(value, list), "array", value, at)
                _at_most(len(value), schema.get("maxLength"), "array", at)
                for number, item in enumerate(value):
                    self.check(item, schema["items"], home, f"{at}[{number}]")
            case "ref":
                self._named(value, schema["ref"], home, at)
            case "union":
                self._union(value, schema, home, at)
            case _:
                raise NotImplementedError(f"lexicon type {kind}")

    def _object(self, value: Any, schema: Schema, home: str, at: str) -> None:
        _expect(isinstance(value, dict), "object", value, at)
        for name in schema.get("required", ()):
            if name not in value:
                raise Invalid(f'Missing required key "{name}" at {at}')
        known = schema.get("properties", {})
        for name, item in value.items():
            if name == "$type":
                continue
            if name not in known:
                raise Invalid(f'Unknown key "{name}" at {at}')
            if item is not None or name not in schema.get("nullable", ()):
                self.check(item, known[name], home, f"{at}.{name}")

    def _union(self, value: Any, schema: Schema, home: str, at: str) -> None:
        _expect(isinstance(value, dict), "object", value, at)
        given = value.get("$type")
        for ref in schema["refs"]:
            if given == (home + ref if ref.startswith("#") else ref):
                self._named(value, ref, home, at)
                return
        raise Invalid(f"Expected one of {', '.join(schema['refs'])} (got {given}) at {at}.$type")

    def _named(self, value: Any, ref: str, home: str, at: str) -> None:
        document, _, name = ref.partition("#")
        document = document or home
        self.check(value, self._lexicons[document][name or "main"], document, at)


def _string(value: Any, schema: Schema, at: str) -> None:
    _expect(isinstance(value, str), "string", value, at)
    _at_most(len(value.encode()), schema.get("maxLength"), "string", at)
    if "maxGraphemes" in schema:
        _at_most(sum(1 for _ in GRAPHEME.finditer(value)), schema["maxGraphemes"], "grapheme", at)
    if (name := schema.get("format")) and not _is_formatted(value, name):
        raise Invalid(f'Invalid {name} (got "{value}") at {at}')


def _is_formatted(value: str, name: str) -> bool:
    if not FORMATS[name].fullmatch(value):
        return False
    if name == "datetime":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
    return True


def _integer(value: Any, schema: Schema, at: str) -> None:
    _expect(isinstance(value, int) and not isinstance(value, bool), "integer", value, at)
    _at_most(value, schema.get("maximum"), "integer", at)
    if value < schema.get("minimum", value):
        raise Invalid(f"integer too small (minimum {schema['minimum']}, got {value}) at {at}")


def _boolean(value: Any, _schema: Schema, at: str) -> None:
    _expect(isinstance(value, bool), "boolean", value, at)


def _blob(value: Any, schema: Schema, at: str) -> None:
    match value:
        case {"$type": "blob", "ref": {"$link": str()}, "mimeType": str(kind), "size": int(size)}:
            _at_most(size, schema.get("maxSize"), "blob", at)
            accepted = schema.get("accept", [""])
            if not any(kind.startswith(pattern.rstrip("*")) for pattern in accepted):
                raise Invalid(f'Expected "{accepted[0]}" (got "{kind}") at {at}.mimeType')
        case _:
            _expect(False, "blob", value, at)


def _unknown(value: Any, _schema: Schema, at: str) -> None:
    _expect(isinstance(value, dict), "object", value, at)


SIMPLE: Final[Mapping[str, Callable[[Any, Schema, str], None]]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "blob": _blob,
    "unknown": _unknown,
}


def _expect(holds: bool, kind: str, value: Any, at: str) -> None:
    if not holds:
        raise Invalid(f"Expected {kind} value type (got {str(value)[:100]}) at {at}")


def _at_most(actual: int, limit: int | None, what: str, at: str) -> None:
    if limit is not None and actual > limit:
        raise Invalid(f"{what} too big (maximum {limit}, got {actual}) at {at}")
