"""How tests ask for approval, and give or refuse it."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.answers import Problem, problem
from installation import Installation


async def act(
    installation: Installation, post: Mapping[str, Any], operation: str, **fields: object
) -> dict[str, Any]:
    """The post after an operation that is taken."""
    answer = await installation.api.post(f"/v1/posts/{post['id']}/{operation}", json=fields or None)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def refused(
    installation: Installation, post: Mapping[str, Any], operation: str, **fields: object
) -> Problem:
    """What is said to an operation that is not."""
    return problem(
        await installation.api.post(f"/v1/posts/{post['id']}/{operation}", json=fields or None)
    )


async def approved(installation: Installation, *platforms: str, **fields: object) -> dict[str, Any]:
    """A post that has been through approval."""
    post = await installation.create(*platforms, **fields)
    await act(installation, post, "start-approval")
    return await act(installation, post, "approve")


async def told(
    installation: Installation, post: Mapping[str, Any]
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """What happened to the post since its creation: types and facts."""
    answer = await installation.api.get(f"/v1/posts/{post['id']}/events")
    return [(event["type"], event["data"]) for event in answer.json()["events"]][1:]
