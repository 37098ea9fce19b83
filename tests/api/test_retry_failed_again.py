"""A retry of failures that is cut off, sent again, or asked for twice at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import httpx2 as httpx
import pytest
from sqlalchemy.orm import Session

from installation import Installation
from oncue.api.app import create_app
from oncue.db.database import Database, Topic
from oncue.errors import Unavailable
from oncue.posts.lifecycle import State
from oncue.posts.retry_failed import BATCH
from posts.failures import fail_many, fences, states

pytestmark = pytest.mark.anyio

T = TypeVar("T")

NATIVE: Final = "/v1/posts/retry-failed"
COMPAT: Final = "/api/v1/posts/retry-failed"
MANY: Final = 3 * BATCH + 1


class Dying:
    """A database that goes away after so many writes, as it does for a process that is killed."""

    def __init__(self, db: Database, writes: int) -> None:
        self._db, self._left = db, writes

    async def write(self, work: Callable[[Session], T]) -> T:
        if self._left == 0:
            raise Unavailable("The process is gone")
        self._left -= 1
        return await self._db.write(work)

    async def read(self, work: Callable[[Session], T]) -> T:
        return await self._db.read(work)

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        self._db.on(topic, wake)

    async def drain(self) -> None:
        await self._db.drain()

    async def close(self) -> None:
        await self._db.close()


async def ask(
    installation: Installation, path: str, *, key: str = "", writes: int | None = None
) -> httpx.Response:
    """Ask for all of Mastodon's failures, of a process that lives for so many writes."""
    services = installation.services
    if writes is not None:
        services = replace(services, db=Dying(services.db, writes))
    headers = {"authorization": f"Bearer {installation.key}"}
    if key:
        headers["idempotency-key"] = key
    transport = httpx.ASGITransport(app=create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://oncue.test") as api:
        return await api.post(path, json={"platform": "mastodon"}, headers=headers)


@pytest.mark.parametrize("path", [NATIVE, COMPAT])
async def test_a_retry_that_was_cut_off_is_finished_under_the_same_key(
    installation: Installation, path: str
) -> None:
    failed = await fail_many(installation, MANY)
    begun_and_two_parts = 3

    cut_off = await ask(installation, path, key="one", writes=begun_and_two_parts)
    halfway = await states(installation)
    finished = await ask(installation, path, key="one")
    again = await ask(installation, path, key="one")

    assert cut_off.status_code == 503
    assert halfway == {State.WAITING: 2 * BATCH, State.FAILED: MANY - 2 * BATCH}
    for answer in (finished, again):
        assert answer.status_code == 200
        assert answer.headers["idempotent-replayed"] == "true"
        assert len(answer.json()["destinations"]) == len(failed)
    assert again.json()["destinations"] == finished.json()["destinations"]
    assert await fences(installation) == {1: MANY}


async def test_without_a_key_the_rest_is_retried_and_told(installation: Installation) -> None:
    await fail_many(installation, MANY)

    await ask(installation, COMPAT, writes=3)
    answer = await ask(installation, COMPAT)

    assert answer.json()["retried_count"] == MANY - 2 * BATCH
    assert await fences(installation) == {1: MANY}


async def test_two_requests_with_one_key_share_the_work_and_the_answer(
    installation: Installation,
) -> None:
    await fail_many(installation, MANY)

    answers = await asyncio.gather(*(ask(installation, COMPAT, key="one") for _ in range(4)))

    first, *others = [answer.json()["destinations"] for answer in answers]
    assert len(first) == MANY
    assert all(other == first for other in others)
    assert await fences(installation) == {1: MANY}


async def test_two_requests_at_once_retry_nothing_twice(installation: Installation) -> None:
    await fail_many(installation, MANY)

    answers = await asyncio.gather(*(ask(installation, COMPAT) for _ in range(3)))

    told = [row["destination_id"] for answer in answers for row in answer.json()["destinations"]]
    assert len(told) == len(set(told)) == MANY
    assert await fences(installation) == {1: MANY}


async def test_a_key_answers_for_one_request_only(installation: Installation) -> None:
    await fail_many(installation, 1)
    headers = {"idempotency-key": "one"}
    await installation.api.post(COMPAT, json={"platform": "x"}, headers=headers)

    answer = await installation.api.post(COMPAT, json={"platform": "mastodon"}, headers=headers)

    code = answer.json()["error"]["code"]
    assert (answer.status_code, code) == (409, "idempotency_conflict")
    assert await states(installation) == {State.FAILED: 1}


async def test_a_request_without_a_filter_does_not_use_its_key_up(
    installation: Installation,
) -> None:
    await fail_many(installation, 1)
    headers = {"idempotency-key": "one"}
    await installation.api.post(COMPAT, json={}, headers=headers)

    answer = await installation.api.post(COMPAT, json={"platform": "mastodon"}, headers=headers)

    assert answer.json()["retried_count"] == 1
