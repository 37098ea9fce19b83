"""How networks count text, and where its links and tags are. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import regex

GRAPHEME: Final = regex.compile(r"\X")
URL: Final = regex.compile(r"(?<![\p{L}\p{N}_])https?://[^\s<>\"]+", regex.IGNORECASE)
# Ends a sentence or a quotation more often than an address.
TRAILING: Final = ".,:;!?'\"*_~…‘’“”«»。，、！？；：」』】）"
BRACKETS: Final[Mapping[str, str]] = {")": "(", "]": "[", "}": "{"}
# U+FE0F after the sign makes it the keycap emoji; an invisible character ends a tag.
HASHTAG: Final = regex.compile(r"(?<![^\s(])[#＃](?!\uFE0F)[^\s\p{Cf}#＃]*[^\s\p{Cf}#＃\p{P}]")
MORE_THAN_A_NUMBER: Final = regex.compile(r"[^\p{N}\p{P}\p{M}#＃]")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: from `start` up to, not including, `end`, in code points."""

    start: int
    end: int
    text: str


def graphemes(text: str) -> int:
    """How many characters a person sees: a family emoji is one."""
    return sum(1 for _ in GRAPHEME.finditer(text))


def utf8_bytes(text: str) -> int:
    return len(text.encode())


def links(text: str) -> list[Span]:
    """The http and https addresses in `text`, in order, as a reader would click them.

    The full stop after an address is the sentence's, and so is the bracket around it; a
    bracket that was opened inside the address belongs to it.
    """
    spans = (
        Span(found.start(), found.start() + len(address), address)
        for found in URL.finditer(text)
        for address in [_without_trailing(found.group())]
    )
    return [span for span in spans if _names_a_host(span.text)]


def hashtags(text: str) -> list[Span]:
    """Every #tag in `text`, its sign included; the punctuation after it is the sentence's.

    #1 is a number, not a tag.
    """
    found = (Span(match.start(), match.end(), match.group()) for match in HASHTAG.finditer(text))
    return [span for span in found if MORE_THAN_A_NUMBER.search(span.text)]


def _without_trailing(address: str) -> str:
    surplus = {
        closing: address.count(closing) - address.count(opening)
        for closing, opening in BRACKETS.items()
    }
    end = len(address)
    while end and (address[end - 1] in TRAILING or surplus.get(address[end - 1], 0) > 0):
        end -= 1
        if address[end] in surplus:
            surplus[address[end]] -= 1
    return address[:end]


def _names_a_host(address: str) -> bool:
    return address.partition("://")[2][:1].isalnum()
