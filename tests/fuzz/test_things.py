"""What is made up becomes about things that there are, and has keys of its own."""

from types import SimpleNamespace
from typing import Any

from schemathesis.generation.meta import TestPhase

from fuzz.things import KEY, Things


def keys_of_the_same_requests(phase: TestPhase) -> list[str]:
    """What becomes of a key that was made up for twenty requests, each of them sent twice."""
    things = Things([], {})
    cases = [made_up(phase, {"content": f"post {n}"}) for n in range(20) for _ in range(2)]
    for case in cases:
        things.fill(case)
    return [case.headers[KEY] for case in cases]


def made_up(phase: TestPhase, body: Any) -> Any:
    """A case as far as it is looked at, with nothing wrong about it."""
    meta = SimpleNamespace(
        phase=SimpleNamespace(name=phase),
        generation=SimpleNamespace(mode=SimpleNamespace(is_negative=False)),
    )
    return SimpleNamespace(
        meta=meta,
        operation=SimpleNamespace(label="POST /v1/posts"),
        path_parameters={},
        query={},
        headers={KEY: "made up"},
        body=body,
    )


def test_no_request_of_a_story_is_a_repetition_of_an_earlier_one() -> None:
    keys = keys_of_the_same_requests(TestPhase.STATEFUL)

    assert len(set(keys)) == len(keys)


def test_elsewhere_some_are_sent_as_they_were_made_up() -> None:
    keys = keys_of_the_same_requests(TestPhase.FUZZING)

    assert "made up" in keys
    assert len(set(keys)) > len(keys) / 2
