"""Play the network's side of a connector's steps: no HTTP, no mocks."""

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from oncue.connectors.answers import Refused, Reply

T = TypeVar("T")
Step = TypeVar("Step")


def converse(
    steps: Generator[Step, Reply, T], replies: Sequence[Reply | Refused]
) -> tuple[list[Step], T]:
    """Answer each step in turn; return what was asked and the outcome."""
    asked = [next(steps)]
    for reply in replies:
        try:
            if isinstance(reply, Refused):
                asked.append(steps.throw(reply))
            else:
                asked.append(steps.send(reply))
        except StopIteration as finished:
            outcome: T = finished.value
            return asked, outcome
    raise AssertionError(f"ended waiting for a reply to {asked[-1]}")


def ok(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, body, headers)
