"""`version` and `updatedAt`: of two who change a post at once, the second is told."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import pytest

from api.answers import invalid, problem
from installation import Installation
from statements import statements

pytestmark = pytest.mark.anyio

NOON = "2026-11-22T12:00:00.000Z"


async def patch(
    installation: Installation, post: Mapping[str, Any], **fields: object
) -> httpx.Response:
    return await installation.api.patch(f"/v1/posts/{post['id']}", json=fields)


@statements("V139")
async def test_a_change_of_a_version_that_is_past_is_a_conflict(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    await patch(installation, post, content="Theirs")

    late = await patch(installation, post, content="Mine", version=post["updatedAt"])

    now = "2026-11-22T12:00:00.001Z"
    assert problem(late) == (409, "CONFLICT", {"version": NOON, "updatedAt": now})
    assert (await installation.get(post["id"]))["content"] == "Theirs"


@statements("V139", "V141")
async def test_of_many_changes_of_one_version_one_is_made(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    answers = await asyncio.gather(
        *(
            patch(installation, post, content=f"{number}", version=post["updatedAt"])
            for number in range(10)
        )
    )

    [won] = [answer.json() for answer in answers if answer.is_success]
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert await installation.get(post["id"]) == won


@statements("V140")
async def test_without_a_version_nothing_is_checked(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    answers = [await patch(installation, post, content=text) for text in ("one", "two")]
    unchecked = await patch(installation, post, content="three", version=None)

    assert [answer.status_code for answer in (*answers, unchecked)] == [200, 200, 200]


@statements("V141")
async def test_a_version_is_an_instant_however_it_is_written(installation: Installation) -> None:
    spellings = [
        "2026-11-22T12:00:00.000Z",
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00+00:00",
        "2026-11-22T17:45:00.000+05:45",
    ]

    for version in spellings:
        post = await installation.create("MASTODON")
        answer = await patch(installation, post, content="New", version=version)
        assert (answer.status_code, answer.json()["content"]) == (200, "New"), version


@statements("V139")
async def test_what_is_no_version_is_refused(installation: Installation) -> None:
    post = await installation.create("MASTODON")
    wrong = ["latest", "", 1, "2026-11-22T12:00:00"]

    refused = [
        problem(await patch(installation, post, content="New", version=version))
        for version in wrong
    ]

    assert refused == [invalid("version")] * len(wrong)
    assert await installation.get(post["id"]) == post


@statements("V139")
async def test_a_version_alone_asks_whether_anything_has_changed(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON")
    first = await patch(installation, post, version=post["updatedAt"])
    second = await patch(installation, post, version=post["updatedAt"])

    assert (first.status_code, second.status_code) == (200, 409)


@statements("V91", "V139")
async def test_every_write_has_a_later_version_even_when_the_clock_stands_still(
    installation: Installation,
) -> None:
    await installation.fault(kind="reject", platform="MASTODON")
    post = await installation.create("MASTODON")
    path = f"/v1/posts/{post['id']}"
    fix = f"{path}/platforms/{post['platforms'][0]['id']}/fix"
    versions = [post["updatedAt"]]

    async def note(answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        versions.append((await installation.get(post["id"]))["updatedAt"])

    await note(await installation.api.patch(path, json={"content": "New"}))
    await note(await installation.api.patch(path, json={"scheduledFor": "2026-11-22T13:00:00Z"}))
    await note(await installation.api.post(f"{path}/cancel"))
    await note(await installation.api.post(f"{path}/publish"))
    await installation.run_due()
    await note(await installation.api.get(path))  # failed
    await note(await installation.api.post(fix))
    await installation.run_due()
    await note(await installation.api.get(path))  # published

    assert versions == sorted(set(versions))
    assert len(versions) == 8


@statements("V91", "V139")
async def test_a_version_grows_when_the_clock_goes_back(installation: Installation) -> None:
    post = await installation.create("MASTODON")

    installation.clock.advance(hours=-1)
    after = (await patch(installation, post, content="New")).json()

    assert after["updatedAt"] == "2026-11-22T12:00:00.001Z"
