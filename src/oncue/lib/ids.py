"""Identifiers: UUIDv7 inside (sorted by birth), TypeIDs outside (post_01h455vb4pex5vsknk084sn02q).

TypeID is a prefix, an underscore, and the UUID in 26 characters of Crockford's base 32:
https://github.com/jetify-com/typeid/tree/main/spec
"""

import re
import secrets
from datetime import datetime
from threading import Lock
from typing import Final
from uuid import UUID

from oncue.lib.clock import to_epoch_ms

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_LENGTH: Final = 26
_COUNTER_BITS: Final = 12
_SUFFIX: Final = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_PLAIN: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

_lock = Lock()
_last: tuple[int, int] = (0, 0)


class BadId(ValueError):
    """A string that is no id of the kind asked for."""


def new_id(at: datetime) -> UUID:
    """A UUIDv7 born `at`, later than every id this process made in the same millisecond."""
    global _last  # noqa: PLW0603  (one counter per process is the point)
    milliseconds = to_epoch_ms(at)
    with _lock:
        newest, counter = _last
        if milliseconds > newest:
            _last = (milliseconds, secrets.randbits(_COUNTER_BITS - 1))
        elif counter + 1 < 1 << _COUNTER_BITS:
            _last = (newest, counter + 1)
        else:
            _last = (newest + 1, 0)
        milliseconds, counter = _last
    value = milliseconds << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def to_typeid(prefix: str, value: UUID) -> str:
    """`value` as the outside sees it, with the kind of thing it names in front."""
    number = value.int
    characters = []
    for _ in range(_LENGTH):
        characters.append(ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(characters))}"


def written_pattern(prefix: str) -> str:
    """A regular expression, of Python and of ECMA 262, for what `to_typeid` writes."""
    return f"^{prefix}_{_SUFFIX}$"


def read_pattern(prefix: str) -> str:
    """The same for what `from_typeid` reads."""
    return f"^({prefix}_{_SUFFIX}|{_PLAIN})$"


def from_typeid(prefix: str, text: str) -> UUID:
    """The UUID that `text` names, as a TypeID with this prefix or as a plain UUID.

    Raises BadId for anything else, also for the TypeID of something else.
    """
    head, underscore, suffix = text.rpartition("_")
    if not underscore:
        return _plain(text)
    if head != prefix:
        raise BadId(f"{prefix}_ ids are expected here")
    if len(suffix) != _LENGTH or suffix[0] > "7":
        raise BadId("the part after the underscore is not 26 characters of base 32")
    number = 0
    for character in suffix:
        if character not in _VALUES:
            raise BadId(f"{character!r} is not a character of an id")
        number = number << 5 | _VALUES[character]
    return UUID(int=number)


def _plain(text: str) -> UUID:
    if not re.fullmatch(_PLAIN, text):  # UUID() reads braces, urn:uuid: and missing dashes too
        raise BadId("neither an id with a prefix nor a UUID")
    return UUID(text)
