"""schemathesis and Hypothesis as we need them: the same every time, and in less time.

Nothing here changes how much is asked.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis.core.jsonschema.patterns import update_quantifier
from schemathesis.specs.openapi import converter
from schemathesis.specs.openapi.coverage import _operation
from schemathesis.specs.openapi.coverage._schema import CoverageContext

LONG: Final = 500  # characters: repeating a class of them as often is a large automaton
OBJECTS: Final = 200_000  # that are made between two looks for garbage; what is asked is all kept

DISTINCT: Final = CoverageContext._distinct_array


@contextmanager
def tamed() -> Iterator[None]:
    """Both of them so, for as long as the block lasts."""
    thresholds = gc.get_threshold()
    with pytest.MonkeyPatch.context() as patch:
        # Hypothesis draws constants of our own modules: of whichever are imported by then. Those
        # of the application schemathesis finds by itself.
        patch.setattr(providers, "_get_local_constants", Constants)
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        # A text's greatest length becomes part of its pattern. To compile ^[^\0]{0,63206}$ takes a
        # third of a second, again in each schema that has it somewhere.
        patch.setattr(converter, "update_quantifier", with_short_length)
        patch.setattr(_operation, "update_quantifier", with_short_length)
        # Five hundred different ids take two seconds, and are drawn anew where examples differ.
        patch.setattr(CoverageContext, "_distinct_array", distinct_whatever_the_examples)
        gc.set_threshold(OBJECTS, *thresholds[1:])
        try:
            yield
        finally:
            gc.set_threshold(*thresholds)


def distinct_whatever_the_examples(
    context: CoverageContext, schema: dict[str, Any], length: int
) -> list[Any]:
    """So many different items of an array, which the array's own examples have no part in."""
    plain = {name: value for name, value in schema.items() if name != "examples"}
    return DISTINCT(context, plain, length)


def with_short_length(pattern: str, least: int | None, most: int | None) -> str:
    """The pattern, with its lengths in it where they are short."""
    return pattern if (most or 0) > LONG else update_quantifier(pattern, least, most)
