"""What may stand in the fields of platformMetadata that a network knows (V49, V52, V55, V56)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

SHOWN: Final = 100  # characters of a made-up value that are repeated to its maker
COUNTABLE: Final = 10**18  # a larger number may have more digits than Python writes


class Option(Protocol):
    """The rule of one field."""

    def refuse(self, value: object) -> str | None:
        """What is wrong with `value`, rule and all; None where it may be sent."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """A constant of the network, spelled as the network spells it."""

    constants: Sequence[str]

    def refuse(self, value: object) -> str | None:
        if value in self.constants:
            return None
        return f"{_shown(value)} is not one of {', '.join(self.constants)}"


@dataclass(frozen=True, slots=True)
class Name:
    """A text that only the network can read, such as an id it gave out."""

    def refuse(self, value: object) -> str | None:
        return None if isinstance(value, str) and value else f"{_shown(value)} is no id in a string"


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, both included."""

    low: float
    high: float

    def refuse(self, value: object) -> str | None:
        match value:
            case bool():
                pass
            case int() | float() if self.low <= value <= self.high:
                return None
        return f"{_shown(value)} is not a number from {self.low} to {self.high}"


def _shown(value: object) -> str:
    """The value as it was written, as far as it fits into a sentence."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case int() if abs(value) >= COUNTABLE:
            return "so large a number"
        case _:
            return json.dumps(value, ensure_ascii=False)[:SHOWN]
