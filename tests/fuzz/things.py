"""What there is: things that made-up requests can be about, so that more of them get somewhere."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

Place: TypeAlias = Mapping[str, str]  # a path's names, and what they may stand for together

PATH: Final = ParameterLocation.PATH
KEY: Final = "idempotency-key"
OFTEN: Final = 0.75  # how often something that there is takes the place of something made up


class Things:
    """Names and fields, and values they may have. The same case always gets the same."""

    def __init__(self, places: Sequence[Place], values: Mapping[str, Sequence[Any]]) -> None:
        self._places = places
        self._values = values
        self._requests = 0

    def fill(self, case: Case[Any]) -> None:
        """Let a case be about things that there are, where it says nothing wrong about them."""
        meta = case.meta
        if meta is None:
            return
        body = case.body if isinstance(case.body, dict | list) else None
        said = (case.operation.label, dict(case.path_parameters), dict(case.query), body)
        chance = random.Random(repr(said))
        names = case.path_parameters.keys()
        fitting = [place for place in self._places if names and names <= place.keys()]
        is_story = meta.phase.name is TestPhase.STATEFUL  # there, links say what it is about
        if fitting and not is_story and chance.random() < OFTEN and not meta.is_negative_at(PATH):
            place = chance.choice(fitting)
            case.path_parameters = {name: place[name] for name in names}
        if meta.generation.mode.is_negative:
            return
        if KEY in case.headers and (is_story or chance.random() < OFTEN):
            # In a story that asked the same before, what the answer of then names may be gone.
            self._requests += 1
            case.headers[KEY] = f"request {self._requests}"
        if case.query:
            case.query = self._filled(dict(case.query), chance)
        if body is not None:
            case.body = self._filled(body, chance)

    def _filled(self, part: Any, chance: random.Random) -> Any:
        match part:
            case dict():
                return {name: self._value(name, value, chance) for name, value in part.items()}
            case list():
                return [self._filled(item, chance) for item in part]
            case _:
                return part

    def _value(self, name: str, value: Any, chance: random.Random) -> Any:
        known = self._values.get(name)
        if known is None or value is None or chance.random() > OFTEN:
            return self._filled(value, chance)
        if isinstance(value, list):
            return chance.sample(known, min(len(value), len(known)))
        return chance.choice(known)
