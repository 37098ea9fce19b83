"""How tests change a post, and see what that changed."""

from collections.abc import Mapping
from typing import Any

from api.answers import Problem, problem
from installation import Installation


async def patch(installation: Installation, post: Mapping[str, Any], **fields: object) -> Any:
    """The post after a change that is taken."""
    answer = await installation.api.patch(f"/v1/posts/{post['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refusal(installation: Installation, post: Mapping[str, Any], **fields: object) -> Problem:
    """What is said to a change that is not."""
    return problem(await installation.api.patch(f"/v1/posts/{post['id']}", json=fields))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """What differs, but for the version, which always does."""
    assert after["updatedAt"] > before["updatedAt"]
    return {
        name: value
        for name, value in after.items()
        if value != before[name] and name != "updatedAt"
    }
