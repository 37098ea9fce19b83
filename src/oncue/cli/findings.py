"""What an examination comes upon: a name, how bad it is, what was found, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only a problem keeps the installation from doing its work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the examination."""

    name: str
    level: Level
    words: str
    advice: str = ""


def ok(name: str, words: str) -> Finding:
    return Finding(name=name, level=Level.OK, words=words)


def warning(name: str, words: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.WARNING, words=words, advice=advice)


def problem(name: str, words: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.PROBLEM, words=words, advice=advice)
