"""Ten statuses, seven operations: what the API answers in each of the seventy cells."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import httpx2 as httpx
import pytest

from api.answers import SCENES, problem, put_in, rows
from installation import Installation
from oncue.posts.lifecycle import PERMITS, Operation, Status, statuses_permitting
from statements import statements

pytestmark = pytest.mark.anyio

Ask: TypeAlias = Callable[[Mapping[str, Any]], tuple[str, str, Mapping[str, Any] | None]]

ASKED: Final[Mapping[Operation, Ask]] = {
    Operation.EDIT: lambda post: ("PATCH", f"/v1/posts/{post['id']}", {"content": "New"}),
    Operation.PUBLISH: lambda post: ("POST", f"/v1/posts/{post['id']}/publish", None),
    Operation.CANCEL: lambda post: ("POST", f"/v1/posts/{post['id']}/cancel", None),
    Operation.RETRY: lambda post: ("POST", f"/v1/posts/{post['id']}/retry", None),
    Operation.FIX: lambda post: (
        "POST",
        f"/v1/posts/{post['id']}/platforms/{post['platforms'][0]['postPlatformId']}/fix",
        None,
    ),
    Operation.CLONE: lambda post: ("POST", f"/v1/posts/{post['id']}/clone", None),
    Operation.DELETE: lambda post: ("DELETE", f"/v1/posts/{post['id']}", None),
}


SUCCESS: Final[Mapping[Operation, int]] = dict.fromkeys(Operation, 200) | {Operation.CLONE: 201}


async def post_in(installation: Installation, status: Status) -> Mapping[str, Any]:
    created = await installation.create("MASTODON", "TWITTER")
    await put_in(installation, created, status)
    return await installation.get(created["id"])


async def ask(
    installation: Installation, post: Mapping[str, Any], operation: Operation
) -> httpx.Response:
    method, path, body = ASKED[operation](post)
    return await installation.api.request(method, path, json=body)


@statements("V122", "V142", "V144", "V145", "V165", "V166", "V183", "V288", "V304")
@statements("V196", "V197", "V198", "V199", "V200", "V201", "V202", "V203", "V204", "V205")
@pytest.mark.parametrize("status", SCENES)
async def test_each_operation_is_open_or_a_conflict_that_changes_nothing(
    installation: Installation, status: Status
) -> None:
    post = await post_in(installation, status)
    before = await rows(installation)

    refused = {
        operation: problem(await ask(installation, post, operation))
        for operation in set(Operation) - PERMITS[status]
    }
    after, unchanged = await rows(installation), await installation.get(post["id"])
    taken = {
        operation: (await ask(installation, await post_in(installation, status), operation))
        for operation in PERMITS[status]
    }

    assert refused == {
        operation: (409, "CONFLICT", reasons(operation, status)) for operation in refused
    }
    assert (after, unchanged) == (before, post)
    assert {operation: answer.status_code for operation, answer in taken.items()} == {
        operation: SUCCESS[operation] for operation in PERMITS[status]
    }


def reasons(operation: Operation, status: Status) -> Mapping[str, object]:
    permitted = sorted(statuses_permitting(operation))
    return {"operation": operation, "status": status, "permittedIn": permitted}


@statements("V206")
async def test_a_terminal_status_does_not_change_by_itself(installation: Installation) -> None:
    terminal = (Status.PUBLISHED, Status.UNPUBLISHED, Status.ARCHIVED)
    posts = {status: await installation.publish("MASTODON") for status in terminal}
    for status, post in posts.items():
        await put_in(installation, post, status)

    installation.clock.advance(days=365)
    await installation.run_due()

    statuses = {
        status: (await installation.get(post["id"]))["status"] for status, post in posts.items()
    }
    assert statuses == {status: status for status in terminal}
    assert len(installation.posts("MASTODON")) == len(terminal)
