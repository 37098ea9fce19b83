"""schemathesis and Hypothesis as we need them. Nothing here changes how much is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


@contextmanager
def tamed() -> Iterator[None]:
    """Both of them so, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        # Hypothesis draws constants of our own modules: of whichever are imported by then. Those
        # of the application schemathesis finds by itself.
        patch.setattr(providers, "_get_local_constants", Constants)
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        yield
